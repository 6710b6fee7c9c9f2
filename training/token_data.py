"""What of the data never changes is computed once."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from training.data import model_examples

_AT_ONCE = 256


def with_tokens(model, dataset):
    """Puts the tokens of images in their place, for a model that learns those.

    Args:
        model: one with `tokens_of`, such as `DALLE`; for any other the data
            stay as they are.
        dataset: `Dataset`, transformed.

    Returns:
        `Dataset` of examples with `x`, tokens, and `y`, in memory.
    """
    if not hasattr(model, "tokens_of"):
        return dataset
    sizes = {name: dataset.size(name) for name in dataset.splits}
    print(f"Computing the tokens of {sum(sizes.values()):,} images, once.")
    bar = keras.utils.Progbar(sum(sizes.values()), unit_name="image")
    splits = {}
    for name, split in dataset.splits.items():
        parts = []
        for x, y in model_examples(split).batch(_AT_ONCE):
            parts.append((model.tokens_of(x).numpy(), y.numpy()))
            bar.add(len(parts[-1][0]))
        x, y = map(np.concatenate, zip(*parts, strict=True))
        splits[name] = tf.data.Dataset.from_tensor_slices({"x": x, "y": y})
    return dataclasses.replace(dataset, splits=splits)
