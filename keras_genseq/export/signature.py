"""What a model offers to its clients: one named function per use."""

import collections.abc
import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Signature:
    """One function that a server answers, with what goes into it.

    A model returns these from `serving_signatures()`, under the names by
    which clients ask for them.

    Args:
        function: callable. Takes one tensor per input, by keyword, and returns
            a dict of tensors: its keys are the names of the outputs.
        inputs: dict of name to `tf.TensorSpec`. The leading dimension of each
            is the batch and must be `None`.
        example: dict of name to array. One valid request of one row: a server
            replays it before it takes requests, and a client without inputs
            sends it.
        description: str. What it does, for people.
        notes: dict of name to dict of JSON values: what clients should know of
            an input beside its spec. `description`, `default`, `minimum`,
            `maximum`, `max_steps` of a free dimension, `max_bytes` of a text.

    Raises:
        ValueError: if `inputs` and `example` disagree in names, dtypes or
            shapes, or if an input has no free batch dimension.

    Example:

    ```python
    keras_genseq.export.Signature(
        function=lambda x: {"log_prob": -tf.reduce_sum(x**2, axis=1)},
        inputs={"x": tf.TensorSpec((None, 784), "float32")},
        example={"x": np.zeros((1, 784), "float32")},
    )
    ```
    """

    function: collections.abc.Callable
    inputs: dict[str, tf.TensorSpec]
    example: dict[str, np.ndarray]
    description: str = ""
    notes: dict[str, dict] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if not callable(self.function):
            raise ValueError(
                "`function` must be callable. Received: "
                f"function={self.function!r}"
            )
        if not self.inputs or set(self.inputs) != set(self.example):
            raise ValueError(
                "`inputs` and `example` must have the same names, at least "
                f"one. Received: inputs with names {sorted(self.inputs)} and "
                f"example with names {sorted(self.example)}"
            )
        for name, spec in self.inputs.items():
            _check_spec(name, spec)
            _check_example(name, spec, np.asarray(self.example[name]))


def tensor_dtype(array):
    """Returns the `tf.DType` of an array, `tf.string` for text and bytes."""
    if array.dtype.kind in "SUO":
        return tf.string
    return tf.as_dtype(array.dtype)


def _check_spec(name, spec):
    if not name.isidentifier():
        raise ValueError(
            "The name of an input must be a Python identifier, so that "
            f"`function` can take it by keyword. Received: {name!r}"
        )
    if not isinstance(spec, tf.TensorSpec):
        raise ValueError(
            f"Input {name!r} must be described by a `tf.TensorSpec`. "
            f"Received: {spec!r}"
        )
    if not spec.shape.rank or spec.shape[0] is not None:
        raise ValueError(
            f"Input {name!r} must have a free batch dimension: its shape "
            f"begins with None. Received: shape={spec.shape}"
        )


def _check_example(name, spec, array):
    dtype = tensor_dtype(array)
    fits = spec.shape.is_compatible_with(array.shape) and len(array) == 1
    if dtype != spec.dtype or not fits:
        wanted = (1, *spec.shape[1:])
        raise ValueError(
            f"The example of input {name!r} must be one row of dtype "
            f"{spec.dtype.name} and shape {wanted}. Received: dtype "
            f"{dtype.name}, shape {array.shape}"
        )
