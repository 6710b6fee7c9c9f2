"""Images in MNIST's own format, idx."""

import re

import numpy as np

from training.data.arrays import image_examples
from training.data.dataset import Dataset
from training.data.known_files import located
from training.data.splits import num_held_out
from training.data.text_file import read_bytes

_IMAGE_MAGIC = 2051
_LABEL_MAGIC = 2049


def load_idx_folder(folder):
    """Loads a folder of idx files: MNIST and its many relatives.

    Args:
        folder: str, here or below `KERAS_GENSEQ_DATA`. Holds
            `train-images-idx3-ubyte` and `t10k-images-idx3-ubyte` and, for
            labels, the two `...-labels-idx1-ubyte`; each plain or packed by
            gzip. They may have another prefix, `test` for `t10k`, or a dot
            before `idx`.

    Returns:
        `Dataset` of kind `"images"`. The last 10,000 of 60,000 training
        images, or the last tenth of another number, are the valid split.

    Raises:
        FileNotFoundError: if the folder or a file is missing.
        ValueError: if a file is not idx, is cut short, or the counts of
            images and labels differ.
    """
    folder = located(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(folder)!r}, neither here nor below the "
            "one that KERAS_GENSEQ_DATA names. Expected one that holds "
            "train-images-idx3-ubyte and its three companions."
        )
    train_images, train_labels = _read_part(folder, "train")
    test_images, test_labels = _read_part(folder, "t10k")
    if train_images.shape[1:] != test_images.shape[1:]:
        raise ValueError(
            "Training and test images must have one size. Received: "
            f"{train_images.shape[1:]} and {test_images.shape[1:]}"
        )
    if (train_labels is None) != (test_labels is None):
        raise FileNotFoundError(
            f"{str(folder)!r} has labels for one of train and t10k only. Add "
            "the missing labels file, or remove the other one."
        )
    num_classes = None
    if train_labels is not None:
        num_classes = int(train_labels.max()) + 1
        if test_labels.max() >= num_classes:
            raise ValueError(
                f"The labels of t10k in {str(folder)!r} must be among those "
                f"of train, 0 to {num_classes - 1}. "
                f"Received: {test_labels.max()}"
            )
    cut = len(train_images) - num_held_out(len(train_images))
    first, last = slice(None, cut), slice(cut, None)
    labels = train_labels
    splits = {
        "train": _examples(train_images, labels, first),
        "valid": _examples(train_images, labels, last),
        "test": _examples(test_images, test_labels, slice(None)),
    }
    sizes = " / ".join(f"{len(part):,}" for part in splits.values())
    height, width = train_images.shape[1:3]
    return Dataset(
        name=f"idx:{folder}",
        kind="images",
        splits=splits,
        num_classes=num_classes,
        element_shape=train_images.shape[1:],
        description=f"{sizes} images of {height}x{width}, from {folder}.",
    )


def _examples(images, labels, rows):
    return image_examples(
        images[rows], None if labels is None else labels[rows]
    )


def _read_part(folder, part):
    images = read_idx(_find(folder, part, "images-idx3"), _IMAGE_MAGIC)
    labels_path = _find(folder, part, "labels-idx1", required=False)
    if labels_path is None:
        return images[..., np.newaxis], None
    labels = read_idx(labels_path, _LABEL_MAGIC)
    if len(images) != len(labels):
        raise ValueError(
            f"{part} in {str(folder)!r} must have one label per image. "
            f"Received: {len(images)} images and {len(labels)} labels"
        )
    return images[..., np.newaxis], labels


def _find(folder, part, words, required=True):
    kind, _, rank = words.partition("-")
    pattern = re.compile(
        rf"(?:.*[-_.])?(?:{'t10k|test' if part == 't10k' else part})"
        rf"[-_.]{kind}[-_.]{rank}[-_.]ubyte(?:\.gz)?"
    )
    present = sorted(path.name for path in folder.iterdir())
    found = [name for name in present if pattern.fullmatch(name)]
    # The same file, unpacked beside the packed one.
    found = [
        name for name in found if name.removesuffix(".gz") == name
    ] or found
    if len(found) == 1:
        return folder / found[0]
    if found:
        raise ValueError(
            f"{str(folder)!r} must hold one file {part}-{words}-ubyte. Found: "
            f"{', '.join(found)}"
        )
    if not required:
        return None
    raise FileNotFoundError(
        f"There is no {part}-{words}-ubyte or {part}-{words}-ubyte.gz in "
        f"{str(folder)!r}. Found there: {', '.join(present[:8]) or 'nothing'}"
    )


def read_idx(path, magic):
    """Reads one idx file of bytes.

    Args:
        path: `pathlib.Path`, plain or packed by gzip.
        magic: int. The number it must begin with; its last byte is the rank.

    Returns:
        uint8 array of the shape that the header gives.

    Raises:
        ValueError: if the file is not what its header, or `magic`, says.
    """
    content = read_bytes(path)
    rank = magic % 256
    header = content[: 4 + 4 * rank]
    found = int.from_bytes(header[:4], "big")
    if found != magic or len(header) < 4 + 4 * rank:
        raise ValueError(
            f"{str(path)!r} must be an idx file that begins with the number "
            f"{magic}. Received: {found}, in a file of {len(content)} bytes"
        )
    shape = tuple(int(n) for n in np.frombuffer(header[4:], ">u4"))
    expected = len(header) + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected or 0 in shape:
        raise ValueError(
            f"{str(path)!r} says that it holds {shape}, that is {expected} "
            f"bytes and not empty. Received: {len(content)} bytes. Get the "
            "file again."
        )
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)
