"""A system on the bases is short, and keeps every promise of the table."""

import inspect

import pytest

from tests.conformance import toys
from tests.conformance.table import EVERY_MODEL
from tests.conformance.toys import TOYS


@pytest.mark.parametrize("name", TOYS)
def test_a_system_takes_at_most_sixty_lines(name):
    lines = inspect.getsource(getattr(toys, name)).splitlines()
    assert len(lines) <= 60


def test_toys_are_rows_of_the_table():
    assert TOYS.items() <= EVERY_MODEL.items()
