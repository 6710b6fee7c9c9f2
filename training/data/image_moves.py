"""Whole batches of images moved, turned and slanted, each by its own amount."""

import tensorflow as tf


def identity_moves(num_images):
    """Moves that leave images as they are: `(num_images, 2, 3)` matrices."""
    return tf.tile(tf.eye(2, 3)[None], [num_images, 1, 1])


def moved(images, moves):
    """Reads every image where its move says; what lies outside is 0.

    Args:
        images: `(batch_size, height, width, channels)` float32 tensor.
        moves: `(batch_size, 2, 3)` float32 tensor. A matrix maps a pixel of the
            result, (x, y, 1) counted from the middle of the image, to where it
            is read, linearly between the pixels there.

    Returns:
        Tensor like `images`.
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    middle = tf.cast(tf.stack([width - 1, height - 1]), tf.float32) / 2.0
    linear = moves[:, :, :2]
    # middle + linear (p - middle) + offset
    offsets = moves[:, :, 2] + middle - tf.linalg.matvec(linear, middle)
    rows = tf.concat([linear, offsets[:, :, None]], axis=-1)
    flat = tf.reshape(rows, [-1, 6])
    transforms = tf.concat([flat, tf.zeros_like(flat[:, :2])], axis=-1)
    result = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.stack([height, width]),
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    # In a graph it forgets the sides.
    return tf.ensure_shape(result, images.shape)


def shifts(right, down):
    """Moves of whole images: `(batch_size,)` pixels each."""
    one, zero = tf.ones_like(right), tf.zeros_like(right)
    return _matrices([one, zero, -right], [zero, one, -down])


def rotations(angle):
    """Turns around the middle: `(batch_size,)` radians."""
    sine, cosine, zero = tf.sin(angle), tf.cos(angle), tf.zeros_like(angle)
    return _matrices([cosine, sine, zero], [-sine, cosine, zero])


def shears(across, along):
    """Slants: pixels per pixel along the rows, and along the columns."""
    one, zero = tf.ones_like(across), tf.zeros_like(across)
    return _matrices([one, across, zero], [along, one, zero])


def _matrices(first, second):
    return tf.stack([tf.stack(first, -1), tf.stack(second, -1)], axis=1)
