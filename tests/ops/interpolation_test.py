import numpy as np
import pytest

from keras_genseq.ops.interpolation import linear_interpolation
from keras_genseq.ops.interpolation import spherical_interpolation

WAYS = pytest.mark.parametrize(
    "interpolate", [linear_interpolation, spherical_interpolation]
)
RNG = np.random.default_rng(0)


@WAYS
def test_begins_and_ends_at_the_two_codes(interpolate):
    start, end = RNG.normal(size=(2, 5, 8)).astype("float32")
    way = np.array(interpolate(start, end, 7))
    assert way.shape == (5, 7, 8)
    np.testing.assert_allclose(way[:, 0], start, atol=1e-5)
    np.testing.assert_allclose(way[:, -1], end, atol=1e-5)


def test_an_arc_keeps_the_length_that_a_line_loses():
    start, end = RNG.normal(size=(2, 20, 50))
    start, end = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in (start, end)
    )
    arc = np.array(spherical_interpolation(start, end, 9))
    np.testing.assert_allclose(np.linalg.norm(arc, axis=-1), 1.0, atol=1e-5)
    line = np.array(linear_interpolation(start, end, 9))
    assert (np.linalg.norm(line[:, 4], axis=-1) < 0.9).all()


def test_a_quarter_circle_by_hand():
    arc = spherical_interpolation([[1.0, 0.0]], [[0.0, 2.0]], 3)
    half = np.sqrt(0.5)
    expected = [[[1.0, 0.0], [half, 2.0 * half], [0.0, 2.0]]]
    np.testing.assert_allclose(arc, expected, atol=1e-6)


def test_the_arc_between_parallel_codes_is_the_line():
    way = spherical_interpolation([[1.0, 1.0]], [[2.0, 2.0]], 3)
    np.testing.assert_allclose(way[0, 1], [1.5, 1.5], atol=1e-5)
    still = spherical_interpolation([[0.0, 3.0]], [[0.0, 3.0]], 4)
    np.testing.assert_allclose(still, [[[0.0, 3.0]] * 4], atol=1e-5)


@WAYS
def test_one_step_is_no_way(interpolate):
    with pytest.raises(ValueError, match="`num_steps` must be at least 2"):
        interpolate([[1.0]], [[2.0]], 1)
