import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops import patches
from keras_genseq.ops.patches import add_patches
from keras_genseq.ops.patches import extract_patches
from keras_genseq.ops.patches import prefers_patches

RNG = np.random.default_rng(0)
KERNELS = pytest.mark.parametrize(
    "kernel_size, strides, size",
    [
        ((5, 5), (2, 2), (8, 6)),
        ((4, 3), (2, 2), (4, 8)),
        ((7, 2), (3, 2), (9, 4)),
        ((6, 8), (4, 4), (8, 4)),
        ((3, 4), (1, 2), (5, 6)),
    ],
)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


@KERNELS
def test_patches_are_tensorflows_own(kernel_size, strides, size):
    x = normal(2, *size, 3)
    own = extract_patches(x, kernel_size, strides)
    theirs = tf.image.extract_patches(
        x, [1, *kernel_size, 1], [1, *strides, 1], [1] * 4, "SAME"
    )
    np.testing.assert_array_equal(own, tf.reshape(theirs, own.shape))


@KERNELS
def test_adding_is_the_transpose_of_extracting(kernel_size, strides, size):
    x = normal(2, *size, 3)
    extracted = extract_patches(x, kernel_size, strides)
    y = normal(*extracted.shape)
    np.testing.assert_allclose(
        np.sum(extracted * y), np.sum(x * add_patches(y, strides)), rtol=1e-4
    )


def test_differentiates_twice():
    """As a penalty on gradients does."""
    x = tf.constant(normal(2, 4, 4, 1))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(extract_patches(x, (2, 2), (2, 2)) ** 3)
        gradient = inner.gradient(y, x)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-5)
    np.testing.assert_allclose(outer.gradient(gradient, x), 6 * x, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_preferred_under_xla_and_for_small_maps(jit_compile):
    seen = []

    @tf.function(jit_compile=jit_compile, autograph=False)
    def outer():
        @tf.function(autograph=False)
        def inner(x):
            seen.append([prefers_patches(16), prefers_patches(17)])
            return x

        with tf.GradientTape():
            return inner(tf.zeros(()))

    outer()
    assert seen == [[True, jit_compile]]


def test_not_preferred_beside_an_accelerator(monkeypatch):
    devices = [tf.config.LogicalDevice("/gpu:0", "GPU")]
    monkeypatch.setattr(
        patches.tf.config, "list_logical_devices", lambda: devices
    )
    assert not prefers_patches(1)
