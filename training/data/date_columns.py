"""Which columns of a table say when its rows were, and what they say."""

import re

import numpy as np

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_OFFSET = rf"{_CLOCK} ?([+-]\d{{2}}:?\d{{2}})"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,? )?"
_MONTH = r"[A-Za-z]{3,9}\.?"
_DATES = {
    "year first": r"\d{4}([-/.])\d{1,2}(?:\1\d{1,2})?",
    "year last": r"\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})",
    "quarters": r"\d{4}[- ]?[Qq][1-4]|[Qq][1-4][-/ ]?\d{4}",
    "months": r"\d{4}[Mm](?:0[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])[-/.]\d{4}",
    "weeks": r"\d{4}-?W(?:0[1-9]|[1-4]\d|5[0-3])",
    "in one number": r"\d{8}(?=[T ])(?:T\d{4}(?:\d{2})?)?",
    "month and short year": rf"{_MONTH}[-' ]'?\d{{2}}",
    "month in words": (
        rf"{_WEEKDAY}\d{{1,2}}[ -]{_MONTH}[ -](?:\d{{4}}|\d{{2}})|"
        rf"{_MONTH}[ -]\d{{4}}|{_WEEKDAY}{_MONTH} \d{{1,2}},? \d{{4}}"
    ),
}
_PATTERNS = {
    kind: rf"(?:{date})(?:[T ]+{_CLOCK}{_ZONE})?"
    for kind, date in _DATES.items()
}
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_TIME_NAMES = (
    *("date", "datum", "day", "time", "timestamp", "ts", "epoch", "datetime"),
    *("month", "monat", "period", "yearmonth", "yyyymm"),
)
# Such a column holds no values, whatever way it is written.
DATE_NAMES = ("date", "datum", "timestamp", "datetime", "yearmonth", "yyyymm")
_YEAR_NAMES = ("year", "jahr")
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
                f"Received: {text.iloc[row]!r}. Write it so, or "
                "remove the line."
            )
    return usual


def _read(text, kind, place, notes):
    import pandas

    day_first = False
    if kind == "year last":
        day_first = _is_day_first(text, place, notes)
    written, style = text, "mixed"
    if kind == "quarters":
        text = text.map(_month_of_quarter)
    elif kind == "months":
        text = text.str.replace(
            r"^(\d{1,2})[-/.](\d{4})", r"\2-\1", regex=True
        ).str.replace(r"^(\d{4})[Mm]", r"\1-", regex=True)
    elif kind == "weeks":
        text, style = text.str.replace("-", "") + "1", "%GW%V%u"
    elif kind == "month and short year":
        text = text.str.replace(r"\W+", "-", regex=True)
        style = "%b-%y" if text.str.len().max() == 6 else "%B-%y"
    elif kind == "month in words":
        text = text.str.replace(rf"^{_WEEKDAY}", "", regex=True)
    text = _in_local_time(text, notes)
    times = pandas.to_datetime(
        text, format=style, dayfirst=day_first, utc=True, errors="coerce"
    )
    if times.isna().any():
        row = int(np.argmax(times.isna()))
        raise ValueError(
            f"{place(row)} must be a date. Received: {written.iloc[row]!r}"
        )
    times = times.dt.tz_localize(None)
    if kind == "month and short year" or (
        kind == "year last"
        and written.str.fullmatch(r"\d+\D\d+\D\d\d(?!\d).*").all()
    ):
        times = _in_one_century(times, notes)
    return times.to_numpy("datetime64[ns]")


def _month_of_quarter(text):
    """2020-04 of 2020-Q2, Q2 2020 and alike."""
    year = re.search(r"\d{4}", text)[0]
    quarter = re.search(r"[Qq](\d)", text)[1]
    return f"{year}-{3 * int(quarter) - 2:02d}"


def _in_local_time(text, notes):
    """Takes off the distance from UTC where it is the same in all rows."""
    offsets = text.str.extract(f"{_OFFSET}$")[0]
    if offsets.isna().all():
        return text
    if offsets.nunique(dropna=False) > 1:
        notes.append("Dates are of several time zones: taken in UTC.")
        return text
    return text.str.replace(r" ?[+-]\d{2}:?\d{2}$", "", regex=True)


def _in_one_century(times, notes):
    """Takes years such as 69 as 1969 where dates rise only so."""
    import pandas

    steps = times.diff().dropna()
    if (steps >= pandas.Timedelta(0)).all():
        return times
    earlier = times.where(
        times <= times.iloc[-1], times - pandas.DateOffset(years=100)
    )
    if (earlier.diff().dropna() >= pandas.Timedelta(0)).all():
        notes.append(
            f"Years of two digits begin in {earlier.iloc[0].year}, so that "
            "dates rise."
        )
        return earlier
    return times


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
            not whole and name.lower() not in (*_TIME_NAMES, *_YEAR_NAMES)
        ) or values.isna().any():
            continue
        words, times = _numbers_as_times(name, i, values)
        if times is not None:
            notes.append(f"Column {name!r} is read as {words}.")
            return times.to_numpy("datetime64[ns]"), {i}
        if name.lower() in DATE_NAMES:
            notes.append(
                f"Column {name!r} left out: it is called so, but "
                f"{values.iloc[0]:.10g} is read neither as a day, such as "
                "20200131, nor as seconds since 1970. Rows are taken in the "
                "order of the file."
            )
            return None, {i}
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
    rises = len(steps) > 0 and bool((steps > 0).all())
    digits = values.between(150001, 220012) & (values % 1.0 == 0.0)
    if (
        (digits & (values % 100).between(1, 12)).all()
        and rises
        and (named or (place == 0 and steps.isin([1.0, 89.0]).all()))
    ):
        text = values.astype("int64").astype(str)
        return "months", pandas.to_datetime(text, format="%Y%m")
    dated = name.lower() in DATE_NAMES
    # From 1954 to 2064.
    if dated and rises and values.between(20_000, 60_000).all():
        times = pandas.to_datetime(values, unit="D", origin="1899-12-30")
        return "days since 1899-12-30, as workbooks count them", times
    fractions = (values % 1.0 != 0.0).any()
    if (
        (dated or name.lower() in (*_YEAR_NAMES, "time"))
        and rises
        and fractions
        and values.between(1500, 2200).all()
    ):
        first = pandas.to_datetime(
            (values // 1).astype("int64").astype(str), format="%Y"
        )
        days = 365 + first.dt.is_leap_year
        part = pandas.to_timedelta(values % 1.0 * days, unit="D")
        return "years and their parts", (first + part).dt.round("s")
    years = values.between(1500, 2200).all() and (steps == 1.0).all()
    if years and len(steps) and (name.lower() in _YEAR_NAMES or nameless):
        text = values.astype("int64").astype(str)
        return "years", pandas.to_datetime(text, format="%Y")
    return "", None
