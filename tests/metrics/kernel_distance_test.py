import numpy as np
import pytest

from keras_genseq.metrics import kernel_distance
from keras_genseq.metrics import kernel_distances

RNG = np.random.default_rng(0)


def test_equals_a_double_loop():
    a, b = RNG.normal(size=(6, 3)), RNG.normal(size=(5, 3))

    def k(x, y):
        return (x @ y / 3 + 1.0) ** 3

    def within(x):
        pairs = [
            k(x[i], x[j])
            for i in range(len(x))
            for j in range(len(x))
            if i != j
        ]
        return np.mean(pairs)

    expected = within(a) + within(b)
    expected -= 2.0 * np.mean([[k(x, y) for y in b] for x in a])
    assert kernel_distance(a, b) == pytest.approx(expected)


def test_has_no_bias_between_equal_laws():
    x = RNG.normal(size=(2, 200, 30, 4))
    values = [kernel_distance(a, b) for a, b in zip(*x, strict=True)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0.0


def test_subsets_tell_other_laws_apart():
    a, b = RNG.normal(size=(500, 4)), 1.0 + RNG.normal(size=(400, 4))
    values = kernel_distances(a, b, num_subsets=10, subset_size=100)
    assert values.shape == (10,) and values.std() > 0.0
    assert values.mean() > 5 * values.std() / np.sqrt(10)
    again = kernel_distances(a, b, num_subsets=10, subset_size=100)
    np.testing.assert_array_equal(values, again)


@pytest.mark.parametrize("rows", [4, 60, 100])
def test_subsets_of_few_rows_differ(rows):
    a, b = RNG.normal(size=(rows, 4)), RNG.normal(size=(rows + 5, 4))
    values = kernel_distances(a, b, num_subsets=10, subset_size=100)
    assert len(np.unique(values)) > 1
    half = kernel_distances(a, b, num_subsets=10, subset_size=rows // 2)
    np.testing.assert_array_equal(values, half)


def test_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"at least 4.*3 and 9 rows"):
        kernel_distances(np.zeros((3, 2)), np.zeros((9, 2)))

    with pytest.raises(ValueError, match="at least two rows"):
        kernel_distance(np.zeros((1, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="as many features"):
        kernel_distance(np.zeros((3, 2)), np.zeros((3, 4)))
