"""Maps at twice and at half of their sides."""

from keras import ops


def doubled(x):
    """Maps whose every pixel has become 2x2 equal ones.

    Args:
        x: `(batch_size, height, width, channels)`, sides known.
    """
    _, height, width, channels = x.shape
    x = x[:, :, None, :, None, :] * ops.ones((2, 1, 2, 1), x.dtype)
    return ops.reshape(x, (-1, 2 * height, 2 * width, channels))


def halved(x):
    """Maps whose every pixel is the mean of 2x2.

    Args:
        x: `(batch_size, height, width, channels)`, of even sides.
    """
    return ops.average_pool(
        x, 2, strides=2, padding="valid", data_format="channels_last"
    )
