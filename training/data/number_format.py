"""Decimal commas, marks of thousands and signs in the cells of a table."""

import re

import numpy as np

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_COMMA_ONCE = rf"[+-]?\d*,\d+{_EXPONENT}"
_POINT_ONCE = rf"[+-]?\d*\.\d+{_EXPONENT}"
# What may be 1234 as well as 1.234, after who wrote it.
_COMMA_AND_THREE = r"[+-]?[1-9]\d{0,2},\d{3}"
_POINT_AND_THREE = r"[+-]?[1-9]\d{0,2}\.\d{3}"
_POINTS_THEN_COMMA = r"[+-]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})"
_COMMAS_THEN_POINT = r"[+-]?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})"

_PLAIN = r"[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?"
_SPACED = re.compile(
    r"([+-]?\d{1,3})((?:[ \u00a0\u2009\u202f]\d{3})+|(?:['\u2019]\d{3})+|"
    r"(?:_\d{3})+)([.,]\d+)?"
)
_CURRENCIES = "$\u20ac\u00a3\u00a5\u20b9"
_BITS = {"true": "1", "false": "0", "yes": "1", "no": "0"}


def without_signs(cells, columns, gaps, notes):
    """Takes off what is written around numbers, as in `5%` and `$1 000`.

    Those are percent signs and signs of currencies that all numbers of a
    column have, spaces, apostrophes and underscores between thousands,
    parentheses around negative numbers, and the minus sign of typesetters; a
    column of true and false, or of yes and no, is one of 1 and 0.

    Args:
        cells: `pandas.DataFrame` of str.
        columns: list of str, what the columns are called.
        gaps: collection of str: lower-case cells that mark gaps.
        notes: list of str, to which is added what was done.

    Returns:
        `pandas.DataFrame` of str. What is no number is left as it is.
    """
    cells = cells.copy()
    for name in cells:
        column = cells[name]
        filled = ~column.str.lower().isin(gaps)
        if not filled.any():
            continue
        before = column[filled]
        after, words = _column_without_signs(before)
        if words and (before != after).any():
            notes.append(f"Column {columns[name]!r}: {', '.join(words)}.")
            cells[name] = column.mask(filled, after)
    return cells


def is_number_with_signs(cell):
    """Whether a cell, str, is a number, perhaps with signs around it."""
    cell, _ = _bare(cell.replace("\u2212", "-"))
    return bool(re.fullmatch(_PLAIN, cell))


def _column_without_signs(column):
    """The cells as plain numbers, and what was done, in words."""
    lower = column.str.lower()
    for pair in (("true", "false"), ("yes", "no")):
        if lower.isin(pair).all():
            return lower.map(_BITS), [f"{pair[0]} is read as 1, {pair[1]} as 0"]
    bare = column.str.replace("\u2212", "-", regex=False).map(_bare)
    after, signs = bare.str[0], bare.str[1]
    if not after.str.fullmatch(_PLAIN).all():
        return column, []
    words = []
    for sign in ("%", *_CURRENCIES):
        having = signs.str.contains(sign, regex=False)
        if having.any() and not having.all():
            return column, []
        if having.all():
            words.append(
                f"{sign} is left out, {column.iloc[0]!r} is {after.iloc[0]}"
            )
    for sign, meaning in (
        ("(", "numbers in parentheses are negative"),
        ("_", "marks between thousands are left out"),
    ):
        if signs.str.contains(sign, regex=False).any():
            words.append(meaning)
    return after, words or ["the minus sign is read as -"]


def _bare(cell):
    """A number without what is around it, and the signs that were there."""
    signs = ""
    negative = re.fullmatch(r"\((.+)\)", cell)
    if negative:
        cell, signs = negative[1], "("
    around = re.fullmatch(
        rf"([+-]?)\s*([{_CURRENCIES}]?)\s*([+-]?)(.*?)\s*"
        rf"([%{_CURRENCIES}]?)",
        cell,
    )
    if around:
        signs += around[2] + around[5]
        cell = around[1] + around[3] + around[4]
    spaced = _SPACED.fullmatch(cell)
    if spaced:
        signs += "_"
        cell = spaced[1] + re.sub(r"\D", "", spaced[2]) + (spaced[3] or "")
    return ("-" + cell if negative else cell), signs


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

    def matching(pattern):
        return cells.apply(lambda column: column.str.fullmatch(pattern))

    if not any(cells[c].str.contains(",", regex=False).any() for c in cells):
        doubtful = matching(_POINT_AND_THREE).to_numpy(bool)
        if comma_is_free and doubtful.any():
            others = matching(_POINT_ONCE).to_numpy(bool) & ~doubtful
            if not others.any():
                example = cells.to_numpy()[doubtful][0]
                notes.append(
                    f"Points are read as decimal points, as in {example}. If "
                    "they mark thousands, remove them."
                )
        return cells

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
