import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.base.batched_apply import map_rows


@pytest.mark.parametrize("num_rows", [1, 2, 5, 8, 9, 16, 21])
def test_equals_one_call_over_all_rows(num_rows):
    x = tf.reshape(tf.range(float(2 * num_rows)), (num_rows, 2))
    scale = tf.range(float(num_rows))
    results = map_rows(lambda x, s: x * s[:, None], (x, scale), 8)
    np.testing.assert_array_equal(results, x * scale[:, None])


def test_a_function_sees_few_shapes():
    sizes = set()

    def function(x):
        sizes.add(x.shape[0])
        return x

    for num_rows in range(1, 40):
        map_rows(function, (tf.zeros((num_rows, 3)),), 16)
    assert sizes == {1, 2, 4, 8, 16}


def test_gives_back_structures():
    x = tf.range(11.0)
    results = map_rows(lambda x: {"a": x, "b": (2.0 * x,)}, (x,), 4)
    np.testing.assert_array_equal(results["a"], x)
    np.testing.assert_array_equal(results["b"][0], 2.0 * x)


def test_names_a_batch_size_that_is_not_positive():
    with pytest.raises(ValueError, match="`batch_size` must be positive"):
        map_rows(tf.identity, (tf.zeros((3, 2)),), 0)


def test_structures_go_in_and_come_out():
    x = tf.range(5)
    rows = ({"a": x, "b": None}, x)

    def function(parts, y):
        assert parts["b"] is None
        return parts["a"] + y, {"y": y}

    total, rest = map_rows(function, rows, 2)
    np.testing.assert_array_equal(total, 2 * np.arange(5))
    np.testing.assert_array_equal(rest["y"], np.arange(5))
