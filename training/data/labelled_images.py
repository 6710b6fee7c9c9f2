"""Images with their labels, as a classifier learns them."""

import tensorflow as tf


def labelled(split):
    """Sets the label of each image beside it as the target.

    Args:
        split: `tf.data.Dataset` of dicts with `image` and `label`.

    Returns:
        `tf.data.Dataset` of dicts with `x`, and `y`, int32 `()`.

    Raises:
        ValueError: if there are no labels, or no images.
    """
    spec = split.element_spec
    if not {"image", "label"} <= spec.keys():
        raise ValueError(
            "This recipe needs examples with `image` and `label`. Received "
            f"examples with: {', '.join(spec)}. Choose another data source."
        )
    return split.map(
        lambda example: {
            "x": example["image"],
            "y": tf.cast(example["label"], tf.int32),
        }
    )
