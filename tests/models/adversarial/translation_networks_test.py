"""Networks of translators: sizes, what a logit sees, counts of weights."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.adversarial.translation_networks import (
    RECEPTIVE_FIELDS,
)
from keras_genseq.models.adversarial.translation_networks import (
    TranslationNetworks,
)
from keras_genseq.models.adversarial.translation_networks import least_size


class Unnormalized(TranslationNetworks):
    """Without what tells every pixel of an image about all others."""

    def _normalized(self, x):
        return x


def networks(affine=False, cls=TranslationNetworks):
    keras.utils.set_random_seed(3)
    return cls(affine, keras.DTypePolicy("float32"))


def images(size, *shape):
    rng = np.random.default_rng(2)
    return rng.random((size, *shape)).astype("float32")


def count(network):
    return sum(math.prod(w.shape) for w in network.trainable_weights)


def patch_map_size(size, receptive_field):
    """The formula of kernels of 4 with one zero at each edge."""
    if receptive_field == 1:
        return size
    for stride in [2] * RECEPTIVE_FIELDS[receptive_field] + [1, 1]:
        size = (size + 2 - 4) // stride + 1
    return size


@pytest.mark.parametrize("affine, more", [(False, (0, 0, 0)), (True, None)])
def test_networks_have_the_papers_numbers_of_weights(affine, more):
    nine, six, judge = (11_378_179, 7_837_699, 2_764_737)
    if affine:
        nine, six, judge = (11_388_675, 7_845_123, 2_766_529)
    with keras.StatelessScope(initialize_variables=False):
        make = networks(affine)
        assert count(make.resnet((3, 3), 64, 9, "g")) == nine
        assert count(make.resnet((3, 3), 64, 6, "g")) == six
        assert count(make.discriminator(3, 64, 70, "d")) == judge


@pytest.mark.parametrize("side", RECEPTIVE_FIELDS)
def test_a_logit_sees_exactly_its_patch(side):
    judge = networks(cls=Unnormalized).discriminator(1, 1, side, "d")
    # The patch in the middle lies inside the image.
    size = 2 * side + 16
    x = tf.constant(images(1, size, size, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = judge(x)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    is_seen = np.abs(tape.gradient(middle, x)[0, :, :, 0]) > 0.0
    rows, columns = is_seen.any(1), is_seen.any(0)
    assert rows.sum() == columns.sum() == side
    for seen in (rows, columns):
        first, last = np.flatnonzero(seen)[[0, -1]]
        assert first > 0 and last < size - 1 and last - first + 1 == side
    assert is_seen.sum() == side * side


@pytest.mark.parametrize("side", [1, 16, 34, 70])
@pytest.mark.parametrize("size", [(24, 28), (100, 64), (31, 45)])
def test_a_map_of_patches_is_as_large_as_the_formula_says(side, size):
    judge = networks().discriminator(2, 1, side, "d")
    expected = [patch_map_size(n, side) for n in size]
    assert judge(images(1, *size, 2)).shape == (1, *expected, 1)


def test_maps_of_the_paper():
    assert patch_map_size(256, 70) == 30 and patch_map_size(128, 70) == 14


@pytest.mark.parametrize("side", [16, 34, 70])
def test_the_smallest_image_has_one_logit(side):
    assert patch_map_size(least_size(side), side) == 1
    assert patch_map_size(least_size(side) - 1, side) < 1


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (36, 8)])
def test_a_residual_network_keeps_sides_that_are_multiples_of_4(size):
    translate = networks().resnet((2, 3), 2, 1, "g")
    answer = np.array(translate(images(2, *size, 2)))
    assert answer.shape == (2, *size, 3)
    assert answer.min() >= 0.0 and answer.max() <= 1.0 and answer.std() > 0.0


@pytest.mark.parametrize("size", [(8, 8), (16, 24)])
def test_a_unet_keeps_sides_that_are_multiples_of_its_smallest_map(size):
    translate = networks().unet((2, 3), 2, 3, "g")
    answer = np.array(translate(images(2, *size, 2)))
    assert answer.shape == (2, *size, 3)
    assert answer.min() >= 0.0 and answer.max() <= 1.0 and answer.std() > 0.0


def test_a_unet_joins_both_ways():
    network = networks().unet((1, 1), 4, 4, "g")
    joins = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.Concatenate)
    ]
    widths = [layer.output.shape[-1] for layer in joins]
    assert widths == [2 * 16, 2 * 8, 2 * 4]


def test_a_batch_of_two_is_two_of_one():
    x, make = images(2, 24, 24, 1), networks()
    for network in (
        make.resnet((1, 1), 4, 2, "g"),
        make.unet((1, 1), 4, 3, "u"),
        make.discriminator(1, 4, 70, "d"),
    ):
        together = np.array(network(x))
        alone = np.concatenate([network(x[:1]), network(x[1:])])
        np.testing.assert_allclose(together, alone, atol=1e-5)
        assert np.abs(together[0] - together[1]).max() > 1e-3


def test_weights_begin_as_in_the_paper():
    make = networks()
    for network in (
        make.resnet((3, 3), 16, 1, "g"),
        make.unet((3, 3), 16, 3, "u"),
        make.discriminator(3, 16, 34, "d"),
    ):
        for weight in network.trainable_weights:
            value = weight.numpy()
            is_bias = weight.path.endswith("bias")
            assert value.mean() == pytest.approx(0.0, abs=0.005)
            assert value.std() == pytest.approx(
                0.0 if is_bias else 0.02, rel=0.2
            )


def test_nothing_follows_the_sum_of_a_residual_block():
    network = networks().resnet((1, 1), 2, 3, "g")
    for weight in network.trainable_weights:
        # Blocks with kernels of 0 add nothing.
        if weight.shape[:2] == (3, 3) and weight.shape[2] == weight.shape[3]:
            weight.assign(tf.zeros_like(weight))
    sums = [
        layer for layer in network.layers if isinstance(layer, keras.layers.Add)
    ]
    first = sums[0].input[0]
    probe = keras.Model(network.input, [first, *[s.output for s in sums]])
    before, *after = probe(images(1, 8, 12, 1))
    assert len(after) == 3 and np.ptp(np.array(before)) > 0.1
    for each in after:
        np.testing.assert_array_equal(before, each)
