"""Checks of what a user or a client sends: errors that say what to do.

In eager code a broken contract is a `ValueError`; in a graph (a `tf.data`
pipeline, a served signature) it is an `InvalidArgumentError` of the same words.
Compiled training steps carry none of these checks.
"""

import tensorflow as tf


def ensure(x, condition, message):
    """Returns `x` if `condition` holds, else raises.

    Args:
        x: tensor that is handed through; in a graph it waits for the check.
        condition: boolean scalar tensor.
        message: str. What was expected and what to do.

    Raises:
        ValueError: in eager code (in a graph: `InvalidArgumentError`).
    """
    if tf.executing_eagerly():
        if not bool(condition):
            raise ValueError(message)
        return x
    check = tf.debugging.Assert(condition, [message])
    with tf.control_dependencies([check]):
        return tf.identity(x)


def as_vectors(x, size, *, name="x"):
    """Converts to a float32 `(batch_size, size)` tensor, checking the shape.

    Args:
        x: array or tensor of floats.
        size: int. Expected length of a row.
        name: str. What error messages call it.

    Raises:
        ValueError: if `x` does not hold floats, has another rank or length, or
            no rows.
    """
    x = tf.convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise ValueError(
            f"`{name}` must hold floats. Received: dtype={x.dtype.name}. "
            f'Convert it first: `{name}.astype("float32")`.'
        )
    if x.shape.rank != 2 or x.shape[1] not in (None, size):
        raise ValueError(
            f"`{name}` must have shape (batch_size, {size}). "
            f"Received: shape={tuple(x.shape)}. Flatten each example to a row "
            f"of {size} values."
        )
    x = tf.cast(x, tf.float32)
    if x.shape[1] is None:
        x = ensure(
            x,
            tf.equal(tf.shape(x)[1], size),
            f"`{name}` must have rows of {size} values.",
        )
        x = tf.ensure_shape(x, (None, size))
    return not_empty(x, name=name)


def not_empty(x, *, name="x"):
    """Refuses a batch without rows."""
    return ensure(
        x,
        tf.shape(x)[0] > 0,
        f"`{name}` has no rows: an empty batch has no answer. Send at least "
        "one example.",
    )


def all_categories(x, num_categories, *, name="x", where=None):
    """Refuses values other than 0, 1, ..., `num_categories - 1`.

    Args:
        x: float tensor.
        num_categories: int.
        name: str. What error messages call it.
        where: optional boolean tensor; values where it is False do not count.
    """
    valid = (x == tf.floor(x)) & (x >= 0.0) & (x < float(num_categories))
    if where is not None:
        valid = valid | ~where
    expected = (
        "0 and 1 (binarize grey images first: `x > 0.5`)"
        if num_categories == 2
        else f"the whole numbers 0 to {num_categories - 1}"
    )
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must hold only {expected}, and no NaN. Received at least "
        "one other value.",
    )


def as_row_values(values, num_rows, dtype, *, name, minimum=None):
    """Converts a scalar or one value per row to a `(num_rows,)` tensor.

    Args:
        values: scalar, or `(num_rows,)`.
        num_rows: int or integer tensor.
        dtype: dtype of the result.
        name: str. What error messages call it.
        minimum: optional number that no value may fall below.

    Raises:
        ValueError: if there are neither one nor `num_rows` values, or one is
            below `minimum` or NaN.
    """
    values = tf.cast(tf.convert_to_tensor(values), dtype)
    if values.shape.rank == 0:
        values = tf.fill([num_rows], values)
    if values.shape.rank != 1:
        raise ValueError(
            f"`{name}` must be one value, or one per row. "
            f"Received: shape={tuple(values.shape)}"
        )
    values = ensure(
        values,
        tf.equal(tf.shape(values)[0], num_rows),
        f"`{name}` must have one value per row.",
    )
    if minimum is not None:
        values = ensure(
            values,
            tf.reduce_all(values >= minimum),
            f"`{name}` must be at least {minimum}, and no NaN.",
        )
    return values
