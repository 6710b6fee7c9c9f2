"""Checks of probabilities that a user gives: see `checks`."""

import tensorflow as tf

from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure

# Rounding of float16 moves the sum of a few hundred classes by less.
_MOST_OFF = 1e-2


def as_class_probabilities(values, num_rows, num_classes, *, name="y"):
    """Converts soft labels to a float32 `(num_rows, num_classes)` tensor.

    Args:
        values: `(num_rows, num_classes)` floats.
        num_rows: int or integer tensor.
        num_classes: int.
        name: str. What error messages call it.

    Raises:
        ValueError: if the shape is another one, a value is below 0 or NaN, or
            a row does not sum to 1 (in a graph: `InvalidArgumentError`, where
            values are wrong).
    """
    values = as_tensor(values, name)
    rows = num_rows if isinstance(num_rows, int) else None
    if not values.shape.is_compatible_with((rows, num_classes)):
        raise ValueError(
            f"`{name}` as floats must hold the probability of each class: "
            f"shape ({rows or 'batch_size'}, {num_classes}). "
            f"Received: shape={tuple(values.shape)}. Classes themselves are "
            "ints, one for each row."
        )
    values = tf.cast(values, tf.float32)
    values = ensure(
        values,
        tf.equal(tf.shape(values)[0], num_rows),
        f"`{name}` must have one row for each example.",
    )
    sums = tf.reduce_sum(values, axis=-1)
    valid = tf.reduce_all(tf.abs(sums - 1.0) < _MOST_OFF)
    return ensure(
        tf.ensure_shape(values, (rows, num_classes)),
        valid & tf.reduce_all(values >= 0.0),
        f"`{name}` as floats must hold probabilities: values of at least 0 "
        "whose rows sum to 1, and no NaN. Received at least one other row.",
    )
