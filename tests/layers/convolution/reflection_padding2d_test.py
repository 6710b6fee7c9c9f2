"""Reflection padding: what an image shows goes on beyond its edges."""

import keras
import numpy as np
import pytest

from keras_genseq.layers import ReflectionPadding2D


def test_pixels_are_mirrored_at_the_edges_which_are_not_repeated():
    x = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
    padded = ReflectionPadding2D(1)(x)[0, :, :, 0]
    expected = [
        [4, 3, 4, 5, 4],
        [1, 0, 1, 2, 1],
        [4, 3, 4, 5, 4],
        [1, 0, 1, 2, 1],
    ]
    np.testing.assert_array_equal(padded, expected)


def test_each_edge_may_have_its_own_padding():
    x = np.random.default_rng(1).normal(size=(2, 4, 5, 3)).astype("float32")
    padded = ReflectionPadding2D(((1, 2), (0, 3)))(x)
    pads = ((0, 0), (1, 2), (0, 3), (0, 0))
    np.testing.assert_array_equal(padded, np.pad(x, pads, mode="reflect"))


def test_a_constant_image_stays_constant_through_a_mean():
    mean = keras.layers.Conv2D(
        1, 7, use_bias=False, kernel_initializer=_constant(1.0 / 49.0)
    )
    x = np.full((1, 8, 8, 1), 0.6, "float32")
    np.testing.assert_allclose(mean(ReflectionPadding2D(3)(x)), x, rtol=1e-5)
    # With zeros around it, it darkens towards the border.
    dark = np.array(mean(keras.layers.ZeroPadding2D(3)(x)))
    assert dark.min() < 0.3


def test_sides_no_larger_than_the_padding_are_refused():
    with pytest.raises(ValueError, match="sides larger than their padding"):
        ReflectionPadding2D(3)(np.zeros((1, 3, 8, 1), "float32"))


def test_padding_takes_nothing_away():
    with pytest.raises(ValueError, match="`padding` must be at least 0"):
        ReflectionPadding2D(-1)


def test_the_first_channel_may_come_first():
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype("float32")
    layer = ReflectionPadding2D((1, 2), data_format="channels_first")
    pads = ((0, 0), (0, 0), (1, 1), (2, 2))
    np.testing.assert_array_equal(layer(x), np.pad(x, pads, mode="reflect"))


def _constant(value):
    return keras.initializers.Constant(value)
