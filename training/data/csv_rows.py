"""Lines of cells that may stand in quotes, by Python's `csv`."""

import csv

# Python's own limit, of the whole process, is 131,072.
LONGEST_CELL = 2**31 - 1


def csv_rows(lines, delimiter, path):
    """Cuts lines into cells.

    Args:
        lines: iterable of str. Quotes may hold several of them.
        delimiter: str, one character.
        path: str or path, of the file for errors.

    Yields:
        The number of the last line of a row, from 1, and a list of str.

    Raises:
        ValueError: if a quote is not closed where its cell ends.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader, first = csv.reader(lines, delimiter=delimiter, strict=True), 1
    try:
        for cells in reader:
            yield reader.line_num, cells
            first = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"Line {first} of {str(path)!r} has a quote that is not closed "
            f"where its cell ends ({error}). Write quotes inside a quoted "
            "cell twice, or take single ones away."
        ) from error
