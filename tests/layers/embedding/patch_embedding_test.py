import keras
import numpy as np
import pytest

from keras_genseq.layers import PatchEmbedding


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_is_a_convolution_whose_strides_are_its_kernel():
    x = images(2, 6, 12, 3)
    layer = PatchEmbedding((2, 3), 5, bias_initializer="normal")
    conv = keras.layers.Conv2D(5, (2, 3), strides=(2, 3))
    y = layer(x)
    conv.build(x.shape)
    conv.set_weights(layer.get_weights())
    np.testing.assert_allclose(y, conv(x), atol=1e-5)


def test_bytes_are_numbers_as_floats_are():
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1)).astype("uint8")
    layer = PatchEmbedding(2, 3)
    found, expected = layer(x), layer(x.astype("float32"))
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected)


def test_patches_come_in_raster_order_and_are_read_row_by_row():
    x = np.arange(24, dtype="float32").reshape(1, 4, 6, 1)
    layer = PatchEmbedding(2, 4)
    layer.build(x.shape)
    layer.set_weights([np.eye(4).reshape(2, 2, 1, 4), np.zeros(4)])
    y = np.asarray(layer(x))
    np.testing.assert_array_equal(y[0, 0, 1], [2, 3, 8, 9])
    np.testing.assert_array_equal(y[0, 1, 0], [12, 13, 18, 19])


def test_first_weights_have_the_spread_of_a_matrix():
    layer = PatchEmbedding(8, 64, kernel_initializer="glorot_uniform")
    layer.build((None, 8, 8, 3))
    expected = np.sqrt(2.0 / (8 * 8 * 3 + 64))
    assert np.std(layer.kernel) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("shape", [(2, 7, 8, 1), (2, 8, 6, 1)])
def test_sides_that_are_no_multiples_are_refused(shape):
    with pytest.raises(ValueError, match=r"multiples of the patch's.*\(4, 4\)"):
        PatchEmbedding(4, 3)(images(*shape))


def test_other_sizes_of_patches_than_two_are_refused():
    with pytest.raises(ValueError, match="pair of ints"):
        PatchEmbedding((2, 2, 2), 3)
