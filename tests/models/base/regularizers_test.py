"""What a penalty on weights does to training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import GAN
from tests.conformance.toys import ToyDensity

X = (np.arange(8 * 6).reshape(8, 6) % 5 > 2).astype("float32")


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 4}])
def test_an_update_holds_the_gradient_of_a_regularizer(options):
    moved = []
    for regularizer in (None, keras.regularizers.L2(0.25)):
        model = ToyDensity(6)
        model(X)
        variable = model.trainable_variables[0]
        start = np.linspace(-1.0, 1.0, np.prod(variable.shape))
        variable.assign(start.reshape(variable.shape))
        variable.regularizer = regularizer
        model.compile(keras.optimizers.SGD(0.5), **options)
        model.fit(X, batch_size=8, verbose=0)
        moved.append(variable.numpy().ravel())
    # The gradient of 0.25 * w^2 is 0.5 * w.
    np.testing.assert_allclose(moved[1], moved[0] - 0.25 * start, atol=1e-5)


def test_replicas_count_a_regularizer_once(two_replicas):
    finals = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            model = ToyDensity(6)
            model(X)
            variable = model.trainable_variables[0]
            variable.assign(tf.ones_like(variable))
            variable.regularizer = keras.regularizers.L2(0.25)
            model.compile(keras.optimizers.SGD(0.5))
        model.fit(X, batch_size=8, verbose=0)
        finals.append(variable.numpy())
    np.testing.assert_allclose(finals[1], finals[0], atol=1e-5)


def networks(**options):
    dense = keras.layers.Dense(4, use_bias=False, **options)
    generator = keras.Sequential(
        [keras.Input((2,)), dense, keras.layers.Reshape((2, 2, 1))]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    return {"generator": generator, "discriminator": discriminator}


def test_a_players_own_network_keeps_its_regularizer():
    finals = []
    for options in ({}, {"kernel_regularizer": keras.regularizers.L2(5.0)}):
        keras.utils.set_random_seed(1)
        model = GAN((2, 2, 1), latent_dim=2, seed=0, **networks(**options))
        sgd = keras.optimizers.SGD
        model.compile(
            generator_optimizer=sgd(0.1), discriminator_optimizer=sgd()
        )
        start = model.generator.trainable_variables[0].numpy()
        model.fit(tf.zeros((8, 2, 2, 1)), batch_size=8, verbose=0)
        finals.append(model.generator.trainable_variables[0].numpy())
    np.testing.assert_allclose(finals[1], finals[0] - start, atol=1e-5)
