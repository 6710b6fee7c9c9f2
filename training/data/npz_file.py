"""NumPy arrays in an .npz file."""

import pathlib
import zipfile
import zlib

import numpy as np

from training.data.arrays import image_examples
from training.data.arrays import vector_examples
from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.splits import num_held_out
from training.data.tfds_preparation import original_files_folder

_EXPECTED = (
    "Expected x_train and x_test (with y_train and y_test for labels, x_valid "
    "and y_valid if there are any), or train, valid and test"
)


def load_npz_file(path):
    """Loads images or vectors from arrays.

    Args:
        path: str. An `.npz` file, here or below the folder that
            `KERAS_GENSEQ_DATA` names, with `x_train` and `x_test` (and
            `y_train`, `y_test`, `x_valid`, `y_valid`), or with `train`,
            `valid` and `test`. Without a valid part, the last 10,000 of 60,000
            training rows, or the last tenth, take its place. Arrays of rank 3
            or 4 are images, of rank 2 vectors; floats must be in [0, 1], uint8
            images are divided by 255. Where `n_vars` is present, the arrays
            are bits packed along the columns.

    Returns:
        `Dataset` of kind `"images"` or `"vectors"`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if arrays are missing, or are not what is said above.
    """
    arrays = _read_arrays(path)
    x, y = _parts(arrays, path)
    if "n_vars" in arrays:
        x = _unpack(x, int(arrays["n_vars"]), path)
    x = {split: _checked(part, split, path) for split, part in x.items()}
    shapes = {split: part.shape[1:] for split, part in x.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"All parts of {str(path)!r} must have one shape after the rows. "
            f"Received: {shapes}"
        )
    element_shape = shapes["train"]
    sizes = " / ".join(f"{len(x[split]):,}" for split in SPLITS)
    is_images = len(element_shape) == 3
    if is_images:
        splits = {s: image_examples(x[s], y.get(s)) for s in SPLITS}
    else:
        splits = {s: vector_examples(x[s]) for s in SPLITS}
    labelled = is_images and bool(y)
    return Dataset(
        name=f"npz:{path}",
        kind="images" if is_images else "vectors",
        splits=splits,
        num_classes=_num_classes(x, y, path) if labelled else None,
        element_shape=element_shape,
        description=f"{sizes} rows of shape {element_shape}, from {path}.",
    )


def _read_arrays(path):
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        known = original_files_folder() / path
        if not known.is_file():
            raise FileNotFoundError(
                f"There is no file {str(path)!r}, neither here nor below the "
                "folder that KERAS_GENSEQ_DATA names. Check the path of the "
                "source."
            )
        path = known
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (
        AttributeError,  # a single .npy array: no context manager
        EOFError,
        OSError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{str(path)!r} must be an .npz file of plain arrays (no Python "
            f"objects), written by `np.savez`. Reading it failed: {error}"
        ) from error


def _parts(arrays, path):
    if {"x_train", "x_test"} <= set(arrays):
        x = {s: arrays[f"x_{s}"] for s in SPLITS if f"x_{s}" in arrays}
        y = {s: arrays[f"y_{s}"] for s in SPLITS if f"y_{s}" in arrays}
    elif {"train", "test"} <= set(arrays):
        x = {s: arrays[s] for s in SPLITS if s in arrays}
        y = {}
    else:
        raise ValueError(
            f"{str(path)!r} does not have the arrays of a data set. "
            f"{_EXPECTED}. Received: {', '.join(sorted(arrays)) or 'nothing'}"
        )
    if y and set(y) != set(x):
        raise ValueError(
            f"{str(path)!r} must have labels for each of {', '.join(x)} or "
            f"for none. Received labels for: {', '.join(y)}"
        )
    y = {split: _checked_labels(y[split], x[split], split) for split in y}
    if "valid" not in x:
        rows = len(x["train"])
        cut = max(0, rows - num_held_out(rows))
        for part in (x, y):
            if part:
                part["train"], part["valid"] = np.split(part["train"], [cut])
    return x, y


def _unpack(x, num_variables, path):
    num_bytes = -(-num_variables // 8)
    for split, part in x.items():
        if part.dtype != np.uint8 or part.shape[1:] != (num_bytes,):
            raise ValueError(
                f"With n_vars={num_variables}, {split} of {str(path)!r} must "
                f"be uint8 of shape (rows, {num_bytes}), eight bits a byte. "
                f"Received: {part.dtype} of shape {part.shape}"
            )
    return {
        split: np.unpackbits(part, axis=1, count=num_variables).astype(bool)
        for split, part in x.items()
    }


def _checked(part, split, path):
    where = f"{split} of {str(path)!r}"
    if part.ndim not in (2, 3, 4) or 0 in part.shape:
        raise ValueError(
            f"{where} must be vectors (rank 2) or images (rank 3 or 4), and "
            f"not empty. Received: shape={part.shape}"
        )
    if np.issubdtype(part.dtype, np.floating):
        if not np.isfinite(part).all():
            row = int(np.argwhere(~np.isfinite(part))[0][0])
            raise ValueError(
                f"{where} must be finite. Received: NaN or infinity, first "
                f"in row {row}. Remove such rows, or fill them in."
            )
        if part.min() < 0 or part.max() > 1:
            raise ValueError(
                f"{where} must be floats in [0, 1]; scale them, or store "
                f"uint8. Received: from {part.min()} to {part.max()}"
            )
    elif part.dtype == np.uint8 and part.ndim == 2 and part.max() > 1:
        raise ValueError(
            f"{where} is uint8 of rank 2, expected 0 and 1 alone. Add "
            "`n_vars` if these are packed bits, or store floats in [0, 1]. "
            f"Received: up to {part.max()}"
        )
    elif part.dtype not in (np.uint8, np.bool_):
        raise ValueError(
            f"{where} must be uint8, bool, or floats in [0, 1]. "
            f"Received: dtype={part.dtype}"
        )
    if part.ndim == 3:
        part = part[..., np.newaxis]
    return part if part.dtype == np.uint8 else part.astype(np.float32)


def _checked_labels(labels, rows, split):
    if labels.shape == (len(rows), 1):
        labels = labels[:, 0]
    if labels.shape != (len(rows),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"y_{split} must be {len(rows)} ints, one per row of x_{split}. "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    return labels


def _num_classes(x, y, path):
    num_classes = int(y["train"].max()) + 1
    for split, labels in y.items():
        if labels.min() < 0 or labels.max() >= num_classes:
            raise ValueError(
                f"y_{split} of {str(path)!r} is out of range: expected 0 to "
                f"{num_classes - 1}, the largest label of train. "
                f"Received: {labels.min()} to {labels.max()}"
            )
    return num_classes
