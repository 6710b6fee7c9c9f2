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
            "a data source with labels (of `images:DIR`, two sub-folders or "
            "more are the classes), or a model without `num_classes`."
        )
    return split.map(
        lambda example: {**example, "y": tf.cast(example["label"], tf.int32)}
    )


def with_domains(split):
    """Makes the class of each example, or its attributes, its target.

    Args:
        split: `tf.data.Dataset` of dicts with `attributes` or `label`.

    Returns:
        `tf.data.Dataset` of the same dicts with `y`, int32 `()`, or float32
        `(num_attributes,)`.

    Raises:
        ValueError: if there are neither.
    """
    if "attributes" in split.element_spec:
        return split.map(
            lambda example: {
                **example,
                "y": tf.cast(example["attributes"], tf.float32),
            }
        )
    if "label" not in split.element_spec:
        raise ValueError(
            "This recipe translates between the domains that images are of: "
            "give folders as classes (`--data images:DIR`), or attributes "
            "(`--data attributes:DIR`). Received images without either."
        )
    return labelled(split)
