"""Checks of values, in eager code and in a graph: see `checks`."""

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


def not_empty(x, *, name="x"):
    """Refuses a batch without rows."""
    return ensure(x, tf.shape(x)[0] > 0, has_no_rows(name))


def has_no_rows(name):
    """The sentence that refuses a batch without rows."""
    return (
        f"`{name}` has no rows: an empty batch has no answer. Send at least "
        "one example."
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
        "0 and 1 (binarize gray images first: `x > 0.5`)"
        if num_categories == 2
        else f"the whole numbers 0 to {num_categories - 1}"
    )
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must hold only {expected}, and no NaN. Received at least "
        "one other value.",
    )


def all_levels(x, num_levels, *, name="x"):
    """Refuses values other than 0, 1 / (num_levels - 1), ..., 1.

    Args:
        x: float tensor of values in [0, 1].
        num_levels: int.
        name: str. What error messages call it.
    """
    if num_levels == 2:
        return all_categories(x, 2, name=name)
    levels = x * (num_levels - 1.0)
    return ensure(
        x,
        tf.reduce_all(tf.abs(levels - tf.round(levels)) < 0.01),
        f"`{name}` must hold only whole multiples of 1 / {num_levels - 1}, and "
        "no NaN. Received at least one other value. Round the images to "
        f"{num_levels} levels first.",
    )


def all_states(x, num_states, *, name="x", where=None):
    """Refuses token ids other than -1 (padding), 0, ..., `num_states - 1`.

    Args:
        x: integer tensor.
        num_states: int.
        name: str. What error messages call it.
        where: optional boolean tensor; ids where it is False do not count.
    """
    valid = (x >= -1) & (x < num_states)
    if where is not None:
        valid = valid | ~where
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must hold ids from 0 to {num_states - 1}, or -1 for steps "
        "that do not count. Received at least one other value.",
    )


def all_token_ids(x, vocabulary_size, *, name="x", where=None):
    """Refuses token ids other than 0 (padding), 1, ..., `vocabulary_size - 1`.

    Args:
        x: integer tensor.
        vocabulary_size: int.
        name: str. What error messages call it.
        where: optional boolean tensor; ids where it is False do not count.
    """
    valid = (x >= 0) & (x < vocabulary_size)
    if where is not None:
        valid = valid | ~where
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must hold token ids from 1 to {vocabulary_size - 1}, or 0 "
        "for padding. Received at least one other value.",
    )


def all_finite(x, *, name="x", where=None):
    """Refuses NaN and infinity.

    Args:
        x: float tensor.
        name: str. What error messages call it.
        where: optional boolean tensor that broadcasts against `x`; values
            where it is False do not count.
    """
    valid = tf.math.is_finite(x)
    if where is not None:
        valid = valid | ~where
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must be finite: it holds NaN or infinity. Remove such "
        "examples, or fill the gaps in.",
    )
