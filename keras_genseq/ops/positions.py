"""Positions of the steps of a sequence."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.ops.checks import as_int


def as_start(start):
    """Converts the position of a first step to an int, if it is known.

    Args:
        start: int of at least 0, or integer scalar tensor.

    Returns:
        The int, or an int32 scalar of a graph.

    Raises:
        ValueError: if it is neither.
    """
    is_symbolic = keras.backend.is_keras_tensor(start) or (
        tf.is_tensor(start) and not hasattr(start, "numpy")
    )
    if not is_symbolic:
        return as_int(start, "start", minimum=0)
    dtype = keras.backend.standardize_dtype(start.dtype)
    if len(start.shape) or not dtype.startswith(("int", "uint")):
        raise ValueError(
            "`start` must be one int, the position of the first step of all "
            f"rows. Received: shape={tuple(start.shape)}, dtype={dtype}"
        )
    return ops.cast(start, "int32")


def positions_from(start, num_steps):
    """The positions of steps, one after the other.

    Args:
        start: as for `as_start`.
        num_steps: int or integer scalar tensor.

    Returns:
        `(num_steps,)` int32 tensor.
    """
    return as_start(start) + ops.arange(num_steps, dtype="int32")
