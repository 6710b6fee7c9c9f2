"""Images with binary attributes, several of which an image may have."""

import collections
import csv
import os
import pathlib

import numpy as np

from training.data.arrays import image_examples
from training.data.csv_rows import csv_rows
from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.image_files import image_splits
from training.data.known_domains import resized
from training.data.known_domains import sheet_of_tiles
from training.data.known_files import known_folder
from training.data.splits import num_held_out
from training.data.splits import shuffled_split
from training.data.text_file import read_text

FILE_NAME = "attributes.csv"
_FACES = "utkface"
# A third of its faces are at least as old.
_OLD = 40


def load_attributes(location, size=None):
    """Loads images with binary attributes.

    Args:
        location: str. A folder of images and `attributes.csv`: a line of
            titles, `file` and the names of the attributes, then a line for
            each image: its file below the folder, and 1, or 0 or -1, for each
            attribute. Or `utkface`: faces below `KERAS_GENSEQ_DATA`, with
            `female` and `from_40_on`.
        size: int, or None, as for `load_image_folder`.

    Returns:
        `Dataset` of kind `"images"` whose examples have `attributes`, and whose
        `class_names` are those of the attributes. Of a folder, 10 % each are
        in valid and test, drawn once and for all.

    Raises:
        FileNotFoundError: if the folder, `attributes.csv` or an image is
            missing.
        ValueError: if a line is not as said above, or as for
            `load_image_folder`.
    """
    notes = []
    if location == _FACES:
        splits, shape, names = _faces(size)
        root = _FACES
    else:
        root = pathlib.Path(location).expanduser()
        files, values, names = _read_attributes(root)
        rows = {
            split: {
                "path": [root / files[i] for i in drawn],
                "attributes": values[drawn],
            }
            for split, drawn in shuffled_split(len(files)).items()
        }
        splits, shape = image_splits(
            rows, size, notes, f"attributes:{location}"
        )
    sizes = " / ".join(f"{int(splits[s].cardinality()):,}" for s in SPLITS)
    return Dataset(
        name=f"attributes:{location}",
        kind="images",
        splits=splits,
        num_classes=None,
        element_shape=shape,
        description=(
            f"{sizes} images of {shape[0]}x{shape[1]} with the attributes "
            f"{', '.join(names)}, from {root}."
        ),
        class_names=tuple(names),
        notes=tuple(notes),
    )


def _faces(size):
    """The splits of UTKFace; its last training images are the valid ones."""
    folder = known_folder(_FACES)
    with open(folder / "labels.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    arrays = {}
    for part in ("train", "test"):
        chosen = [line for line in lines if line["split"] == part]
        values = np.array(
            [
                [int(line["female"]), int(line["age"]) >= _OLD]
                for line in chosen
            ],
            "int32",
        )
        images = sheet_of_tiles(folder / f"{part}.jpg", len(chosen))
        arrays[part] = images, values
    images, values = arrays["train"]
    cut = len(images) - num_held_out(len(images))
    arrays["train"] = images[:cut], values[:cut]
    arrays["valid"] = images[cut:], values[cut:]
    splits = {
        split: resized(
            image_examples(arrays[split][0], attributes=arrays[split][1]), size
        )
        for split in SPLITS
    }
    shape = tuple(splits["train"].element_spec["image"].shape)
    return splits, shape, ["female", f"from_{_OLD}_on"]


def _read_attributes(root):
    """Names of files, int32 `(rows, attributes)`, names of attributes."""
    path = root / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {FILE_NAME} in {str(root)!r}. Write one there: "
            "titles `file` and the names of the attributes, then a line for "
            "each image: its file, and 1 or 0 for each attribute."
        )
    titles, *lines = (
        [cell.strip() for cell in line]
        for _, line in csv_rows(read_text(path).splitlines(), ",", path)
        if line
    )
    names = titles[1:]
    if not names or len(lines) < 3:
        raise ValueError(
            f"{str(path)!r} must begin with a line of `file` and the names of "
            "the attributes, and have a line for each of at least 3 images. "
            f"Received: titles {', '.join(titles)}, {len(lines)} lines"
        )
    name, count = collections.Counter(names).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"{str(path)!r} must call each attribute by a name of its own. "
            f"Received: {name!r} {count} times"
        )
    for number, line in enumerate(lines, start=2):
        if len(line) != len(titles) or not {"0", "1", "-1"}.issuperset(
            line[1:]
        ):
            raise ValueError(
                f"Line {number} of {str(path)!r} must be a file and 1, 0 or -1 "
                f"for each of {', '.join(names)}. Received: "
                f"{','.join(line)[:80]!r}"
            )
        if not (root / line[0]).is_file():
            raise FileNotFoundError(
                f"Line {number} of {str(path)!r} names {line[0]!r}, but there "
                f"is no such file in {str(root)!r}."
            )
    files = [os.path.normpath(line[0]) for line in lines]
    again, count = collections.Counter(files).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"{str(path)!r} must have one line for each file. Received: "
            f"{again!r} in {count} lines: it would be both learned from and "
            "tested on."
        )
    values = np.array([line[1:] for line in lines]) == "1"
    return files, values.astype("int32"), names
