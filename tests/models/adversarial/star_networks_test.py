"""StarGAN's networks: counts, and labels that act in spite of normalization."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models.adversarial.star_networks import StarNetworks
from keras_genseq.models.adversarial.translation_networks import (
    TranslationNetworks,
)


def images(size, *shape):
    return np.random.default_rng(0).random((size, *shape)).astype("float32")


def networks(cls=StarNetworks):
    keras.utils.set_random_seed(3)
    return cls(keras.DTypePolicy("float32"))


def count(network):
    return sum(math.prod(w.shape) for w in network.trainable_weights)


def test_networks_have_the_papers_numbers_of_weights():
    with keras.StatelessScope(initialize_variables=False):
        make = networks()
        assert count(make.generator(3, 5, 64, 6, "g")) == 8_430_528
        judge = make.judge((128, 128, 3), 5, 64, 6, "d")
        assert count(judge) == 44_762_048
        assert [tuple(o.shape) for o in judge.outputs] == [
            (None, 2, 2, 1),
            (None, 5),
        ]


def test_labels_act_behind_instance_normalization():
    """A border of zeros is all that tells a constant plane from another."""

    class Mirrored(StarNetworks):
        _padded_conv = TranslationNetworks._padded_conv

    x = images(1, 16, 16, 1).repeat(3, axis=0)
    changes = []
    for cls in (StarNetworks, Mirrored):
        network = networks(cls).generator(1, 3, 8, 1, "g")
        answers = np.array(network([x, np.eye(3, dtype="float32")]))
        changes.append(np.abs(answers[1:] - answers[:1]).max())
    assert changes[0] > 0.01 > 1e-4 > changes[1]


def test_a_plane_of_a_label_is_constant():
    network = networks().generator(1, 3, 2, 1, "g")
    planes = next(layer for layer in network.layers if "planes" in layer.name)
    x = tf.constant(images(2, 8, 12, 1))
    labels = tf.constant([[0.0, 1.0, 0.25], [1.0, 0.0, 0.5]])
    answer = np.array(planes([x, labels]))
    np.testing.assert_array_equal(answer[..., :1], x)
    expected = np.broadcast_to(labels[:, None, None], (2, 8, 12, 3))
    np.testing.assert_array_equal(answer[..., 1:], expected)


def test_no_normalization_in_the_judge():
    judge = networks().judge((8, 12, 1), 3, 2, 2, "d")
    names = {type(layer).__name__ for layer in judge.layers}
    assert "LeakyReLU" in names
    assert not any("Norm" in name for name in names)


def test_weights_begin_as_those_of_pytorch():
    """Uniform, up to the root of 1 over the inputs of a kernel."""
    judge = networks().judge((16, 16, 8), 3, 16, 2, "d")
    kernel = judge.trainable_weights[0].numpy()
    bound = math.sqrt(1.0 / (4 * 4 * 8))
    assert 0.95 * bound < np.abs(kernel).max() <= bound


def test_any_number_of_channels_and_labels():
    make = networks()
    answer = make.generator(4, 7, 2, 1, "g")(
        [images(2, 8, 20, 4), np.eye(2, 7)]
    )
    assert answer.shape == (2, 8, 20, 4)
    patches, labels = make.judge((8, 20, 4), 7, 2, 2, "d")(images(2, 8, 20, 4))
    assert patches.shape == (2, 2, 5, 1) and labels.shape == (2, 7)
