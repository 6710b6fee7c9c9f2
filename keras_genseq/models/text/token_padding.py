"""Rows of token ids: in few widths, their padding at the end."""

import tensorflow as tf

from keras_genseq.ops.value_checks import ensure


def holds_text(x):
    """Whether these are strings, or one string, and no token ids."""
    if isinstance(x, (str, bytes)):
        return True
    return tf.convert_to_tensor(x).dtype == tf.string


def power_of_two(size):
    """The least power of two that is not below `size`."""
    return 1 << max(size - 1, 0).bit_length()


def room_for(size):
    """The least power of two, or one and a half of one, not below `size`."""
    whole = power_of_two(size)
    half_way = 3 * whole // 4
    return half_way if half_way >= size else whole


def widened(x, least=1):
    """Lengthens rows to a power of two: a handful of shapes to compile."""
    size = x.shape[1]
    return tf.pad(x, [[0, 0], [0, power_of_two(max(size, least)) - size]])


def shifted(x, starts):
    """Rows from a column of their own on, filled up with 0.

    Args:
        x: `(batch_size, time)`.
        starts: `(batch_size,)` int32.

    Returns:
        Tensor like `x`.
    """
    steps = tf.shape(x)[1]
    columns = starts[:, None] + tf.range(steps)[None, :]
    return tf.gather(tf.pad(x, [[0, 0], [0, steps]]), columns, batch_dims=1)


def padded_at_the_end(x, name):
    """Moves padding before a row to its end; refuses padding inside.

    Args:
        x: `(batch_size, time)` int32.
        name: str. What error messages call it.
    """
    before = tf.cumsum(tf.cast(x > 0, tf.int32), axis=1) == 0
    x = shifted(x, tf.reduce_sum(tf.cast(before, tf.int32), axis=1))
    return ensure(
        x,
        tf.reduce_all((x[:, 1:] == 0) | (x[:, :-1] > 0)),
        f"`{name}` must have its padding at one end of each row. Received a 0 "
        "between tokens.",
    )
