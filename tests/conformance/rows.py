"""Rows of a table as parameters of a test."""

import pytest

from tests.conformance.table import CONDITIONAL
from tests.conformance.table import EVERY_MODEL

SLOW = pytest.mark.slow
# One of each base: what takes long is tested on them by default, and with the
# slow tests on all others. What is traced or compiled for a row then serves all
# of its promises in one run of the tests, and is not made in both.
REPRESENTATIVES = (
    "NADE",
    "AutoregressiveModel",
    "RecurrentLanguageModel",
    "VAE",
    "SequenceForecaster",
    "GAN",
)
GAMES = {n: c for n, c in EVERY_MODEL.items() if c.kind == "game"}
GROUPS = [(name, group) for name, c in GAMES.items() for group in c.groups]


def every(table):
    """All rows of a table, as a test's argument `case`."""
    return _rows(table, slow=())


def every_but_slow(table):
    """All rows of a table, those of no representatives marked as slow."""
    return _rows(table, slow=set(table) - set(REPRESENTATIVES))


def all_but_slow(table):
    """The rows of classes, those of no representatives marked as slow."""
    table = _of_classes(table)
    return _rows(table, slow=set(table) - set(REPRESENTATIVES))


def all_slow(table):
    """The rows of classes, all marked as slow."""
    table = _of_classes(table)
    return _rows(table, slow=table)


def _of_classes(table):
    """A class has one row for what takes long: that it is told a class, too,
    changes nothing there."""
    return {n: c for n, c in table.items() if n not in CONDITIONAL}


def _rows(table, slow):
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, id=name, marks=SLOW if name in slow else ())
            for name, case in table.items()
        ],
    )


def groups(slow=()):
    """All groups of all games, as a test's arguments `case` and `group`."""
    return pytest.mark.parametrize(
        "case, group",
        [
            pytest.param(
                EVERY_MODEL[name],
                group,
                id=f"{name}-{group}",
                marks=SLOW if name in slow else (),
            )
            for name, group in GROUPS
        ],
    )
