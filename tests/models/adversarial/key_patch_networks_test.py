"""The networks of the key-patch GAN: sizes of the authors' code."""

import keras
import pytest

from keras_genseq.models.adversarial.key_patch_networks import KeyPatchNetworks
from tests.conformance.instances import without_values

NETWORKS = ("encoder", "mask_decoder", "image_decoder", "discriminator")


@pytest.mark.parametrize(
    "side, counts",
    [
        (32, (1_554_432, 2_576_833, 4_136_323, 1_034_113)),
        (64, (5_357_056, 9_656_257, 15_016_835, 4_316_545)),
        (128, (11_912_192, 22_764_993, 34_679_171, 10_871_681)),
    ],
)
def test_parameters_are_those_of_the_sheet(side, counts):
    with without_values():
        networks = KeyPatchNetworks((side, side, 3), 64, 128, 128, "float32")
        for name, count in zip(NETWORKS, counts, strict=True):
            network = getattr(networks, name)()
            assert count == sum(
                keras.ops.size(w) for w in network.trainable_weights
            )


def test_maps_of_one_size_are_joined():
    with without_values():
        networks = KeyPatchNetworks((128, 128, 3), 64, 128, 128, "float32")
        *maps, code = networks.encoder().output_shape
        *joined, mask = networks.mask_decoder().output_shape
        image = networks.image_decoder().output_shape
    assert [m[1:] for m in maps] == [
        (64, 64, 64),
        (32, 32, 128),
        (16, 16, 256),
        (8, 8, 512),
        (4, 4, 512),
    ]
    assert code[1:] == (1, 1, 128)
    assert [j[1:] for j in joined] == [
        (4, 4, 1024),
        (8, 8, 1024),
        (16, 16, 512),
        (32, 32, 256),
        (64, 64, 128),
    ]
    assert mask[1:] == (128, 128, 1) and image[1:] == (128, 128, 3)
