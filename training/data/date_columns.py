"""Which columns of a table say when its rows were, and what they say."""

import re

import numpy as np

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?"
_ZONE = r"(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
_MONTH = r"[A-Za-z]{3,9}\.?"
_DATES = {
    "year first": r"\d{4}([-/.])\d{1,2}(?:\1\d{1,2})?",
    "year last": r"\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})",
    "quarters": r"\d{4}-?[Qq][1-4]",
    "month in words": (
        rf"\d{{1,2}}[ -]{_MONTH}[ -](?:\d{{4}}|\d{{2}})|"
        rf"{_MONTH}[ -]\d{{4}}|{_MONTH} \d{{1,2}},? \d{{4}}"
    ),
}
_PATTERNS = {
    kind: rf"(?:{date})(?:[T ]+{_CLOCK}{_ZONE})?"
    for kind, date in _DATES.items()
}
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_TIME_NAMES = ("date", "datum", "day", "time", "timestamp", "ts", "epoch")
# Units since 1970, and how many of them there are in a second.
_EPOCHS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_SNIFFED_ROWS = 50


def looks_like_date(cell):
    """Whether a cell, str, is a date, a time of day, or both."""
    return bool(re.fullmatch(_CLOCK, cell)) or _kind(cell) is not None


def find_times(cells, numbers, columns, place, notes):
    """Finds when each row was, and the columns that say so.

    Those are, whichever comes first: a column of dates, with one of times of
    day if there is one; columns called year, month and so on; a column called
    `date`, `time` or alike of seconds since 1970 or of days such as 20200131;
    a first column of years that follow each other.

    Args:
        cells: `pandas.DataFrame` of str.
        numbers: `pandas.DataFrame` of the same cells as float64, or NaN.
        columns: list of str, what the columns are called.
        place: function from row and column numbers to what errors call the
            cell.
        notes: list of str, to which is added what was done.

    Returns:
        datetime64 `(rows,)` or None, and the set of columns, as `cells` counts
        them, that hold dates.

    Raises:
        ValueError: if a date is missing or cannot be read.
    """
    dates, clocks = [], []
    for name in cells:
        if numbers[name].notna().mean() > 0.5:
            continue
        sniffed = cells[name].iloc[:_SNIFFED_ROWS]
        if sum(_kind(cell) is not None for cell in sniffed) > len(sniffed) / 2:
            dates.append(name)
        elif sniffed.str.fullmatch(_CLOCK).mean() > 0.5:
            clocks.append(name)
    if not dates:
        return _from_numbers(numbers, columns, notes)
    for name in dates[1:] + clocks[1:]:
        notes.append(f"Column {columns[name]!r} left out: more dates.")
    text = cells[dates[0]]
    kind = _usual_kind(text, lambda row: place(row, dates[0]))
    if clocks:
        text = text + " " + cells[clocks[0]]
    times = _read(text, kind, lambda row: place(row, dates[0]), notes)
    return times, {*dates, *clocks}


def _kind(cell):
    for kind, pattern in _PATTERNS.items():
        if re.fullmatch(pattern, cell):
            return kind
    return None


def _usual_kind(text, place):
    """How most dates are written; all others are an error."""
    kinds = [_kind(cell) for cell in text]
    known = [kind for kind in kinds if kind]
    usual = max(dict.fromkeys(known), key=known.count)
    for row, kind in enumerate(kinds):
        if kind != usual:
            raise ValueError(
                f"{place(row)} must be a date written as the others are. "
                f"Received: {text.iloc[row]!r}"
            )
    return usual


def _read(text, kind, place, notes):
    import pandas

    day_first = False
    if kind == "year last":
        day_first = _is_day_first(text, place, notes)
    if kind == "quarters":
        text = text.str.replace("-", "").str.upper()
    times = pandas.to_datetime(
        text, format="mixed", dayfirst=day_first, utc=True, errors="coerce"
    )
    if times.isna().any():
        row = int(np.argmax(times.isna()))
        raise ValueError(
            f"{place(row)} must be a date. Received: {text.iloc[row]!r}"
        )
    return times.dt.tz_localize(None).to_numpy("datetime64[ns]")


def _is_day_first(text, place, notes):
    """Whether 03/04/2020 is in April, by all dates together."""
    import pandas

    parts = text.str.extract(r"^(\d+)([-/.])(\d+)[-/.](\d+)")
    if parts[1].iloc[0] == ".":
        return True
    first, second, year = (parts[i].astype(int) for i in (0, 2, 3))
    if (first > 12).any() or (first == second).all():
        return True
    if (second > 12).any():
        return False
    rising, longest = [], []
    for day, month in ((first, second), (second, first)):
        dates = pandas.to_datetime(
            {"year": year, "month": month, "day": day}
        ).diff()
        rising.append((dates.dropna() >= pandas.Timedelta(0)).all())
        longest.append(dates.max())
    # Hours go on at midnight, and not a month later.
    if all(rising) and text.str.contains(":").all():
        rising = [steps == min(longest) for steps in longest]
    if rising[0] == rising[1]:
        raise ValueError(
            f"{place(0)} can be read in two ways: {text.iloc[0]!r} may begin "
            "with the day or the month, and no other row tells. Write dates "
            "as 2020-01-31."
        )
    word = "day" if rising[0] else "month"
    notes.append(f"Dates are read with the {word} first, in which they rise.")
    return rising[0]


def _from_numbers(numbers, columns, notes):
    """Times in columns of numbers."""
    import pandas

    names = {name.lower(): i for i, name in enumerate(columns)}
    parts = {part: names[part] for part in _PARTS if part in names}
    if {"year", "month"} <= set(parts):
        fields = numbers[list(parts.values())].set_axis(list(parts), axis=1)
        fields = fields.assign(day=fields.get("day", 1))
        times = pandas.to_datetime(fields, errors="coerce")
        if not times.isna().any():
            notes.append(f"Columns {', '.join(parts)} are read as dates.")
            return times.to_numpy("datetime64[ns]"), set(parts.values())
    for i, name in enumerate(columns):
        values = numbers[i]
        whole = not values.isna().any() and (values % 1.0 == 0.0).all()
        if (
            not whole and name.lower() not in _TIME_NAMES
        ) or values.isna().any():
            continue
        words, times = _numbers_as_times(name, i, values)
        if times is not None:
            notes.append(f"Column {name!r} is read as {words}.")
            return times.to_numpy("datetime64[ns]"), {i}
    return None, set()


def _numbers_as_times(name, place, values):
    import pandas

    named = name.lower() in _TIME_NAMES
    nameless = name == f"column {place + 1}" or not name
    steps = values.diff().iloc[1:]
    if named and values.between(19000101, 21001231).all():
        text = values.astype("int64").astype(str)
        times = pandas.to_datetime(text, format="%Y%m%d", errors="coerce")
        if not times.isna().any():
            return "days", times
    for unit, per_second in _EPOCHS.items():
        # From 1980 to 2100.
        if not values.between(3.15e8 * per_second, 4.1e9 * per_second).all():
            continue
        even = place == 0 and len(steps) and (steps == steps.iloc[0]).all()
        if named or (nameless and even):
            times = pandas.to_datetime(values, unit=unit)
            return f"times, {unit} since 1970", times
    years = values.between(1500, 2200).all() and (steps == 1.0).all()
    if years and len(steps) and (name.lower() in ("year", "jahr") or nameless):
        text = values.astype("int64").astype(str)
        return "years", pandas.to_datetime(text, format="%Y")
    return "", None
