"""Images of any size to squares of one size."""

import tensorflow as tf


def crop_and_resize(image, size):
    """Cuts out the centre square and resizes it, without aliasing.

    Args:
        image: float32 `(height, width, channels)` in [0, 1].
        size: int.

    Returns:
        float32 `(size, size, channels)` in [0, 1].
    """
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    resized = tf.image.resize(square, [size, size], antialias=True)
    return tf.clip_by_value(resized, 0.0, 1.0)
