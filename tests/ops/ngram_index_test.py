import numpy as np
import pytest

from keras_genseq.ops.ngram_index import context_codes
from keras_genseq.ops.ngram_index import lower_bound
from keras_genseq.ops.ngram_index import next_context


@pytest.mark.parametrize("count", [1, 2, 7, 8, 1000])
def test_bisection_equals_numpy(count):
    rng = np.random.default_rng(0)
    numbers = np.sort(rng.integers(0, 1500, count))
    values = rng.integers(-1, 1502, (9, 11))
    np.testing.assert_array_equal(
        lower_bound(np.array(numbers), values),
        np.searchsorted(numbers, values),
    )


@pytest.mark.parametrize("order", [0, 1, 3])
def test_contexts_step_by_step_are_those_of_the_whole(order):
    x = np.random.default_rng(0).integers(-1, 4, (6, 12)).astype("int32")
    codes, lengths = context_codes(x, 4, order)
    code, length = np.zeros(6, "int64"), np.zeros(6, "int32")
    for t in range(12):
        np.testing.assert_array_equal(code, codes[:, t])
        np.testing.assert_array_equal(length, lengths[:, t])
        code, length = next_context(code, length, x[:, t], 4, order)
