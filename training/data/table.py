"""Tables of numbers in text files: what people call a CSV file."""

import csv
import io
import re
from typing import Any
from typing import NamedTuple

import numpy as np

from training.data.csv_rows import LONGEST_CELL
from training.data.date_columns import DATE_NAMES
from training.data.date_columns import find_times
from training.data.date_columns import looks_like_date
from training.data.notes import counted
from training.data.number_format import is_number_with_signs
from training.data.number_format import with_decimal_points
from training.data.number_format import without_signs
from training.data.sentinels import sentinel_notes
from training.data.text_file import read_text

_DELIMITERS = (";", "\t", "|", ",", r"\s+")
_SPOKEN = {"\t": "tabs", r"\s+": "spaces"}
_SNIFFED_LINES = 100
_GAPS = (
    *("", "na", "n/a", "#n/a", "#na", "<na>", "n.a.", "nan", "-nan", "nat"),
    *("null", "\\n", "none", "nil", "missing", ".", "..", "...", "?"),
    *("-", "--", "---", "\u2013", "\u2014", "#div/0!", "#value!", "#ref!"),
    *("#num!", "#name?", "#null!"),
)
_TOTALS = (
    *("total", "totals", "grand total", "sum", "average", "mean"),
    *("summe", "gesamt", "mittelwert", "somme", "suma", "totale"),
)
_INDEX_NAMES = (
    "",
    "index",
    "id",
    "no",
    "no.",
    "nr",
    "row",
    "step",
    "t",
    "time",
)


class Table(NamedTuple):
    """Numbers of a table.

    Attributes:
        columns: list of str.
        values: float64 `(rows, columns)`, NaN where a cell is empty.
        lines: int `(rows,)`, where each row stands in the file, from 1.
        times: datetime64 `(rows,)`, or None where no column holds dates.
        notes: list of sentences: what was taken for what.
    """

    columns: list[str]
    values: np.ndarray
    lines: np.ndarray
    times: Any
    notes: list[str]


def read_table(path):
    """Reads the numeric columns of a table, and the dates beside them.

    Columns may be separated by semicolons, tabs, bars, commas or spaces,
    decimals by a point or a comma; a title line is optional. Blank lines,
    lines that begin with `#`, and a last line of totals are skipped. Signs
    around numbers (`5%`, `$1 000`) are taken off. Columns of dates (in words,
    as seconds since 1970, or in parts) become `times`; a column that counts
    the rows, and columns of words, are left out. `notes` tells what was done.

    Args:
        path: str or path, of a file as `read_text` reads it.

    Returns:
        `Table`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a cell is no number, or can be read in two ways; it is
            named by line and column.
    """
    notes = []
    cells, lines, delimiter = _cells(path, notes)
    columns, cells, lines = _titles(cells, lines, notes)
    filled = (cells != "").any(axis=1).to_numpy(bool)
    if not filled.all():
        notes.append(f"Skipped: {counted((~filled).sum(), 'empty row')}.")
        cells, lines = cells[filled], lines[filled]
    if not len(lines):
        raise ValueError(f"{str(path)!r} holds no row below its titles.")
    if delimiter != ",":
        notes.append(
            f"Columns are separated by {_SPOKEN.get(delimiter, delimiter)!r}."
        )

    def cell_name(row, column):
        return f"{str(path)!r}, line {lines[row]}, column {columns[column]!r},"

    cells, lines = _without_totals(cells, lines, notes)
    cells = without_signs(cells, columns, _GAPS, notes)
    cells = with_decimal_points(
        cells,
        comma_is_free=delimiter != ",",
        place=cell_name,
        notes=notes,
    )
    gaps = cells.apply(lambda column: column.str.lower().isin(_GAPS))
    numbers = cells.mask(gaps).apply(_to_numbers)
    times, used = find_times(cells, numbers, columns, cell_name, notes)
    values = {
        name: numbers[name].to_numpy("float64")
        for name in cells
        if name not in used
        and _is_numeric(
            cells[name],
            numbers[name],
            gaps[name],
            columns[name],
            lambda row, name=name: cell_name(row, name),
            notes,
        )
    }
    _without_index(values, columns, notes)
    if not values:
        why = [note for note in notes if "left out" in note]
        raise ValueError(
            f"{str(path)!r} must hold a column of numbers. Received the "
            f"columns: {', '.join(columns)}. {' '.join(why[:3])}"
        )
    named = [columns[name] for name in values]
    stacked = np.stack([*values.values()], 1)
    notes += sentinel_notes(stacked, named)
    return Table(
        columns=named,
        values=stacked,
        lines=lines,
        times=times,
        notes=notes,
    )


def _cells(path, notes):
    """All cells as strings, the line of each row, and the delimiter."""
    import pandas

    text = read_text(path)
    for mark, kind in (("<", "HTML or XML"), ("[{", "JSON"), ("{", "JSON")):
        if text.lstrip().startswith(mark):
            raise ValueError(
                f"{str(path)!r} must be a table, but it begins as {kind} does. "
                "Save it as CSV in the program that wrote it."
            )
    rows = text.split("\n")
    said = re.fullmatch(r"sep=(.)", rows[0].strip())
    if said:
        rows[0] = ""
    comments = [i for i, row in enumerate(rows) if row.lstrip()[:1] == "#"]
    for i in comments:
        rows[i] = ""
    if comments:
        notes.append(
            f"Skipped: {counted(len(comments), 'line')} beginning with #."
        )
    filled = np.array([i for i, row in enumerate(rows) if row.strip()], int)
    if not filled.size:
        raise ValueError(f"{str(path)!r} holds no row of a table.")
    rows = [rows[i] for i in filled]
    delimiter = said[1] if said else _delimiter(rows[:_SNIFFED_LINES])
    try:
        cells = pandas.read_csv(
            io.StringIO("\n".join(rows)),
            sep=delimiter,
            header=None,
            dtype=str,
            na_filter=False,
            skipinitialspace=True,
        )
    except pandas.errors.ParserError as error:
        found = re.search(
            r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error)
        )
        if found is None:
            raise ValueError(
                f"{str(path)!r} cannot be read as a table: {error}"
            ) from error
        expected, row, received = map(int, found.groups())
        raise ValueError(
            f"{str(path)!r}, line {filled[row - 1] + 1}, has {received} cells "
            f"separated by {_SPOKEN.get(delimiter, delimiter)!r} where the "
            f"first line has {expected}. Let all rows have as many, and "
            "remove lines above the titles and below the table."
        ) from error
    if len(cells) != len(filled):
        raise ValueError(
            f"{str(path)!r} has cells of several lines, in quotes. Write each "
            "row in one line."
        )
    return cells.apply(lambda column: column.str.strip()), filled + 1, delimiter


def _delimiter(rows):
    """The one that cuts all rows into equally many cells, or nearly all."""
    best, agreeing = ",", len(rows) // 2
    for delimiter in _DELIMITERS:
        if delimiter == r"\s+":
            counts = [len(row.split()) for row in rows]
        else:
            # With the wrong one a whole row is one cell.
            csv.field_size_limit(LONGEST_CELL)
            reader = csv.reader(rows, delimiter=delimiter)
            counts = [len(cells) for cells in reader]
        usual = np.bincount(counts)
        if len(usual) > 2 and usual[2:].max() > agreeing:
            best, agreeing = delimiter, usual[2:].max()
    return best


def _titles(cells, lines, notes):
    """Names of the columns; the rows below the title line, if there is one."""
    first, rest = cells.iloc[0], cells.iloc[1:]

    def kind(cell):
        if cell.lower() in _GAPS:
            return "gap"
        if _to_numbers([cell]).notna().all() or is_number_with_signs(cell):
            return "number"
        return "date" if looks_like_date(cell) else "words"

    kinds = [kind(cell) for cell in first]
    below = [
        [kind(cell) for cell in rest[name].iloc[:_SNIFFED_LINES]]
        for name in cells
    ]
    # Words stand above numbers or dates, and dates above numbers.
    others = {"words": ("number", "date"), "date": ("number",)}
    titled = not {"number", "date"} & {*kinds} or any(
        sum(k in others.get(here, ()) for k in under) > len(under) / 2
        for here, under in zip(kinds, below, strict=True)
    )
    # A table that was written without names has 0, 1, 2 above its columns.
    numbered = first.iloc[0] == "" and list(first.iloc[1:]) == [
        str(i) for i in range(len(first) - 1)
    ]
    # Years above the columns of a table that begins with names.
    years = kinds[0] == "words" and _count_on(first.iloc[1:])
    if not titled and not numbered and not years:
        notes.append("No title line: columns are called by their number.")
        return [f"column {i + 1}" for i in range(len(first))], cells, lines
    names = []
    for title in first:
        name, number = title, 1
        while name in names:
            number += 1
            name = f"{title} #{number}"
        names.append(name)
    return names, rest, lines[1:]


def _count_on(cells):
    """Whether titles are whole numbers that each follow the one before."""
    numbers = _to_numbers(cells).to_numpy("float64")
    steps = np.diff(numbers)
    return len(steps) > 0 and bool((steps == 1.0).all())


def _without_totals(cells, lines, notes):
    """Takes out a last row that sums up the others."""
    row = cells.iloc[-1]
    above = cells.iloc[:-1].apply(lambda column: column.str.lower())
    for name, cell in row.items():
        word = cell.lower().rstrip(":")
        if word in _TOTALS and not above[name].isin([word]).any():
            notes.append(f"Line {lines[-1]} left out: it is the {cell!r}.")
            return cells.iloc[:-1], lines[:-1]
    return cells, lines


def _to_numbers(column):
    import pandas

    return pandas.to_numeric(pandas.Series(column), errors="coerce")


def _is_numeric(cells, numbers, gaps, title, place, notes):
    """Whether a column holds numbers; words among them are an error."""
    words = ~gaps & numbers.isna()
    if numbers.notna().sum() <= words.sum():
        example = f", as {cells[words].iloc[0]!r}" if words.any() else ""
        if words.any() and title.lower() in DATE_NAMES:
            example += (
                ", and no dates that are understood: rows are taken in the "
                "order of the file. Write dates as 2020-01-31"
            )
        notes.append(f"Column {title!r} left out: no numbers{example}.")
        return False
    for wrong, expected in (
        (words, "a number"),
        (np.isinf(numbers), "a finite number"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{place(row)} must be {expected}. Received: "
                f"{cells.iloc[row]!r}. Mend it, or leave the cell empty to "
                "mark a gap."
            )
    return True


def _without_index(values, columns, notes):
    """Takes out a first column that only counts the rows, or their time."""
    first = next(iter(values), None)
    if len(values) < 2 or first != 0:
        return
    steps = np.diff(values[first])
    if not len(steps) or not steps[0] > 0:
        return
    named = columns[first].lower() in _INDEX_NAMES
    unnamed = columns[first].startswith(("column ", "Unnamed"))
    even = np.allclose(steps, steps[0], rtol=1e-3)
    if (named and even) or (unnamed and (steps == 1.0).all()):
        del values[first]
        notes.append(
            f"Column {columns[first] or 1!r} left out: it counts the rows."
        )
