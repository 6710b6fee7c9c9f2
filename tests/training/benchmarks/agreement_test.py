import numpy as np
import pytest

from training.benchmarks.agreement import check_equal
from training.benchmarks.agreement import check_same_samples


def test_equal_within_the_tolerance():
    check_equal({"a": [100.0, 90.0], "b": [100.05, 90.0], "c": [100.0]})


@pytest.mark.parametrize("wrong", [[101.0, 90.0], [100.0, 91.0]])
def test_another_number_in_any_call_is_refused(wrong):
    with pytest.raises(RuntimeError, match="'b' does other work than 'a'"):
        check_equal({"a": [100.0, 90.0], "b": wrong})


def test_arrays_are_compared_entry_by_entry():
    x = np.array([1.0, 2.0])
    with pytest.raises(RuntimeError, match="does other work"):
        check_equal({"a": [x], "b": [x[::-1]]})


def test_numbers_that_are_not_finite_prove_nothing():
    with pytest.raises(RuntimeError, match="no finite numbers"):
        check_equal({"a": [np.nan], "b": [np.nan]})


def test_a_few_pixels_may_flip():
    x = np.zeros((4, 100))
    y = x.copy()
    y[0, 97:] = 1.0
    check_same_samples({"a": [x], "b": [y]})
    with pytest.raises(RuntimeError, match=r"drew 50.0% of the pixels alike"):
        check_same_samples({"a": [x], "b": [np.arange(100) % 2 + x]})
