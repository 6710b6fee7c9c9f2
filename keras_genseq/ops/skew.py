"""Shears an image so that its diagonals become columns."""

from keras import ops


def skew(x):
    """Shifts row r to the right by r pixels.

    Args:
        x: `(batch_size, height, width, channels)`.

    Returns:
        Tensor `(batch_size, height, width + height - 1, channels)`; column d
        holds the pixels with row + column = d, and zeros elsewhere.
    """
    _, height, width, channels = x.shape
    x = ops.pad(x, [[0, 0], [0, 0], [0, height], [0, 0]])
    x = ops.reshape(x, (-1, height * (width + height), channels))
    # Rows one pixel shorter than they were: each starts a pixel later.
    x = _first(height * (width + height - 1), x, axis=1)
    return ops.reshape(x, (-1, height, width + height - 1, channels))


def unskew(x):
    """The inverse of `skew`.

    Args:
        x: `(batch_size, height, width + height - 1, channels)`.

    Returns:
        Tensor `(batch_size, height, width, channels)`.
    """
    _, height, length, channels = x.shape
    x = ops.reshape(x, (-1, height * length, channels))
    x = ops.pad(x, [[0, 0], [0, height], [0, 0]])
    x = ops.reshape(x, (-1, height, length + 1, channels))
    return _first(length - height + 1, x, axis=2)


def shift_down(x):
    """Moves an image down by a row; the first row is zero.

    Args:
        x: `(batch_size, height, width, channels)`.
    """
    x = _first(x.shape[1] - 1, x, axis=1)
    return ops.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]])


def _first(size, x, axis):
    # Not sliced: the gradient of a strided slice is slow on a CPU.
    return ops.split(x, [size], axis=axis)[0]
