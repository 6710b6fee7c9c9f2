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
    spec = examples.element_spec
    keys = [key for key in ("x", "image") if key in spec]
    if keys:
        return examples.map(lambda example: example[keys[0]])
    raise ValueError(
        "This recipe needs examples with `x` or `image`. Received examples "
        f"with: {', '.join(spec)}. Choose another data source."
    )


def as_array(examples, limit=None):
    """The tensors of a data set, or the first `limit`, as one array."""
    examples = examples if limit is None else examples.take(limit)
    return np.concatenate([x.numpy() for x in examples.batch(1024)])
