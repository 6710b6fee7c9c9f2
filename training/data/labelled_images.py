"""Examples with their labels, as classifiers and conditional models learn."""

import tensorflow as tf


def labelled(split):
    """Makes the label of each example its target.

    Args:
        split: `tf.data.Dataset` of dicts with `label`.

    Returns:
        `tf.data.Dataset` of the same dicts with `y`, int32 `()`.

    Raises:
        ValueError: if there are no labels.
    """
    if "label" not in split.element_spec:
        raise ValueError(
            "A classifier or conditional model needs examples with `label`. "
            f"Received examples with: {', '.join(split.element_spec)}. Choose "
            "a data source with labels, or a model without `num_classes`."
        )
    return split.map(
        lambda example: {**example, "y": tf.cast(example["label"], tf.int32)}
    )
