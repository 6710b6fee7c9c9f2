"""Instance normalization: every image by itself, channel by channel."""

import keras
import numpy as np
import pytest

from keras_genseq.layers import InstanceNormalization


def images(size, *shape):
    return np.random.default_rng(3).normal(2.0, 3.0, (size, *shape))


def test_every_channel_of_every_image_has_mean_0_and_variance_1():
    x = images(3, 6, 5, 4) * np.array([1.0, 5.0, 0.3, 20.0])
    outputs = np.array(InstanceNormalization()(x))
    np.testing.assert_allclose(outputs.mean((1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(outputs.var((1, 2)), 1.0, atol=1e-3)
    # It is no copy of its inputs.
    assert np.abs(outputs - x).max() > 1.0


def test_two_images_together_are_two_alone():
    layer, x = InstanceNormalization(), images(2, 4, 4, 3)
    together = np.array(layer(x))
    alone = np.concatenate([layer(x[:1]), layer(x[1:])])
    np.testing.assert_array_equal(together, alone)


def test_training_and_use_are_alike():
    layer, x = InstanceNormalization(), images(2, 4, 4, 3)
    np.testing.assert_array_equal(layer(x, training=True), layer(x))


def test_epsilon_holds_a_flat_channel_at_0():
    outputs = InstanceNormalization()(np.full((1, 4, 4, 1), 0.7, "float32"))
    np.testing.assert_allclose(outputs, 0.0, atol=1e-3)


def test_only_an_affine_one_has_weights():
    for affine, count in ((False, 0), (True, 6)):
        layer = InstanceNormalization(center=affine, scale=affine)
        layer.build((None, 4, 4, 3))
        assert layer.count_params() == count


def test_it_is_a_group_normalization_of_single_channels():
    x = images(2, 4, 6, 3)
    other = keras.layers.GroupNormalization(
        3, epsilon=1e-5, center=False, scale=False
    )
    np.testing.assert_allclose(
        InstanceNormalization()(x), other(x), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_of_few_bits_are_taken(dtype):
    layer = InstanceNormalization(center=True, scale=True, dtype=dtype)
    x = images(2, 4, 4, 3)
    outputs = np.array(layer(x), "float32")
    np.testing.assert_allclose(outputs, InstanceNormalization()(x), atol=0.05)
