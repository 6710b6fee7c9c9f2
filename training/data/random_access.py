"""Single examples of a split by their number."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

MEMORY_LIMIT = 2**30

# A guess for strings, whose size no one knows before reading them.
_STRING_BYTES = 256


@dataclasses.dataclass(frozen=True)
class RandomAccess:
    """Random access to the examples of a split.

    Args:
        one: function from an int64 `()` to an example.
        many: function from int64 `(batch_size,)` to a batch; None where
            examples must be made one by one.
    """

    one: Callable
    many: Callable | None = None


def random_access(examples, count, memory_limit=MEMORY_LIMIT):
    """Finds the fastest random access that `examples` allows.

    Args:
        examples: `tf.data.Dataset` of `count` examples in fixed order.
        count: int.
        memory_limit: int, in bytes. Smaller sets are read into memory.

    Returns:
        `RandomAccess`, or None if the examples can only be read in order.
    """
    size = example_bytes(examples.element_spec)
    if size is not None and count * size <= memory_limit:
        everything = examples.batch(count, num_parallel_calls=tf.data.AUTOTUNE)
        everything = everything.get_single_element()

        def rows(indices):
            return tf.nest.map_structure(
                lambda column: tf.gather(column, indices), everything
            )

        return RandomAccess(one=rows, many=rows)
    try:
        tf.data.experimental.at(examples, 0)
    except (tf.errors.FailedPreconditionError, tf.errors.UnimplementedError):
        return None
    return RandomAccess(
        one=lambda index: tf.data.experimental.at(examples, index)
    )


def example_bytes(element_spec):
    """Bytes of one example in memory, or None where shapes are not static."""
    total = 0
    for spec in tf.nest.flatten(element_spec):
        if not isinstance(spec, tf.TensorSpec) or not (
            spec.shape.is_fully_defined()
        ):
            return None
        size = _STRING_BYTES if spec.dtype == tf.string else spec.dtype.size
        total += spec.shape.num_elements() * size
    return total
