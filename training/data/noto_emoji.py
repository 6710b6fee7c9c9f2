"""Emoji and their names, below `KERAS_GENSEQ_DATA`."""

import numpy as np
import tensorflow as tf

from training.data.arrays import image_examples
from training.data.dataset import Dataset
from training.data.dataset import DataUnavailableError
from training.data.text_file import read_text
from training.data.tfds_preparation import original_files_folder

NAME = "noto_emoji"
_SIZES = (32, 64)


def load_noto_emoji(size=None):
    """Loads 3,287 pictures of Noto Emoji with their names in English.

    Args:
        size: 32 or 64, the side of the pictures; None is 32.

    Returns:
        `Dataset` of kind `"captions"` without classes, 2,629 / 329 / 329: every
        tenth is a test example, and the one after it one of validation.

    Raises:
        DataUnavailableError: if the files are not there.
        ValueError: if there are no pictures of this size.
    """
    size = size or _SIZES[0]
    if size not in _SIZES:
        raise ValueError(
            f"`?size=` of {NAME} must be one of {_SIZES}. Received: {size}"
        )
    folder = original_files_folder() / NAME
    path = folder / f"{NAME}_{size}.npz"
    if not path.is_file():
        raise DataUnavailableError(
            f"There is no file {str(path)!r}. Let KERAS_GENSEQ_DATA name the "
            f"folder that holds `{NAME}`."
        )
    images = np.load(path)["images"]
    lines = read_text(folder / "captions.tsv").strip().split("\n")[1:]
    names = np.array([line.split("\t")[3] for line in lines], object)
    rest = np.arange(len(images)) % 10
    rows = {"train": rest > 1, "valid": rest == 1, "test": rest == 0}
    splits = {
        split: tf.data.Dataset.zip(
            image_examples(images[chosen]),
            tf.data.Dataset.from_tensor_slices(names[chosen][:, None]),
        ).map(lambda image, captions: {**image, "captions": captions})
        for split, chosen in rows.items()
    }
    sizes = " / ".join(f"{chosen.sum():,}" for chosen in rows.values())
    return Dataset(
        name=f"captions:{NAME}",
        kind="captions",
        splits=splits,
        num_classes=None,
        element_shape=images.shape[1:],
        description=f"{sizes} emoji of {size}x{size} with their names.",
    )
