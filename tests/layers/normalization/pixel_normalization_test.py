"""Pixel normalization: every pixel's channels have a mean square of 1."""

import numpy as np
import pytest

from keras_genseq.layers import PixelNormalization


def maps(*shape):
    return np.random.default_rng(3).normal(1.0, 3.0, shape).astype("float32")


def test_the_mean_square_of_every_pixel_is_1_and_its_direction_stays():
    x = maps(2, 4, 3, 5)
    outputs = np.array(PixelNormalization()(x))
    np.testing.assert_allclose((outputs**2).mean(-1), 1.0, rtol=1e-5)
    ratio = outputs / x
    np.testing.assert_allclose(ratio, ratio[..., :1] * np.ones(5), rtol=1e-4)


def test_a_positive_scale_of_a_pixel_does_not_matter():
    x, layer = maps(2, 4, 3, 5), PixelNormalization()
    scales = np.random.default_rng(0).uniform(0.5, 9.0, (2, 4, 3, 1))
    scaled = (x * scales).astype("float32")
    np.testing.assert_allclose(layer(scaled), layer(x), rtol=1e-5)
    assert np.abs(layer(-x) - layer(x)).max() > 1.0


def test_a_latent_has_the_root_of_its_size_as_norm():
    z = PixelNormalization()(maps(6, 16))
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 4.0, rtol=1e-5)


def test_zeros_stay():
    outputs = np.array(PixelNormalization()(np.zeros((1, 2, 2, 3), "float32")))
    np.testing.assert_array_equal(outputs, 0.0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_large_values_fit_into_16_bits(policy):
    outputs = PixelNormalization(dtype=policy)(300.0 * maps(2, 3, 3, 4))
    squares = np.square(np.array(outputs, "float32")).mean(-1)
    np.testing.assert_allclose(squares, 1.0, rtol=0.02)
