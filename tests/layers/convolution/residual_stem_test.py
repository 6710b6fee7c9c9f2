import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import ResidualStem
from keras_genseq.layers import WeightStandardizedConv2D


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    "options, downsampling, filters",
    [
        ({}, 4, 8),
        ({"num_blocks": (1,)}, 4, 32),
        ({"num_blocks": (1, 2)}, 8, 64),
        ({"num_blocks": (1,), "strides": 1, "use_pooling": False}, 1, 32),
    ],
)
def test_says_how_it_shrinks_images(options, downsampling, filters):
    stem = ResidualStem(8, **options)
    assert stem.downsampling == downsampling
    y = stem(images(2, 16, 24, 3))
    assert y.shape == (2, 16 // downsampling, 24 // downsampling, filters)
    assert y.shape == stem.compute_output_shape((2, 16, 24, 3))


def test_its_stages_are_kept_by_its_config():
    stem = ResidualStem(4, num_blocks=(2, 1), kernel_size=3)
    again = ResidualStem.from_config(stem.get_config())
    x = images(1, 16, 16, 3)
    stem(x), again(x)
    shapes = [[w.shape for w in s.weights] for s in (stem, again)]
    assert shapes[0] == shapes[1]


def test_gradients_reach_every_weight():
    stem = ResidualStem(8, num_blocks=(2, 1), kernel_size=3)
    x = tf.constant(images(2, 16, 16, 3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(stem(x)))
    for weight, gradient in zip(
        stem.trainable_variables,
        tape.gradient(loss, stem.trainable_variables),
        strict=True,
    ):
        assert gradient is not None, weight.path
        assert np.abs(gradient).max() > 0.0, weight.path


def test_an_example_does_not_depend_on_the_others():
    stem = ResidualStem(8, num_blocks=(1,))
    x = images(3, 8, 8, 3)
    np.testing.assert_allclose(stem(x)[1:2], stem(x[1:2]), atol=1e-5)


def test_kernels_have_mean_0_and_variance_1_in_each_filter():
    layer = WeightStandardizedConv2D(4, 3, use_bias=False)
    x = images(2, 5, 6, 3)
    y = layer(x).numpy()
    kernel = layer.kernel.numpy()
    layer.kernel.assign(7.0 * kernel + 2.0)
    np.testing.assert_allclose(layer(x), y, atol=2e-2)
    mean, std = kernel.mean((0, 1, 2)), kernel.std((0, 1, 2))
    expected = tf.nn.conv2d(x, (kernel - mean) / std, 1, "VALID")
    np.testing.assert_allclose(y, expected, rtol=1e-2, atol=1e-2)
