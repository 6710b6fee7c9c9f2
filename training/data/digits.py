"""The handwritten digits that scikit-learn carries."""

import numpy as np
import sklearn.datasets
import sklearn.model_selection
import tensorflow as tf

from training.data.arrays import image_examples
from training.data.dataset import Dataset
from training.data.splits import SPLIT_SEED

NUM_HELD_OUT = 250


def load_digits(size=None):
    """Loads 1,797 real 8x8 digits; needs no file and no network.

    Args:
        size: int, or None. Resizes them to `(size, size)`.

    Returns:
        `Dataset` of kind `"images"`, split 1,297 / 250 / 250 with the classes
        in equal proportion.
    """
    source = sklearn.datasets.load_digits()
    # Grey levels are counts of dark cells, 0 to 16.
    images = (source.images[..., np.newaxis] / 16.0).astype(np.float32)
    labels = source.target
    name, resized = "digits", ""
    if size is not None:
        name, resized = f"digits?size={size}", f", resized to {size}x{size}"
        images = tf.image.resize(images, (size, size), antialias=True)
        images = np.clip(images, 0.0, 1.0)

    rest, test = _stratified(np.arange(len(labels)), labels)
    train, valid = _stratified(rest, labels)
    rows = {"train": train, "valid": valid, "test": test}
    return Dataset(
        name=name,
        kind="images",
        splits={
            split: image_examples(images[index], labels[index])
            for split, index in rows.items()
        },
        num_classes=10,
        element_shape=images.shape[1:],
        description=(
            "1,797 real 8x8 handwritten digits (1,297 / 250 / 250, "
            f"stratified), from the UCI set inside scikit-learn{resized}."
        ),
    )


def _stratified(rows, labels):
    kept, held_out = sklearn.model_selection.train_test_split(
        rows,
        test_size=NUM_HELD_OUT,
        stratify=labels[rows],
        random_state=SPLIT_SEED,
    )
    return np.sort(kept), np.sort(held_out)
