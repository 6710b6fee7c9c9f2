"""What a served graph checks of a request before all else: shapes and sizes."""

import tensorflow as tf

from keras_genseq.ops.values import has_no_rows


def as_specified(tensors, inputs, max_steps):
    """Refuses tensors of other shapes than a signature says, and huge ones.

    A server checks names and dtypes alone; a tensor of another shape would be
    broadcast, or used in part. What is traced knows the shapes of the
    signature, and checks of them would be folded away: they are hidden first.

    Args:
        tensors: dict of name to tensor.
        inputs: dict of name to `Input`. The first one leads: its rows are those
            of the request.
        max_steps: int. The most steps of a free dimension, bytes of a text and
            steps to make.

    Returns:
        dict of name to tensor, each of which waits for all checks.

    Raises:
        tf.errors.InvalidArgumentError: when it runs.
    """
    # In the order of `inputs`: a traced function gets its tensors sorted.
    hidden = {
        name: tf.raw_ops.PlaceholderWithDefault(input=tensors[name], shape=None)
        for name in inputs
    }
    checks = []

    def check(condition, message):
        with tf.control_dependencies(checks[-1:]):
            checks.append(tf.debugging.Assert(condition, [message]))

    rows = leading = None
    for name, x in hidden.items():
        each = inputs[name]
        words = _in_words(each.spec.shape)
        sizes = _checked_sizes(x, name, each.spec.shape, check, checks)
        if rows is None:
            rows, leading = sizes[0], name
            check(tf.greater(rows, 0), has_no_rows(name))
        what = (
            "one value per" if each.spec.shape.rank == 1 else "a row for each"
        )
        check(
            tf.equal(sizes[0], rows),
            f"`{name}` must have shape {words}: {what} row of `{leading}`.",
        )
        with tf.control_dependencies(checks[-1:]):
            _check_steps(x, name, each, sizes, max_steps, check)
    with tf.control_dependencies(checks):
        return {
            name: tf.ensure_shape(tf.identity(x), inputs[name].spec.shape)
            for name, x in hidden.items()
        }


def _in_words(shape):
    sizes = ("any" if n is None else str(n) for n in shape[1:])
    # A vector of one value per row is `(batch_size,)`.
    return f"({', '.join(['batch_size', *sizes])}{',' * (shape.rank == 1)})"


def _checked_sizes(x, name, shape, check, checks):
    """The shape of `x` as a vector, once its rank and fixed sizes are right."""
    message = f"`{name}` must have shape {_in_words(shape)}."
    # Not by `tf.rank`: graph optimizers take the rank of `ensure_shape` for it.
    check(tf.equal(tf.size(tf.shape(x)), shape.rank), message)
    with tf.control_dependencies(checks[-1:]):
        sizes = tf.reshape(tf.shape(x), [shape.rank])
    fixed = [i for i, size in enumerate(shape) if size is not None]
    right = [tf.equal(sizes[i], shape[i]) for i in fixed]
    check(tf.reduce_all([True, *right]), message)
    return sizes


def _check_steps(x, name, each, sizes, max_steps, check):
    """Refuses rows that are longer, or ask for more, than `max_steps`."""
    free = [i for i, n in enumerate(each.spec.shape) if i and n is None]
    longest = tf.reduce_max([0, *(sizes[i] for i in free)])
    if each.spec.dtype == tf.string:
        longest = tf.reduce_max(tf.strings.length(x))
    check(
        tf.less_equal(longest, max_steps),
        f"`{name}` must have at most {max_steps} steps (bytes of a text) a "
        "row: send it in parts, or export the model with a larger "
        "`max_steps`.",
    )
    if each.is_size:
        check(
            tf.less_equal(tf.reduce_max(x), max_steps),
            f"`{name}` must be at most {max_steps}: ask for less, or export "
            "the model with a larger `max_steps`.",
        )
