"""A folder of PNG and JPEG files."""

import pathlib

import tensorflow as tf

from training.data.dataset import Dataset
from training.data.image_headers import read_image_shape
from training.data.resizing import crop_and_resize
from training.data.splits import shuffled_split

_SUFFIXES = (".png", ".jpg", ".jpeg")


def load_image_folder(folder, size=None):
    """Loads images from a folder; its sub-folders, if any, are the classes.

    Args:
        folder: str.
        size: int, or None. Crops images to the centre square and resizes them
            to `(size, size)`. Without it all must have one size.

    Returns:
        `Dataset` of kind `"images"`, 80 % in train and 10 % each in valid and
        test, drawn once and for all. Class numbers follow the alphabetical
        order of the sub-folders. Grey images have one channel; if any image
        has colour, all have three.

    Raises:
        FileNotFoundError: if there is no such folder, or no image in it.
        ValueError: if a file is damaged, sizes differ, or images lie both in
            the folder and in its sub-folders.
    """
    root = pathlib.Path(folder).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(root)!r}. Expected one with PNG or JPEG "
            "files, or with one sub-folder of them per class."
        )
    paths, labels, class_names = _list_images(root)
    if len(paths) < 3:
        raise ValueError(
            f"{str(root)!r} must hold at least 3 images, one for each of "
            f"train, valid and test. Received: {len(paths)}"
        )
    shape = _common_shape(paths, size)

    def read_one(row):
        image = tf.io.decode_image(
            tf.io.read_file(row["path"]),
            channels=shape[-1],
            expand_animations=False,
        )
        pixels = tf.cast(image, tf.float32) / 255.0
        if size is not None:
            pixels = crop_and_resize(pixels, size)
        example = {"image": tf.ensure_shape(pixels, shape)}
        if class_names:
            example["label"] = row["label"]
        return example

    splits = {}
    for split, rows in shuffled_split(len(paths)).items():
        files = tf.data.Dataset.from_tensor_slices(
            {
                "path": [str(paths[row]) for row in rows],
                "label": [labels[row] for row in rows],
            }
        )
        splits[split] = files.map(
            read_one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
    sizes = " / ".join(f"{int(s.cardinality()):,}" for s in splits.values())
    return Dataset(
        name=f"images:{folder}",
        kind="images",
        splits=splits,
        num_classes=len(class_names) or None,
        element_shape=shape,
        description=(
            f"{sizes} images of {shape[0]}x{shape[1]} in "
            f"{len(class_names) or 'no'} classes, from {root}."
        ),
    )


def _list_images(root):
    """Paths in fixed order, a class number for each, names of the classes."""
    loose = _images_in(root.iterdir())
    folders = sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )
    if loose and any(_images_in(folder.rglob("*")) for folder in folders):
        raise ValueError(
            f"{str(root)!r} holds images beside sub-folders with images. Keep "
            "either sub-folders (classes) or images alone. Received, among "
            f"others: {loose[0].name}"
        )
    if loose:
        return loose, [0] * len(loose), []
    paths, labels = [], []
    for label, folder in enumerate(folders):
        images = _images_in(folder.rglob("*"))
        if not images:
            raise FileNotFoundError(
                f"There is no PNG or JPEG file in {str(folder)!r}. Every "
                "sub-folder is a class: fill this one, or remove it."
            )
        paths += images
        labels += [label] * len(images)
    if not paths:
        raise FileNotFoundError(
            f"There is no PNG or JPEG file in {str(root)!r}, nor sub-folders "
            "with such files."
        )
    return paths, labels, [folder.name for folder in folders]


def _images_in(paths):
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in _SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )


def _common_shape(paths, size):
    shapes = [read_image_shape(path) for path in paths]
    channels = max(shape[-1] for shape in shapes)
    if size is not None:
        return size, size, channels
    for path, shape in zip(paths, shapes, strict=True):
        if shape[:2] != shapes[0][:2]:
            raise ValueError(
                "All images must have one size. "
                f"{str(paths[0])!r} has {shapes[0][0]}x{shapes[0][1]}, "
                f"{str(path)!r} has {shape[0]}x{shape[1]}. Let them be "
                "resized, for instance with images:DIR?size=64."
            )
    return *shapes[0][:2], channels
