"""Patches of the two sample photographs that scikit-learn carries."""

import numpy as np
import sklearn.datasets

from training.data.arrays import image_examples
from training.data.dataset import Dataset
from training.data.splits import shuffled_split

PATCH_SIZE = 8


def load_photographs():
    """Cuts two photographs into 8x8 grey patches; needs no file, no network.

    Each patch is stretched to [0, 1], so that it shows a texture whatever the
    light. Useful as images that are no digits.

    Returns:
        `Dataset` of kind `"images"` without labels, split 80 / 10 / 10.
    """
    patches = np.concatenate(
        [_patches(p) for p in sklearn.datasets.load_sample_images().images]
    )
    rows = shuffled_split(len(patches))
    return Dataset(
        name="photographs",
        kind="images",
        splits={s: image_examples(patches[index]) for s, index in rows.items()},
        num_classes=None,
        element_shape=(PATCH_SIZE, PATCH_SIZE, 1),
        description=(
            f"{len(patches):,} grey 8x8 patches (80 / 10 / 10 %) of the two "
            "sample photographs inside scikit-learn."
        ),
    )


def _patches(photograph):
    grey = photograph.mean(-1)
    rows, columns = (side // PATCH_SIZE for side in grey.shape)
    grey = grey[: rows * PATCH_SIZE, : columns * PATCH_SIZE]
    patches = grey.reshape(rows, PATCH_SIZE, columns, PATCH_SIZE)
    patches = patches.swapaxes(1, 2).reshape(-1, PATCH_SIZE, PATCH_SIZE, 1)
    low = patches.min((1, 2), keepdims=True)
    span = patches.max((1, 2), keepdims=True) - low
    patches = (patches - low) / np.maximum(span, 1.0)
    return patches.astype(np.float32)
