"""Reading examples without knowing whose they are."""

import numpy as np


def model_inputs(examples):
    """What a model of single examples takes: the image or the vector.

    Args:
        examples: `tf.data.Dataset` of dicts with `image` or `x`.

    Returns:
        `tf.data.Dataset` of that tensor alone.

    Raises:
        ValueError: if the examples have neither.
    """
    key = _input_key(examples)
    return examples.map(lambda example: example[key])


def model_examples(examples):
    """What a model trains on: its inputs, or pairs where there are targets.

    Args:
        examples: `tf.data.Dataset` of dicts with `image` or `x`, and with `y`
            where inputs have targets.

    Returns:
        `tf.data.Dataset` of tensors, or of `(x, y)`.
    """
    if "y" not in examples.element_spec:
        return model_inputs(examples)
    key = _input_key(examples)
    return examples.map(lambda example: (example[key], example["y"]))


def _input_key(examples):
    for key in ("x", "image"):
        if key in examples.element_spec:
            return key
    raise ValueError(
        "This recipe needs examples with `x` or `image`. Received examples "
        f"with: {', '.join(examples.element_spec)}. Choose another data source."
    )


def as_array(examples, limit=None):
    """The tensors of a data set, or the first `limit`, as one array."""
    examples = examples if limit is None else examples.take(limit)
    return np.concatenate([x.numpy() for x in examples.batch(1024)])
