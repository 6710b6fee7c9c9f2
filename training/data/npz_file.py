"""NumPy arrays in an .npz file."""

import zipfile
import zlib

import numpy as np

from training.data.arrays import image_examples
from training.data.arrays import vector_examples
from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.known_files import located
from training.data.notes import counted
from training.data.splits import num_held_out
from training.data.splits import shuffled_split

_EXPECTED = (
    "Expected x_train, and x_test if there is any (with y_train and y_test for "
    "labels, x_valid and y_valid if there are any), or train, valid and test"
)
# How people call the parts of a data set.
_SPLIT_NAMES = {
    "train": ("train",),
    "valid": ("valid", "val", "validation"),
    "test": ("test",),
}
_ROWS = ("x_{}", "X_{}", "{}_x", "{}_images", "{}")
_DIFFERENCES = "_dx"
# What float32 may take away, in deviations of a column.
_MOST_ROUNDING = 0.01
# More are labels of another kind, unless there are as many rows.
_MOST_CLASSES = 1_000
# What people call examples, and their labels, where there are no splits.
_PAIRS = (
    *(("arr_0", "arr_1"), ("x", "y"), ("X", "y"), ("images", "labels")),
    *(("data", "target"), ("data", "labels"), ("image", "label")),
)
_LABELS = ("y_{}", "Y_{}", "{}_y", "{}_labels")


def load_npz_file(path):
    """Loads images or vectors from arrays.

    Args:
        path: str. An `.npz` file, here or below the folder that
            `KERAS_GENSEQ_DATA` names, with `x_train` and `x_test` (and
            `y_train`, `y_test`, `x_valid` or `x_val`, `y_valid` or `y_val`),
            or with `train`, `valid` and `test`. Without a valid part, the last
            10,000 of 60,000 training rows, or the last tenth, take its place;
            of a training part alone, or one with a valid part, a tenth of the
            rows is drawn for each that is missing. `x` and `y`, `images` and
            `labels`, `data` and `target` are training parts.
            Arrays `(rows, height, width)`, or with 1 or 3 channels behind, are
            images, of rank 2 vectors of any floats; floats of images must be in
            [0, 1], uint8 images are divided by 255, or are bits if none is
            above 1. Where `n_vars`
            is present, the arrays are bits packed along the columns; uint8
            arrays `train_dx` and `test_dx` are images as differences along the
            width, modulo 256, which take less room. Labels are ints, whole
            floats, one-hot rows or strings.

    Returns:
        `Dataset` of kind `"images"` or `"vectors"`. `notes` names what was
        left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if arrays are missing, or are not what is said above.
    """
    arrays, notes = _read_arrays(path), []
    x, y, class_names = _parts(arrays, path, notes)
    is_images = x["train"].ndim > 2
    if "n_vars" in arrays:
        x = _unpack(x, _num_variables(arrays["n_vars"], path), path)
    x = {split: _checked(part, split, path) for split, part in x.items()}
    shapes = {split: part.shape[1:] for split, part in x.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"All parts of {str(path)!r} must have one shape after the rows. "
            f"Received: {shapes}"
        )
    element_shape = shapes["train"]
    sizes = " / ".join(f"{len(x[split]):,}" for split in SPLITS)
    if is_images:
        x = _with_white_bits(x, notes)
        splits = {s: image_examples(x[s], y.get(s)) for s in SPLITS}
    else:
        splits = {s: vector_examples(x[s]) for s in SPLITS}
    return Dataset(
        name=f"npz:{path}",
        kind="images" if is_images else "vectors",
        splits=splits,
        num_classes=_num_classes(y, path, notes) if y else None,
        element_shape=element_shape,
        description=f"{sizes} rows of shape {element_shape}, from {path}.",
        class_names=class_names,
        notes=tuple(notes),
    )


def _read_arrays(path):
    path = located(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {str(path)!r}, neither here nor below the "
            "folder that KERAS_GENSEQ_DATA names. Check the path of the "
            "source."
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
            for name, array in arrays.items():
                if not isinstance(array, np.ndarray):
                    raise TypeError(f"{name!r} inside it is no array")
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
            f"objects), written by `np.savez`. {_why(error)}"
        ) from error
    return dict(_without_differences(*item) for item in arrays.items())


def _why(error):
    """What went wrong in words of ours, where NumPy's tell nothing."""
    if "context manager" in str(error):
        return (
            "It holds one array, as `np.save` writes: store it by "
            "`np.savez(file, x_train=array)`."
        )
    if "allow_pickle" in str(error):
        return (
            "It is no such file, or holds objects: rows of different lengths, "
            "or of strings and numbers. Store arrays of one dtype."
        )
    return f"Reading it failed: {error}"


def _without_differences(name, array):
    """An array's name and values; of differences, those of the images."""
    is_images = array.dtype == np.uint8 and array.ndim in (3, 4)
    if not name.endswith(_DIFFERENCES) or not is_images:
        return name, array
    name = name.removesuffix(_DIFFERENCES) + "_images"
    return name, np.cumsum(array, axis=2, dtype=np.uint8)


def _parts(arrays, path, notes):
    """Rows and labels of each split, and names of classes that are words."""
    arrays = _with_names(arrays, notes)
    x_names, y_names = _named(arrays, _ROWS), _named(arrays, _LABELS)
    if "train" not in x_names:
        raise ValueError(
            f"{str(path)!r} does not have the arrays of a data set. "
            f"{_EXPECTED}. Received: {', '.join(sorted(arrays)) or 'nothing'}"
        )
    if arrays[x_names["train"]].ndim == 2 and y_names:
        # They may be anything: classes, or what a regression predicts.
        notes.append(
            f"Labels of vectors are not used: {', '.join(y_names.values())}."
        )
        arrays = {k: v for k, v in arrays.items() if k not in y_names.values()}
        y_names = {}
    if y_names and set(y_names) != set(x_names):
        raise ValueError(
            f"{str(path)!r} must have labels for each of {', '.join(x_names)} "
            f"or for none. Received labels for: {', '.join(y_names)}"
        )
    used = {*x_names.values(), *y_names.values(), "n_vars"}
    others = sorted(set(arrays) - used)
    if others:
        notes.append(f"Left out: the arrays {', '.join(others)}.")
    x = {split: arrays[name] for split, name in x_names.items()}
    y = {split: arrays[name] for split, name in y_names.items()}
    for split, rows in x.items():
        least = 1 + len(SPLITS) - len(x) if split == "train" else 1
        if rows.ndim == 0 or len(rows) < least:
            raise ValueError(
                f"{x_names[split]} of {str(path)!r} must be not empty: at "
                f"least {counted(least, 'row')}, one for each split that is "
                f"drawn from it. Received: shape={rows.shape}"
            )
    class_names = ()
    if y and all(labels.dtype.kind in "US" for labels in y.values()):
        class_names, y = _numbered(y)
    y = {s: _checked_labels(y[s], x[s], y_names[s], notes) for s in y}
    if "test" not in x:
        notes.append("There is no test part: a tenth of the rows is drawn.")
    if set(x) == {"train"}:
        drawn = shuffled_split(len(x["train"]))
        x, y = (
            {s: part["train"][drawn[s]] for s in drawn if part}
            for part in (x, y)
        )
    elif "test" not in x:
        drawn = shuffled_split(len(x["train"]), held_out=0.1)
        kept = np.setdiff1d(np.arange(len(x["train"])), drawn["test"])
        for part in (x, y):
            if part:
                part["test"] = part["train"][drawn["test"]]
                part["train"] = part["train"][kept]
    elif "valid" not in x:
        rows = len(x["train"])
        cut = max(0, rows - num_held_out(rows))
        for part in (x, y):
            if part:
                part["train"], part["valid"] = np.split(part["train"], [cut])
    return x, y, class_names


def _with_names(arrays, notes):
    """Arrays of no split, by their names: examples, perhaps labels."""
    pairs = list(_PAIRS)
    if len(arrays) == 1 and not _named(arrays, _ROWS):
        pairs.append((*arrays, "y"))
    given = next((p for p in pairs if p[0] in arrays and {*arrays} <= {*p}), ())
    if not given:
        return arrays
    names = dict(zip(given, ("x_train", "y_train"), strict=True))
    x, y = (arrays.get(name) for name in given)
    if y is not None and y.shape not in ((len(x),), (len(x), 1)):
        return arrays
    notes.extend(f"`{a}` is taken for {names[a]}." for a in arrays)
    return {names[name]: array for name, array in arrays.items()}


def _named(arrays, patterns):
    """dict of split to the name of its array, by the first pattern in use."""
    for pattern in patterns:
        names = {
            split: name
            for split, words in _SPLIT_NAMES.items()
            for name in map(pattern.format, words)
            if name in arrays
        }
        if names:
            return names
    return {}


def _numbered(y):
    """Class names in alphabetical order, and their numbers as labels."""
    names = np.unique(np.concatenate([labels.ravel() for labels in y.values()]))
    labels = {s: np.searchsorted(names, labels) for s, labels in y.items()}
    return tuple(names.astype(str).tolist()), labels


def _with_white_bits(x, notes):
    """Bytes of only 0 and 1 are bits: 1 is white."""
    is_bits = all(
        part.dtype == np.uint8 and part.max() <= 1 for part in x.values()
    )
    if not is_bits:
        return x
    notes.append("Pixels are only 0 and 1: taken as bits, 1 is white.")
    return {split: part * np.uint8(255) for split, part in x.items()}


def _num_variables(array, path):
    if array.size != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"n_vars of {str(path)!r} must be one int, the number of bits in a "
            f"row. Received: {array.dtype} of shape {array.shape}"
        )
    return int(array.item())


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
        if part.ndim == 2:
            if split == "train":
                _check_seen_in_float32(part, where)
            return part.astype("float32")
        if part.min() < 0 or part.max() > 1:
            low, high = part.min(), part.max()
            remedy = "scale them, or store uint8"
            if low >= 0 and high <= 255:
                remedy = "divide them by 255, or store uint8"
            elif low >= -1 and high <= 1:
                remedy = "store (x + 1) / 2"
            raise ValueError(
                f"{where} must be floats in [0, 1]; {remedy}. Received: from "
                f"{low} to {high}"
            )
    elif part.dtype == np.uint8 and part.ndim == 2 and part.max() > 1:
        raise ValueError(
            f"{where} is uint8 of rank 2, expected 0 and 1 alone. Add "
            "`n_vars` if these are packed bits, or store floats in [0, 1]. "
            f"Received: up to {part.max()}"
        )
    elif part.ndim == 2 and part.dtype.kind in "iu" and part.itemsize > 1:
        raise ValueError(
            f"{where} must be floats, or bits as uint8 or bool: of whole "
            "numbers no density is learned. Store bits by `x.astype('uint8')`, "
            "measurements by `x.astype('float32')`. Received: "
            f"dtype={part.dtype}"
        )
    elif part.dtype not in (np.uint8, np.bool_):
        remedy, found = "", f"dtype={part.dtype}"
        if part.dtype.kind in "iu":
            found += f", from {part.min()} to {part.max()}"
            # Other numbers would begin again at 0.
            remedy = " Scale them to floats."
            if part.min() >= 0 and part.max() <= 255:
                remedy = " These are bytes: store `x.astype('uint8')`."
        raise ValueError(
            f"{where} must be uint8, bool, or floats in [0, 1].{remedy} "
            f"Received: {found}"
        )
    if part.ndim == 3:
        part = part[..., np.newaxis]
    if part.ndim == 4 and part.shape[-1] not in (1, 3):
        remedy = "Store them so."
        if part.shape[1] in (1, 3):
            remedy = "Store x.transpose(0, 2, 3, 1)."
        elif part.shape[-1] in (2, 4):
            remedy = f"Store x[..., :{part.shape[-1] - 1}], without alpha."
        raise ValueError(
            f"{where} must be images (rows, height, width, channels) with 1 "
            f"or 3 channels. {remedy} Received: shape={part.shape}"
        )
    return part if part.dtype == np.uint8 else part.astype(np.float32)


def _check_seen_in_float32(part, where):
    """Checks that vectors are still the same in the floats of the model."""
    with np.errstate(over="ignore"):
        x = part.astype("float32")
    if not np.isfinite(x).all():
        raise ValueError(
            f"{where} must be numbers below 3e38. Received: up to "
            f"{np.abs(part).max():g}. Write them in a larger unit."
        )
    mean, deviation = (f(part, 0, dtype="float64") for f in (np.mean, np.std))
    lost = np.abs(part - x.astype(part.dtype)).max(0)
    varies = deviation > 1e-12 * np.abs(mean)
    wrong = np.flatnonzero(varies & (lost > _MOST_ROUNDING * deviation))
    if len(wrong):
        raise ValueError(
            f"Column {wrong[0]} of {where} varies by {deviation[wrong[0]]:g} "
            f"around {mean[wrong[0]]:g}: too little to be seen in float32. "
            "Subtract its mean."
        )


def _checked_labels(labels, rows, name, notes):
    """Labels as ints `(rows,)`."""
    if labels.shape == (len(rows), 1):
        labels = labels[:, 0]
    if labels.ndim == 2 and len(labels) == len(rows):
        is_one_hot = np.isin(labels, (0, 1)).all() and (
            (labels.sum(1) == 1).all()
        )
        if is_one_hot:
            notes.append(f"{name} is one-hot: taken as the place of the 1.")
            return labels.argmax(1)
    is_float = labels.dtype.kind == "f"
    if is_float and np.isfinite(labels).all() and (labels % 1 == 0).all():
        labels = labels.astype("int64")
    if labels.shape != (len(rows),) or labels.dtype.kind not in "iub":
        raise ValueError(
            f"{name} must be {len(rows)} ints, one per row, or as many "
            f"one-hot rows. Received: {labels.dtype} of shape {labels.shape}, "
            f"beginning with {labels.ravel()[:3].tolist()}"
        )
    return labels.astype("int64")


def _num_classes(y, path, notes):
    num_classes = int(y["train"].max()) + 1
    num_rows = len(y["train"])
    if num_classes > max(_MOST_CLASSES, num_rows):
        raise ValueError(
            f"y_train of {str(path)!r} goes up to {num_classes - 1:,} in "
            f"{num_rows:,} rows: labels are taken as classes from 0. Number "
            "yours, for instance by `numpy.unique(y, return_inverse=True)`."
        )
    if y["train"].min() < 0:
        raise ValueError(
            f"y_train of {str(path)!r} must hold classes from 0. "
            f"Received: {y['train'].min()}"
        )
    for split, labels in y.items():
        if labels.min() < 0 or labels.max() >= num_classes:
            raise ValueError(
                f"y_{split} of {str(path)!r} is out of range: expected 0 to "
                f"{num_classes - 1}, the largest label of train. "
                f"Received: {labels.min()} to {labels.max()}"
            )
    unseen = np.setdiff1d(np.arange(num_classes), y["train"])
    if len(unseen):
        notes.append(
            f"No row of train has a label among {unseen[:5].tolist()}, though "
            f"labels are taken as 0 to {num_classes - 1}."
        )
    return num_classes
