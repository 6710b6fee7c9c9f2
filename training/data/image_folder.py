"""A folder of images, whose sub-folders are classes or splits."""

import collections
import os
import pathlib

import numpy as np

from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.image_files import KINDS
from training.data.image_files import SUFFIXES
from training.data.image_files import image_splits
from training.data.notes import counted
from training.data.notes import in_classes
from training.data.splits import shuffled_split

_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


def load_image_folder(folder, size=None):
    """Loads images from a folder; its sub-folders, if any, are the classes.

    Sub-folders called train and valid (or val) or test are the splits, and
    the classes are below them. What begins with a dot is skipped; files of
    other kinds are left out; `notes` counts both.

    Args:
        folder: str.
        size: int, or None. Crops images to the centre square and resizes them
            to `(size, size)`. Without it all must have one size.

    Returns:
        `Dataset` of kind `"images"`. Splits that have no folder are drawn once
        and for all: 10 % each in valid and test. Class numbers follow the
        alphabetical order of the sub-folders. Grey images have one channel; if
        any image has colour, all have three.

    Raises:
        FileNotFoundError: if there is no such folder, or no image in it.
        ValueError: if a file is damaged, sizes differ, or images lie both in
            the folder and in its sub-folders.
    """
    root, notes = pathlib.Path(folder).expanduser(), []
    rows, class_names = list_images(root, notes)
    return images_dataset(f"images:{folder}", rows, class_names, size, notes)


def images_dataset(name, rows, class_names, size, notes):
    """Reads images whose splits and classes are known.

    Args:
        name: str. The source, as the user wrote it.
        rows: dict of split name to a list of paths and a list of class
            numbers.
        class_names: list of str, empty where there are no classes.
        size: int, or None, as for `load_image_folder`.
        notes: list of str: what was left out.

    Returns:
        `Dataset` of kind `"images"`.
    """
    left_out = "".join(f" {n}" for n in notes if n.startswith("Left out"))
    splits, shape = image_splits(
        {
            split: {"path": paths, "label": np.array(labels, "int32")}
            if class_names
            else {"path": paths}
            for split, (paths, labels) in rows.items()
        },
        size,
        notes,
        name,
    )
    sizes = " / ".join(f"{int(s.cardinality()):,}" for s in splits.values())
    return Dataset(
        name=name,
        kind="images",
        splits=splits,
        num_classes=len(class_names) or None,
        element_shape=shape,
        description=(
            f"{sizes} images of {shape[0]}x{shape[1]} "
            f"{in_classes(class_names)}, from "
            f"{name.partition(':')[2]}.{left_out}"
        ),
        class_names=tuple(class_names),
        notes=tuple(notes),
    )


def list_images(root, notes):
    """Finds the images of a folder, their splits and their classes.

    Args:
        root: `pathlib.Path`.
        notes: list of str, to which is added what was left out.

    Returns:
        dict of split name to a list of paths and a list of class numbers, and
        the list of the classes' names, empty where there are none.

    Raises:
        FileNotFoundError: if there is no such folder, or no image in it.
        ValueError: if images lie both in a folder and in its sub-folders,
            there are too few, or a split has other classes than train.
    """
    if not root.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(root)!r}. Expected one with image files, "
            "or with one sub-folder of them per class."
        )
    images = images_below(root, notes)
    parts = _split_folders(root, images, notes)
    if parts is None:
        inner = _innermost(root, images, notes)
        paths, labels, class_names = _classes(inner, images)
        parts = {"train": (paths, labels)}
    else:
        parts, class_names = _classes_of_splits(root, parts)
    return with_all_splits(root, parts), class_names


def images_below(root, notes):
    """Finds the images in a folder and its sub-folders.

    Args:
        root: `pathlib.Path`.
        notes: list of str, to which is added what was left out.

    Returns:
        Sorted list of paths.

    Raises:
        FileNotFoundError: if there are none.
    """
    images, hidden, others = [], 0, collections.Counter()
    seen = set()
    for folder, inner, names in os.walk(root, followlinks=True):
        # A link may lead to a folder above it.
        if os.path.realpath(folder) in seen:
            inner.clear()
            continue
        seen.add(os.path.realpath(folder))
        for name in names:
            path = pathlib.Path(folder, name)
            parts = path.relative_to(root).parts
            is_image = path.suffix.lower() in SUFFIXES
            if any(p.startswith(".") or p == "__MACOSX" for p in parts):
                hidden += is_image
            elif is_image:
                images.append(path)
            else:
                others[path.suffix.lower() or "without an ending"] += 1
    words = [f"{n:,} {suffix}" for suffix, n in others.most_common(8)]
    if hidden:
        words.append(f"{counted(hidden, 'image')} in hidden places")
    if words:
        notes.append(f"Left out: {', '.join(words)}.")
    if not images:
        raise FileNotFoundError(
            f"There is no image ({KINDS}) in {str(root)!r}, nor in its "
            "sub-folders."
        )
    return sorted(images)


def _split_folders(root, images, notes):
    """Images by split, or None where the folder is not cut into splits."""
    found = {
        name: _SPLIT_NAMES.get(name.lower()) for name in _sub_folders(root)
    }
    named = [split for split in found.values() if split]
    if "train" not in named or len(set(named)) < 2:
        return None
    if len(named) > len(set(named)):
        raise ValueError(
            f"{str(root)!r} must hold one folder for each split. Received: "
            f"{', '.join(name for name, split in found.items() if split)}"
        )
    parts = {split: (root / n, []) for n, split in found.items() if split}
    outside = 0
    for path in images:
        split = found.get(path.relative_to(root).parts[0])
        if split is None:
            outside += 1
        else:
            parts[split][1].append(path)
    if outside:
        notes.append(
            f"Left out: {counted(outside, 'image')} beside the folders of "
            f"{', '.join(sorted(parts))}."
        )
    return parts


def _sub_folders(root):
    return sorted(
        path.name
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith((".", "__MACOSX"))
    )


def _innermost(root, images, notes):
    """The folder that holds several, or images: one class alone is none."""
    inner = root
    while len(_sub_folders(inner)) == 1 and all(
        path.parent != inner for path in images
    ):
        inner = inner / _sub_folders(inner)[0]
    if inner != root:
        notes.append(
            f"The images are all in {inner}, which is taken in place of {root}."
        )
    return inner


def _classes(root, images):
    """Paths in fixed order, a class number for each, names of the classes.

    There are no names where the images are in no sub-folders.
    """
    names = _sub_folders(root)
    loose = [path for path in images if path.parent == root]
    if loose and len(loose) < len(images):
        raise ValueError(
            f"{str(root)!r} holds images beside sub-folders with images. Keep "
            "either sub-folders (classes) or images alone. Received, among "
            f"others: {loose[0].name}"
        )
    if loose:
        return loose, [0] * len(loose), []
    by_class = {name: [] for name in names}
    for path in images:
        by_class[path.relative_to(root).parts[0]].append(path)
    empty = [name for name, paths in by_class.items() if not paths]
    if empty:
        raise FileNotFoundError(
            f"There is no image ({KINDS}) in {str(root / empty[0])!r}. Every "
            "sub-folder is a class: fill this one, or remove it."
        )
    paths = [path for part in by_class.values() for path in part]
    labels = [i for i, part in enumerate(by_class.values()) for _ in part]
    return paths, labels, names


def _classes_of_splits(root, parts):
    found = {
        split: _classes(folder, images)
        for split, (folder, images) in parts.items()
    }
    class_names = found["train"][2]
    rows = {}
    for split, (paths, labels, names) in found.items():
        unknown = [name for name in names if name not in class_names]
        if unknown or bool(names) != bool(class_names):
            raise ValueError(
                f"The classes of {split} in {str(root)!r} must be among those "
                f"of train: {', '.join(class_names) or 'none'}. Received: "
                f"{', '.join(unknown) or 'none'}"
            )
        numbers = [class_names.index(name) for name in names] or [0]
        rows[split] = paths, [numbers[label] for label in labels]
    return rows, class_names if len(class_names) > 1 else []


def with_all_splits(root, parts):
    """Draws those splits that are not there from train, always the same.

    Args:
        root: `pathlib.Path`, what errors call the whole.
        parts: dict of split name to a list of paths and one of class numbers.

    Returns:
        dict of all three splits.

    Raises:
        ValueError: if train has too few images.
    """
    paths, labels = parts["train"]
    missing = [split for split in SPLITS if split not in parts]
    if len(paths) < 1 + len(missing):
        raise ValueError(
            f"{str(root)!r} must hold at least {1 + len(missing)} images, one "
            f"for each of train, {' and '.join(missing)}. Received: "
            f"{len(paths)}"
        )
    drawn = shuffled_split(len(paths))
    split_of = {row: split for split in missing for row in drawn[split]}
    rows = {split: parts.get(split, ([], [])) for split in SPLITS}
    rows["train"] = [], []
    for row, pair in enumerate(zip(paths, labels, strict=True)):
        for column, value in zip(
            rows[split_of.get(row, "train")], pair, strict=True
        ):
            column.append(value)
    return rows
