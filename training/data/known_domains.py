"""Pairs of domains that are known by name."""

import json

import numpy as np
import sklearn.datasets
import tensorflow as tf

from training.data.arrays import image_examples
from training.data.dataset import SPLITS
from training.data.digit_styles import digit_styles
from training.data.idx_folder import load_idx_folder
from training.data.known_files import known_folder
from training.data.splits import num_held_out
from training.data.splits import shuffled_split

PATCH_SIZE = 32
_TILE = 64
_TILES_OF_A_ROW = 32
# Of USPS, so that its exact values fit 16 bits.
_USPS_WHITE = 2000.0


def photographs(size):
    """Patches of the two sample photographs that scikit-learn carries.

    Args:
        size: int, or None. Side of the patches, by default 32.

    Returns:
        dict of `"a"` (a temple) and `"b"` (a flower) to splits of examples,
        and a sentence.
    """
    size = size or PATCH_SIZE
    images = sklearn.datasets.load_sample_images().images
    patches = [_patches(image, size) for image in images]
    splits = {}
    for name, each in zip("ab", patches, strict=True):
        rows = shuffled_split(len(each))
        splits[name] = {s: image_examples(each[rows[s]]) for s in SPLITS}
    sizes = " and ".join(f"{len(each):,}" for each in patches)
    return splits, (
        f"{sizes} patches of {size}x{size} (80 / 10 / 10 %) of the two sample "
        "photographs inside scikit-learn, a temple and a flower."
    )


def horse2zebra(size):
    """Horses and zebras in sheets of 64x64 tiles, below `KERAS_GENSEQ_DATA`.

    Args:
        size: int, or None, as for `load_domains`.

    Returns:
        As `photographs`: `"a"` are horses, `"b"` zebras.
    """
    folder = known_folder("horse2zebra")
    counts = {
        part: len(names)
        for part, names in json.loads(
            (folder / "names.json").read_text()
        ).items()
    }
    splits = {}
    for name in "ab":
        train, test = (
            sheet_of_tiles(folder / f"{part}.jpg", counts[part])
            for part in (f"train{name.upper()}", f"test{name.upper()}")
        )
        splits[name] = _three_splits((train, None), (test, None), size)
    return splits, (
        "Horses and zebras of the CycleGAN set, reduced to 64x64, from "
        f"{folder}."
    )


def mnist_usps(size):
    """Handwritten digits of two kinds, with labels, below `KERAS_GENSEQ_DATA`.

    Args:
        size: int, or None, as for `load_domains`.

    Returns:
        As `photographs`: `"a"` is MNIST, `"b"` USPS.
    """
    mnist = load_idx_folder(str(known_folder("mnist"))).splits
    with np.load(known_folder("usps") / "usps.npz") as arrays:
        train, test = (
            (
                (arrays[f"{part}_images"][..., None] / _USPS_WHITE).astype(
                    "float32"
                ),
                arrays[f"{part}_labels"],
            )
            for part in ("train", "test")
        )
    splits = {
        "a": {s: resized(mnist[s], size) for s in SPLITS},
        "b": _three_splits(train, test, size),
    }
    return splits, "The digits of MNIST and of USPS, with labels."


KNOWN = {
    "digits": digit_styles,
    "photographs": photographs,
    "horse2zebra": horse2zebra,
    "mnist,usps": mnist_usps,
}


def _patches(image, size):
    rows, columns = (side // size for side in image.shape[:2])
    x = image[: rows * size, : columns * size]
    # (rows, size, columns, size, channels)
    x = x.reshape(rows, size, columns, size, -1).swapaxes(1, 2)
    return x.reshape(rows * columns, size, size, -1)


def sheet_of_tiles(path, count):
    """The first images of a sheet of 64x64 tiles, uint8."""
    sheet = tf.io.decode_jpeg(path.read_bytes(), channels=3).numpy()
    return _patches(sheet[:, : _TILES_OF_A_ROW * _TILE], _TILE)[:count]


def _three_splits(train, test, size):
    """Splits of arrays; the last of the training images are the valid ones."""
    images, labels = train
    cut = len(images) - num_held_out(len(images))
    parts = {
        "train": (images[:cut], None if labels is None else labels[:cut]),
        "valid": (images[cut:], None if labels is None else labels[cut:]),
        "test": test,
    }
    return {s: resized(image_examples(*parts[s]), size) for s in SPLITS}


def resized(examples, size):
    """Square images with other sides, without aliasing; None keeps them."""
    if size is None:
        return examples

    def resize(example):
        image = tf.image.resize(example["image"], [size, size], antialias=True)
        return {**example, "image": tf.clip_by_value(image, 0.0, 1.0)}

    return examples.map(resize)
