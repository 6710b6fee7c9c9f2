"""From arrays in memory to examples."""

import numpy as np
import tensorflow as tf


def image_examples(images, labels=None, attributes=None):
    """Examples of one split from arrays.

    Pixels stay uint8 in memory, a quarter of the size, and become float32 as
    they are read.

    Args:
        images: uint8, or float32 in [0, 1], `(rows, height, width, channels)`.
        labels: integers `(rows,)`, or None.
        attributes: 0 or 1, `(rows, num_attributes)`, or None.

    Returns:
        `tf.data.Dataset` of `image` and, where given, `label` and
        `attributes`.
    """
    arrays = {"image": images}
    if labels is not None:
        arrays["label"] = labels.astype(np.int32)
    if attributes is not None:
        arrays["attributes"] = attributes.astype(np.int32)
    examples = tf.data.Dataset.from_tensor_slices(arrays)
    return examples.map(_scale) if images.dtype == np.uint8 else examples


def vector_examples(x):
    """Examples `{"x": float32 (dim,)}` from an array `(rows, dim)`."""
    examples = tf.data.Dataset.from_tensor_slices({"x": x})
    return examples.map(lambda row: {"x": tf.cast(row["x"], tf.float32)})


def _scale(example):
    return {**example, "image": tf.cast(example["image"], tf.float32) / 255.0}
