"""Numbers that stand for what is missing, as -999 in a table."""

import numpy as np

from training.data.notes import counted

# How many ranges of the other values lie between them and such a number.
_FAR = 2.0
# Fewer others do not show where values lie.
_LEAST_OTHERS = 5
# 99, 999, ...: what people write most.
_NINES = tuple(10.0**n - 1.0 for n in range(2, 10))


def sentinel_notes(values, columns):
    """Tells of numbers so far from all others that they may be none.

    Args:
        values: float `(rows, columns)`, NaN where a cell is empty.
        columns: list of str.

    Returns:
        list of sentences.
    """
    notes = []
    for name, column in zip(columns, values.T, strict=True):
        column = column[~np.isnan(column)]
        if not column.size:
            continue
        found, rest = _sentinels(column)
        words = [
            f"{x:.9g} ({counted(np.sum(column == x), 'row')})" for x in found
        ]
        if words:
            notes.append(
                f"Column {name!r} holds {', '.join(words)}, far outside of the "
                f"others ({rest.min():g} to {rest.max():g}), taken as numbers: "
                "if they mark what is missing, leave those cells empty."
            )
    return notes


def _sentinels(column):
    """Such numbers, and the others."""
    found = []
    is_nines = np.isin(np.abs(column), _NINES)
    rest = column[~is_nines]
    for x in np.unique(column[is_nines]):
        has_sign = x < 0.0 and rest.size and rest.min() >= 0.0
        if has_sign or _is_far(x, rest, 1.0):
            found.append(x)
    rest = column[~np.isin(column, found)]
    for end in (np.min, np.max):
        x = end(rest)
        others = rest[rest != x]
        if _is_far(x, others, _FAR):
            found.append(x)
            rest = others
    return found, rest


def _is_far(x, others, ranges):
    """Whether it lies some ranges of the others away from all of them."""
    if len(others) < _LEAST_OTHERS or others.min() == others.max():
        return False
    distance = max(others.min() - x, x - others.max())
    return distance > ranges * (others.max() - others.min())
