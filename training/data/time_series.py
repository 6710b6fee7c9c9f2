"""Series in time: one simulated, and tables in CSV files."""

import csv
import pathlib

import numpy as np
import tensorflow as tf

from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.dataset import DataUnavailableError
from training.data.tfds_preparation import original_files_folder

# Of series that are known by name: rows of train, valid and test where a
# benchmark fixes them, and steps after which the series resembles itself.
_BENCHMARK_ROWS = {"ETTh1": (8640, 2880, 2880)}
_SEASONS = {
    "ETTh1": 24,
    "airline-passengers": 12,
    "daily-min-temperatures": 365,
    "monthly-sunspots": 132,
}


def load_noisy_sine():
    """Simulates `sin(0.01 t) + 0.2 e_t`, 1,000 steps, the same every time.

    Returns:
        `Dataset` of kind `"series"`, split 604 / 96 / 300 in time: with
        windows of 4, 600 to train on.
    """
    t = np.arange(1, 1001)
    noise = np.random.RandomState(0).normal(0.0, 0.2, len(t))
    return _series(
        "noisy_sine",
        (np.sin(0.01 * t) + noise)[:, None],
        (604, 96, 300),
        "sin(0.01 t) plus normal noise of deviation 0.2, simulated",
        season=628,
    )


def load_time_series(name):
    """Loads the numeric columns of a CSV file, ordered in time.

    Args:
        name: str. A file, or the name, without `.csv`, of one in the folder
            `time_series` below `KERAS_GENSEQ_DATA`. The first line holds
            titles; a first column that is no number is left out.

    Returns:
        `Dataset` of kind `"series"`: for ETTh1 the rows of its benchmark, else
        70 / 10 / 20 % in time.

    Raises:
        DataUnavailableError: if there is no such file.
        ValueError: if a value is no finite number.
    """
    path = pathlib.Path(name).expanduser()
    if path.suffix != ".csv":
        path = original_files_folder() / "time_series" / f"{name}.csv"
    if not path.is_file():
        raise DataUnavailableError(
            f"There is no file {str(path)!r}. Give a CSV file, or let "
            "KERAS_GENSEQ_DATA name the folder that holds `time_series`."
        )
    titles, values = _read(path)
    count = len(values)
    cuts = (count * 7 // 10, count // 10, count - count * 7 // 10 - count // 10)
    return _series(
        f"series:{name}",
        values,
        _BENCHMARK_ROWS.get(path.stem, cuts),
        f"columns {', '.join(titles)} of {path.name}",
        season=_SEASONS.get(path.stem),
    )


def _read(path):
    with open(path, newline="") as file:
        titles, *rows = csv.reader(file)
    if not rows:
        raise ValueError(f"{str(path)!r} holds no row below its titles.")
    first = 0 if _is_number(rows[0][0]) else 1
    try:
        values = np.array([row[first:] for row in rows if row], "float64")
    except ValueError as error:
        raise ValueError(
            f"{str(path)!r} must hold numbers in every column after the "
            f"first, and rows of one length. Reading it failed: {error}"
        ) from error
    if not np.isfinite(values).all() or not values.size:
        raise ValueError(
            f"{str(path)!r} must hold finite numbers in every column after "
            "the first. Fill gaps in, or remove such rows."
        )
    return titles[first:], values


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _series(name, values, sizes, words, season):
    parts = np.split(values, np.cumsum(sizes))[:3]
    examples = {
        split: tf.data.Dataset.from_tensors({"x": part.astype("float32")})
        for split, part in zip(SPLITS, parts, strict=True)
    }
    lengths = " / ".join(f"{size:,}" for size in sizes)
    return Dataset(
        name=name,
        kind="series",
        splits=examples,
        num_classes=None,
        element_shape=None,
        description=f"{lengths} steps in time: {words}.",
        season=season,
    )
