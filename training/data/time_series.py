"""Series in time: one simulated, and tables in files."""

import pathlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.dataset import DataUnavailableError
from training.data.dataset import Scale
from training.data.known_files import original_files_folder
from training.data.notes import counted
from training.data.table import read_table

GAPS = ("refuse", "fill", "drop")
_ENDINGS = ("", ".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
_LEAST_ROWS = 10
_DAY = 86_400.0


class _Known(NamedTuple):
    """A public series: its rows, its season, and its benchmark's splits."""

    rows: int
    season: int
    splits: tuple[int, int, int] | None = None


_KNOWN = {
    "ETTh1": _Known(17_420, 24, (8640, 2880, 2880)),
    "airline-passengers": _Known(144, 12),
    "daily-min-temperatures": _Known(3_650, 365),
    "monthly-sunspots": _Known(2_820, 132),
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
        columns=("y",),
        season=628,
    )


def load_time_series(name, gaps="refuse", length=None):
    """Loads the numeric columns of a table, ordered in time.

    Args:
        name: str. A file that `read_table` reads (`.csv`, `.tsv`, `.txt`,
            plain or packed by gzip), or the name, without its ending, of one
            in the folder `time_series` below `KERAS_GENSEQ_DATA`.
        gaps: what to do where cells are empty: `"refuse"` names the first,
            `"fill"` draws straight lines between the values around a gap,
            `"drop"` leaves out the rows with a gap.
        length: int, or None. Steps of the windows to train on, in place of
            those that a recipe chooses.

    Returns:
        `Dataset` of kind `"series"`: for the whole ETTh1 the rows of its
        benchmark, else 70 / 10 / 20 % in time. Rows are sorted by their dates
        where there are any, which also tell the season: a day of rows that
        are an hour or less apart, a week of days, a year of weeks, months or
        quarters.

    Raises:
        DataUnavailableError: if there is no such file.
        ValueError: if a value is no finite number, rows are too few, or dates
            come several times.
    """
    path = _find(name)
    table, notes = read_series(path, gaps)
    count = len(table.values)
    if count < _LEAST_ROWS:
        raise ValueError(
            f"{str(path)!r} must hold at least {_LEAST_ROWS} rows, to be cut "
            f"into train, valid and test. Received: {count}"
        )
    sizes = (count * 7 // 10, count // 10)
    sizes = (*sizes, count - sum(sizes))
    season, known = None, _KNOWN.get(path.name.partition(".")[0])
    if known and known.rows == count:
        sizes, season = known.splits or sizes, known.season
    elif table.times is not None:
        season = _season(table.times, notes)
    used = sum(sizes)
    if used < count:
        notes.append(
            f"The last {count - used:,} rows are left out, as the benchmark "
            f"of {path.stem} does."
        )
    return _series(
        f"series:{name}",
        table.values[:used],
        sizes,
        f"columns {', '.join(table.columns)} of {path.name}",
        columns=tuple(table.columns),
        times=None if table.times is None else table.times[:used],
        season=season,
        window_length=length,
        notes=notes,
    )


def read_series(path, gaps="refuse"):
    """Reads the numeric columns of a table, without gaps and ordered in time.

    Args:
        path: path of a file that `read_table` reads.
        gaps: as for `load_time_series`.

    Returns:
        `Table`, and a list of sentences: what was taken for what.

    Raises:
        ValueError: as for `load_time_series`.
    """
    path = pathlib.Path(path)
    table = read_table(path)
    notes = list(table.notes)
    table = _without_gaps(table, gaps, path, notes)
    return _in_order(table, path, notes), notes


def _find(name):
    own = pathlib.Path(name).expanduser()
    shared = original_files_folder() / "time_series"
    for path in [own, *(shared / f"{name}{ending}" for ending in _ENDINGS)]:
        if path.is_file():
            return path
    if own.is_dir():
        raise DataUnavailableError(
            f"{str(own)!r} is a folder: a series is one file. Give the CSV "
            "file inside it."
        )
    raise DataUnavailableError(
        f"There is no file {str(own)!r}. Give a CSV file, or let "
        "KERAS_GENSEQ_DATA name the folder that holds `time_series`."
    )


def _without_gaps(table, gaps, path, notes):
    missing = np.isnan(table.values)
    if not missing.any():
        return table
    counts = ", ".join(
        f"{column} {count:,}"
        for column, count in zip(table.columns, missing.sum(0), strict=True)
        if count
    )
    if gaps == "refuse":
        row, column = np.argwhere(missing)[0]
        raise ValueError(
            f"{str(path)!r} has gaps ({counts}), the first in line "
            f"{table.lines[row]}, column {table.columns[column]!r}. Say what "
            f"to do: series:{path}?gaps=fill draws straight lines between the "
            "values around each, ?gaps=drop leaves out the rows with gaps."
        )
    if gaps == "drop":
        kept = ~missing.any(1)
        notes.append(
            f"Left out: {counted(np.sum(~kept), 'row')} with gaps ({counts})."
        )
        return table._replace(
            values=table.values[kept],
            lines=table.lines[kept],
            times=None if table.times is None else table.times[kept],
        )
    values, rows = table.values.copy(), np.arange(len(missing))
    for column, empty in enumerate(missing.T):
        values[empty, column] = np.interp(
            rows[empty], rows[~empty], values[~empty, column]
        )
    notes.append(f"Gaps are filled by straight lines ({counts}).")
    return table._replace(values=values)


def _in_order(table, path, notes):
    """Rows sorted by their times, none of which may come too often."""
    if table.times is None:
        return table
    order = np.argsort(table.times, kind="stable")
    times = table.times[order]
    again = np.flatnonzero(times[1:] == times[:-1])
    # An hour comes twice where clocks are set back.
    if len(again) * 100 > len(times):
        first, second = (table.lines[order[again[0] + i]] for i in (0, 1))
        raise ValueError(
            f"{str(path)!r} has {counted(len(again), 'date')} twice, the "
            f"first in the lines {first} and {second}. Keep one series, one "
            "row for each time; several series belong side by side, in columns."
        )
    if len(again):
        notes.append(f"Dates that come twice: {len(again):,}.")
    if (order != np.arange(len(order))).any():
        notes.append("Rows are sorted by their dates.")
    return table._replace(
        values=table.values[order], lines=table.lines[order], times=times
    )


def _season(times, notes):
    """Steps after which a series resembles itself, by how far apart they are.

    Returns:
        int, or None where the distance tells nothing.
    """
    seconds = np.diff(times) / np.timedelta64(1, "s")
    step = float(np.median(seconds))
    if step <= 0.0:
        return None
    days = step / _DAY
    # 1970 began on a Thursday; 5 and 6 are the days of a weekend.
    weekdays = (times.astype("datetime64[D]").astype("int64") + 3) % 7
    works = days == 1.0 and (weekdays < 5).all()
    longer = np.flatnonzero(seconds > 1.5 * step)
    if len(longer) and days < 28 and not works:
        notes.append(
            f"Steps longer than the usual {_spoken(step)}: {len(longer):,}, "
            f"the first after {_date(times[longer[0]])}: "
            "rows are taken as if each followed the one before at once."
        )
    if 28 <= days <= 31:
        season = 12
    elif 89 <= days <= 92:
        season = 4
    elif days == 7:
        season = 52
    elif days == 1:
        season = 5 if works else 7
    else:
        # A day, or an hour where steps are shorter than a minute.
        period = _DAY if step >= 60.0 else 3600.0
        season = period / step
        if season < 2 or season != int(season):
            return None
    season = int(season)
    notes.append(
        f"Rows are {_spoken(step)} apart: the season is {season} steps."
    )
    return season


def _spoken(seconds):
    days = seconds / _DAY
    if 28 <= days <= 31 or 89 <= days <= 92:
        return "a month" if days <= 31 else "a quarter"
    sizes = {"day": _DAY, "hour": 3600.0, "minute": 60.0, "second": 1.0}
    unit = next((u for u in sizes if seconds >= sizes[u]), "second")
    number = f"{seconds / sizes[unit]:g}"
    return f"{number} {unit}" + ("" if number == "1" else "s")


def _date(time):
    return str(time)[:19].replace("T", " ").removesuffix(" 00:00:00")


def _series(name, values, sizes, words, *, columns, season, notes=(), **fields):
    parts = np.split(values, np.cumsum(sizes))[:3]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = parts[0].mean(0), parts[0].std(0)
    if not np.isfinite(deviation).all():
        worst = columns[int(np.argmin(np.isfinite(deviation)))]
        raise ValueError(
            f"Column {worst!r} of {name} must hold numbers whose squares are "
            f"finite. Received: up to {np.abs(values).max():g}. Write it in a "
            "larger unit."
        )
    # What rounding leaves of a constant's deviation is none.
    constant = deviation <= 1e-12 * np.abs(mean)
    notes = list(notes)
    for column in np.flatnonzero(constant):
        notes.append(
            f"Column {columns[column]!r} is constant in the training split."
        )
    examples = {
        split: tf.data.Dataset.from_tensors({"x": part})
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
        columns=columns,
        scale=Scale(mean, np.where(constant, 1.0, deviation)),
        notes=tuple(notes),
        **fields,
    )
