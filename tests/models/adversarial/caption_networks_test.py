"""Networks between captions and images: layers, sizes, where they meet."""

import keras
import numpy as np
import pytest

from keras_genseq.models.adversarial.caption_networks import CaptionNetworks
from keras_genseq.models.adversarial.dcgan import ConstantMaps
from tests.conformance.instances import without_values


def networks_of(image_shape=(16, 16, 1), residual=True, text_units=3):
    dtype = keras.config.dtype_policy()
    return CaptionNetworks(image_shape, 5, text_units, residual, dtype)


def test_networks_of_the_paper():
    with without_values():
        networks = networks_of((64, 64, 3), text_units=128)
        networks.text_dim = 1024
        generator = networks.generator(128, 100)
        discriminator = networks.discriminator(64)
    counts = [
        sum(int(np.prod(w.shape)) for w in network.trainable_weights)
        for network in (generator, discriminator)
    ]
    assert counts == [18_909_699, 4_032_321]
    # The residual blocks' convolutions.
    convolutions = [
        (layer.kernel_size[0], layer.filters)
        for layer in generator.layers
        if type(layer).__name__ == "StridedConv2D"
    ]
    assert convolutions == [
        *[(1, 256), (3, 256), (3, 1024)],
        *[(1, 128), (3, 128), (3, 512)],
    ]


def test_the_plain_stack_has_one_layer_a_size():
    networks = networks_of((64, 64, 3), residual=False)
    with without_values():
        generator = networks.generator(2, 3)
        discriminator = networks.discriminator(2)
    for network, count in ((generator, 4), (discriminator, 5)):
        kinds = [type(layer).__name__ for layer in network.layers]
        assert "Add" not in kinds
        assert kinds.count("BatchNormalization") == count


def test_the_caption_is_one_vector_all_over_the_grid():
    discriminator = networks_of().discriminator(4)
    (layer,) = (
        each for each in discriminator.layers if isinstance(each, ConstantMaps)
    )
    (concatenate,) = (
        each
        for each in discriminator.layers
        if isinstance(each, keras.layers.Concatenate)
    )
    parts = keras.Model(
        discriminator.inputs, [layer.input, layer.output, concatenate.output]
    )
    rng = np.random.default_rng(0)
    x = rng.random((2, 16, 16, 1)).astype("float32")
    text = rng.normal(size=(2, 5)).astype("float32")
    h, maps, joined = (np.array(part) for part in parts([x, text]))
    assert maps.shape == (2, 4, 4, 3) and np.ptp(h) > 0.1
    np.testing.assert_array_equal(
        maps, np.broadcast_to(h[:, None, None], maps.shape)
    )
    np.testing.assert_array_equal(joined[..., -3:], maps)
    # Where they meet, the image is four pixels a side.
    assert joined.shape == (2, 4, 4, 8 + 3)


@pytest.mark.parametrize("side", [8, 16, 32])
@pytest.mark.parametrize("residual", [True, False])
def test_every_size_ends_in_its_shape(side, residual):
    with without_values():
        networks = networks_of((side, side, 3), residual)
        assert networks.generator(2, 3).output_shape == (None, side, side, 3)
        assert networks.discriminator(2).output_shape == (None, 1)
        assert networks.style_encoder(2, 3).output_shape == (None, 3)


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="4 times a power of two"):
        networks_of((24, 24, 1))
