"""Decimal commas and marks of thousands in the cells of a table."""

import numpy as np

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_COMMA_ONCE = rf"[+-]?\d*,\d+{_EXPONENT}"
_POINT_ONCE = rf"[+-]?\d*\.\d+{_EXPONENT}"
# What may be 1234 as well as 1.234, after who wrote it.
_COMMA_AND_THREE = r"[+-]?[1-9]\d{0,2},\d{3}"
_POINT_AND_THREE = r"[+-]?[1-9]\d{0,2}\.\d{3}"
_POINTS_THEN_COMMA = r"[+-]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})"
_COMMAS_THEN_POINT = r"[+-]?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})"


def with_decimal_points(cells, *, comma_is_free, place, notes):
    """Rewrites numbers such as `10,275` and `1.234,5` with a decimal point.

    All numbers of a table are taken to be written alike.

    Args:
        cells: `pandas.DataFrame` of str.
        comma_is_free: bool. Whether something else than a comma separates the
            cells, as where commas mark decimals. It decides about tables in
            which every comma may also mark thousands, as in `10,275`.
        place: function from row and column numbers to what errors call the
            cell.
        notes: list of str, to which is added what was done.

    Returns:
        `pandas.DataFrame` of str. What is no number is left as it is.

    Raises:
        ValueError: if some numbers have decimal commas and others decimal
            points, or if commas can be read in two ways.
    """

    if not any(cells[c].str.contains(",", regex=False).any() for c in cells):
        return cells

    def matching(pattern):
        return cells.apply(lambda column: column.str.fullmatch(pattern))

    def removing(mark, put=""):
        return cells.apply(lambda c: c.str.replace(mark, put, regex=False))

    comma_thousands = matching(_COMMA_AND_THREE)
    point_thousands = matching(_POINT_AND_THREE)
    european, american = (
        matching(_POINTS_THEN_COMMA),
        matching(_COMMAS_THEN_POINT),
    )
    decimal_comma = european | matching(_COMMA_ONCE) & ~comma_thousands
    decimal_point = american | matching(_POINT_ONCE) & ~point_thousands

    def example(mask):
        row, column = np.argwhere(mask.to_numpy(bool))[0]
        return f"{place(row, column)} {cells.iloc[row, column]!r}"

    def found(mask):
        return bool(mask.to_numpy(bool).any())

    if found(decimal_comma) and found(decimal_point):
        raise ValueError(
            "All numbers of a table must be written alike. Received decimal "
            f"commas, as in {example(decimal_comma)}, and decimal points, as "
            f"in {example(decimal_point)}."
        )
    if found(decimal_comma) or (
        found(comma_thousands)
        and comma_is_free
        and not found(decimal_point | point_thousands)
    ):
        notes.append("Commas are read as decimal commas.")
        cells = cells.mask(european | point_thousands, removing("."))
        return cells.mask(decimal_comma | comma_thousands, removing(",", "."))
    if found(american) or (found(comma_thousands) and found(decimal_point)):
        notes.append("Commas are read as marks of thousands.")
        return cells.mask(american | comma_thousands, removing(","))
    if found(comma_thousands):
        raise ValueError(
            "Numbers must be written so that they can be read in one way. "
            f"Received {example(comma_thousands)}, where the comma may mark "
            "decimals or thousands. Write a decimal point, and no mark of "
            "thousands."
        )
    return cells
