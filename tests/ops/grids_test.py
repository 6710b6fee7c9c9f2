import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.grids import resize_grid


def grid(rows, columns):
    return np.random.default_rng(0).normal(size=(rows, columns, 3))


def resized(x, shape):
    return resize_grid(tf.constant(x, tf.float32), shape).numpy()


@pytest.mark.parametrize("shape", [(5, 7), (1, 4), (3, 1)])
def test_a_grid_of_its_own_size_stays(shape):
    x = grid(*shape).astype("float32")
    np.testing.assert_array_equal(resized(x, shape), x)
    sizes = tuple(tf.constant(n) for n in shape)
    np.testing.assert_allclose(resized(x, sizes), x, atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 4), (2, 11), (1, 1)])
def test_a_constant_grid_stays_constant(shape):
    x = np.full((4, 6, 3), 0.7, "float32")
    np.testing.assert_allclose(resized(x, shape), np.full((*shape, 3), 0.7))


def test_places_lie_evenly_between_the_corners():
    x = np.stack(np.meshgrid([0.0, 2.0, 4.0], [0.0, 3.0], indexing="ij"), -1)
    rows, columns = np.meshgrid(
        np.linspace(0, 4, 9), np.linspace(0, 3, 5), indexing="ij"
    )
    expected = np.stack([rows, columns], axis=-1)
    np.testing.assert_allclose(resized(x, (9, 5)), expected, atol=1e-6)
    # One place is the middle.
    np.testing.assert_allclose(resized(x, (1, 1)), [[[2.0, 1.5]]])


def test_there_and_back_is_near_where_the_grid_is_smooth():
    rows, columns = np.meshgrid(
        np.linspace(0, 3, 14), np.linspace(0, 2, 14), indexing="ij"
    )
    x = np.stack([np.sin(rows), np.cos(columns)], axis=-1)
    there = resized(x, (24, 24))
    np.testing.assert_allclose(resized(there, (14, 14)), x, atol=0.02)
