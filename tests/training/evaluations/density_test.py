import numpy as np
import pytest

from training.evaluations.density import mean_with_interval
from training.evaluations.density import plus_minus


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        mean, half = mean_with_interval(rng.normal(2.0, 3.0, 50))
        covered += abs(mean - 2.0) <= half
    assert 0.91 < covered / 400 < 0.98


def test_one_value_has_no_interval():
    mean, half = mean_with_interval(np.array([3.0]))
    assert mean == 3.0 and np.isnan(half)
    assert plus_minus(mean, half) == "3.00"
    assert plus_minus(0.5, 0.0123, 3) == "0.500 ± 0.012"


def test_interval_of_known_values():
    mean, half = mean_with_interval(np.array([1.0, 3.0]))
    assert mean == 2.0
    assert half == pytest.approx(1.96)
