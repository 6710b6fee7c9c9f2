"""Emoji and what they are called."""

import csv

import numpy as np
import tensorflow as tf

from training.data.arrays import image_examples
from training.data.dataset import Dataset
from training.data.known_files import known_folder
from training.data.resizing import crop_and_resize

NAME = "noto_emoji"
_SIZES = (32, 64)


def load_emoji(size=None):
    """Loads 3,287 emoji of Noto, with their names, below `KERAS_GENSEQ_DATA`.

    Args:
        size: int, or None. Side of the images, by default 64.

    Returns:
        `Dataset` of kind `"captions"`, 2,629 / 329 / 329, without classes. The
        captions are the name and, where there are any, the keywords.

    Raises:
        FileNotFoundError: if there is no such folder.
    """
    folder = known_folder(NAME)
    size = size or max(_SIZES)
    source = size if size in _SIZES else max(_SIZES)
    with np.load(folder / f"{NAME}_{source}.npz") as arrays:
        images = arrays["images"]
    with open(folder / "captions.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    captions = np.array(
        [(row["name"], row["keywords"].replace("|", ", ")) for row in rows],
        object,
    )
    # One in ten is for tests, as the set suggests; five rows on, one in ten
    # for validation.
    places = np.arange(len(rows)) % 10
    splits = {
        split: _captioned(images[chosen], captions[chosen], size)
        for split, chosen in (
            ("train", (places != 0) & (places != 5)),
            ("valid", places == 5),
            ("test", places == 0),
        )
    }
    return Dataset(
        name=f"captions:{NAME}",
        kind="captions",
        splits=splits,
        num_classes=None,
        element_shape=(size, size, 3),
        description=(
            f"{len(rows):,} emoji of {size}x{size} (80 / 10 / 10 %) and their "
            f"names, from {folder}."
        ),
    )


def _captioned(images, captions, size):
    texts = tf.data.Dataset.from_tensor_slices({"captions": captions})
    pictures = image_examples(images)
    if images.shape[1] != size:
        pictures = pictures.map(
            lambda row: {"image": crop_and_resize(row["image"], size)}
        )
    return tf.data.Dataset.zip(pictures, texts).map(lambda a, b: {**a, **b})
