import numpy as np
import pytest

from training.data.splits import num_held_out
from training.data.splits import shuffled_split


@pytest.mark.parametrize("num_rows", [3, 10, 101])
def test_split_is_a_fixed_partition(num_rows):
    split = shuffled_split(num_rows)
    rows = np.concatenate(list(split.values()))
    assert sorted(rows) == list(range(num_rows))
    assert all(len(part) for part in split.values())
    again = shuffled_split(num_rows)
    assert all((split[name] == again[name]).all() for name in split)


def test_split_draws_the_rows_that_it_always_drew():
    assert shuffled_split(10)["valid"].tolist() == [2]
    assert shuffled_split(10)["test"].tolist() == [8]


def test_held_out_rows():
    assert num_held_out(60_000) == 10_000
    assert num_held_out(500) == 50
    assert num_held_out(5) == 1
