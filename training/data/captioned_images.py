"""Images with captions beside them."""

import os
import pathlib
import re

import numpy as np

from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.emoji import NAME as EMOJI
from training.data.emoji import load_emoji
from training.data.image_files import SUFFIXES
from training.data.image_files import image_splits
from training.data.notes import counted
from training.data.notes import in_classes
from training.data.splits import shuffled_split
from training.data.text_file import read_text

FILE_NAME = "captions.tsv"
# As programs for tables write cells that hold a comma or quotes.
_QUOTED = re.compile(r'"(?:[^"]|"")*(?:""|,)(?:[^"]|"")*"')
_TITLES = {
    "file": ("file", "filename", "file_name", "image", "path"),
    "caption": ("caption", "text", "sentence", "description"),
    "class": ("class", "label", "category"),
}


def load_captioned_images(folder, size=None):
    """Loads images with captions.

    Args:
        folder: str. Holds images and `captions.tsv`: on every line the name of
            an image file, below the folder, a tab, a caption and, if there
            are classes, a tab and the class. A title line is optional. An
            image with several captions has a line for each. Known by name:
            `noto_emoji`.
        size: int, or None. Crops images to the centre square and resizes them
            to `(size, size)`. Without it all must have one size.

    Returns:
        `Dataset` of kind `"captions"`, 80 % in train and 10 % each in valid
        and test, drawn once and for all. Class numbers follow the alphabetical
        order of the classes.

    Raises:
        FileNotFoundError: if the folder, `captions.tsv` or an image is
            missing.
        ValueError: if a line has no caption, an image has two classes, or as
            for `load_image_folder`.
    """
    if folder == EMOJI:
        return load_emoji(size)
    root = pathlib.Path(folder).expanduser()
    notes = []
    captions, classes = _read_captions(root, notes)
    names = list(captions)
    if len(names) < 3:
        raise ValueError(
            f"{str(root)!r} must hold at least 3 images with captions, one "
            f"for each of train, valid and test. Received: {len(names)}"
        )
    _count_others(root, names, notes)
    class_names = sorted(set(classes.values()))
    most = max(map(len, captions.values()))
    rows = {}
    for split, drawn in shuffled_split(len(names)).items():
        chosen = [names[row] for row in drawn]
        filled = [
            captions[name] + [""] * (most - len(captions[name]))
            for name in chosen
        ]
        rows[split] = {
            "path": [root / name for name in chosen],
            "captions": np.array(filled, object),
        }
        if class_names:
            numbers = [class_names.index(classes[name]) for name in chosen]
            rows[split]["label"] = np.array(numbers, "int32")
    splits, shape = image_splits(rows, size, notes, f"captions:{folder}")
    sizes = " / ".join(f"{int(splits[s].cardinality()):,}" for s in SPLITS)
    return Dataset(
        name=f"captions:{folder}",
        kind="captions",
        splits=splits,
        num_classes=len(class_names) or None,
        element_shape=shape,
        description=(
            f"{sizes} images of {shape[0]}x{shape[1]} with up to {most} "
            f"captions, {in_classes(class_names)}, from {root}."
        ),
        class_names=tuple(class_names),
        notes=tuple(notes),
    )


def _read_captions(root, notes):
    """dicts of file name to captions, and to class where there are any."""
    path = root / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {FILE_NAME} in {str(root)!r}. Write one there: "
            "on every line the name of an image file, a tab and its caption."
        )
    captions, classes = {}, {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not any(cells):
            continue
        if len(cells) > 1 and _QUOTED.fullmatch(cells[1]):
            cells[1] = cells[1][1:-1].replace('""', '"').strip()
        if not captions and _is_title(cells):
            notes.append(f"Line {number} of {FILE_NAME} is read as titles.")
            continue
        if len(cells) not in (2, 3) or not all(cells):
            raise ValueError(
                f"Line {number} of {str(path)!r} must be file, tab, caption "
                "and, in all lines or in none, another tab and the class, none "
                f"of them empty. Received: {line[:80]!r}"
            )
        name, caption, *rest = cells
        # One file under two names would be both learned from and tested on.
        name = os.path.normpath(name)
        if not (root / name).is_file():
            titles = " Titles are file, caption, class." if number == 1 else ""
            raise FileNotFoundError(
                f"Line {number} of {str(path)!r} names {name!r}, but there is "
                f"no such file in {str(root)!r}.{titles}"
            )
        known = captions.setdefault(name, [])
        if rest != ([classes[name]] if name in classes else rest[:0]) and known:
            raise ValueError(
                f"Line {number} of {str(path)!r} gives {name!r} another class "
                f"than a line before. Received: {''.join(rest) or 'none'!r}"
            )
        known.append(caption)
        if rest:
            classes[name] = rest[0]
    if classes and len(classes) < len(captions):
        name = next(name for name in captions if name not in classes)
        raise ValueError(
            f"{str(path)!r} must give a class to all images or to none. "
            f"There is none for {name!r}."
        )
    return captions, classes


def _is_title(cells):
    known = (set(names) for names in _TITLES.values())
    pairs = zip(cells, known, strict=False)
    return all(cell.lower() in names for cell, names in pairs)


def _count_others(root, names, notes):
    known = {root / name for name in names}
    others = sum(
        path.suffix.lower() in SUFFIXES and path not in known
        for path in root.rglob("*")
        if not any(p.startswith(".") for p in path.relative_to(root).parts)
    )
    if others:
        notes.append(f"Left out: {counted(others, 'image')} without a caption.")
