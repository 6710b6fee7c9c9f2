"""What layers add to the losses: `add_loss`, and penalties on activities."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_genseq.models import GAN
from keras_genseq.models import VAE
from tests.conformance.toys import ToyDensity

X = (np.arange(8 * 6).reshape(8, 6) % 5 > 2).astype("float32")


class Adding(ToyDensity):
    """Adds the mean of the logits, `weight` times."""

    def __init__(self, *args, weight=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.weight = weight

    def call(self, x):
        logits = super().call(x)
        if self.weight:
            mean = ops.mean(ops.sum(logits, axis=1))
            self.add_loss(self.weight * mean)
        return logits


def trained(weight, strategy=None, **options):
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        model = Adding(6, weight=weight)
        model.kernel.assign(tf.ones_like(model.kernel))
        model.compile(keras.optimizers.SGD(0.5), **options)
    model.fit(X, batch_size=8, verbose=0)
    return model.kernel.numpy()


def assert_moved_by_the_mean(moved):
    # Of each upper weight the mean of its input, of each bias 1.
    gradient = np.triu(np.repeat(X.mean(0)[:, None], 6, 1), 1) + np.eye(6)
    np.testing.assert_allclose(moved, -0.5 * 0.25 * gradient, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        # Parts of 2, 3 and 3 rows.
        {"gradient_accumulation_steps": 3},
        {"run_eagerly": True},
        {"jit_compile": True},
    ],
)
def test_an_update_minimizes_what_a_call_adds(options):
    moved = trained(0.25, **options) - trained(0.0, **options)
    assert_moved_by_the_mean(moved)


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}])
def test_replicas_add_the_mean_of_the_global_batch(two_replicas, options):
    moved = trained(0.25, two_replicas, **options) - trained(0.0)
    assert_moved_by_the_mean(moved)


def test_reported_losses_are_what_the_data_cost():
    losses = []
    for weight in (0.0, 100.0):
        model = Adding(6, weight=weight)
        model.kernel.assign(tf.zeros_like(model.kernel))
        model.compile(keras.optimizers.SGD(0.0))
        history = model.fit(X, verbose=0).history
        losses.append((history["loss"][0], model.evaluate(X, verbose=0)[0]))
    np.testing.assert_allclose(losses, np.full((2, 2), 6 * np.log(2.0)))


def test_an_own_encoder_keeps_the_penalty_on_its_activity():
    images = np.ones((4, 2, 2, 1), "float32")
    moved = []
    for weight in (0.0, 0.25):
        keras.utils.set_random_seed(0)
        regularizer = keras.regularizers.L2(weight) if weight else None
        codes = keras.layers.Dense(2, activity_regularizer=regularizer)
        inputs = keras.Input((2, 2, 1))
        outputs = codes(keras.layers.Flatten()(inputs))
        model = VAE((2, 2, 1), 1, encoder=keras.Model(inputs, outputs), seed=0)
        start = codes.bias.numpy()
        model.compile(keras.optimizers.SGD(1.0))
        model(images)
        before = codes(images.reshape(4, 4)).numpy()[0]
        model.fit(images, verbose=0)
        moved.append(codes.bias.numpy() - start)
    # Of 0.25 * y^2, a mean over the rows.
    np.testing.assert_allclose(moved[1], moved[0] - 0.5 * before, atol=1e-5)


class Shifted(keras.layers.Layer):
    """Moves inputs by a weight, and adds it to the loss at every call."""

    def build(self, input_shape):
        self.shift = self.add_weight(shape=(1,), initializer="zeros")

    def call(self, x):
        self.add_loss(ops.sum(self.shift))
        return x + self.shift

    def compute_output_shape(self, input_shape):
        return input_shape


class Adversary(keras.layers.Layer):
    """Adds to the loss what the images are, which is not its own to change."""

    def call(self, x):
        self.add_loss(100.0 * ops.mean(x))
        return x


def moved_generator(adversary, **options):
    keras.utils.set_random_seed(1)
    sequential = keras.Sequential
    generator = sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(4, activation="sigmoid"),
            keras.layers.Reshape((2, 2, 1)),
        ]
    )
    layers = [keras.layers.Flatten(), *adversary, keras.layers.Dense(1)]
    discriminator = sequential([keras.Input((2, 2, 1)), *layers])
    model = GAN(
        (2, 2, 1),
        latent_dim=2,
        generator=generator,
        discriminator=discriminator,
        seed=0,
    )
    sgd = keras.optimizers.SGD
    model.compile(
        generator_optimizer=sgd(0.1), discriminator_optimizer=sgd(0.1)
    )
    model.fit(tf.zeros((8, 2, 2, 1)), batch_size=8, verbose=0)
    return generator.layers[0].kernel.numpy()


def test_a_player_does_not_minimize_what_the_other_adds():
    np.testing.assert_allclose(
        moved_generator([Adversary()]), moved_generator([]), atol=1e-6
    )


def test_every_call_of_a_network_in_a_step_adds():
    shifted = Shifted()
    still = Shifted()
    still.add_loss = lambda loss: None
    moved_generator([shifted])
    moved_generator([still])
    # Reals and fakes are two calls.
    np.testing.assert_allclose(
        shifted.shift.numpy(), still.shift.numpy() - 0.1 * 2.0, atol=1e-5
    )


def test_a_loss_added_inside_a_loop_is_refused():
    class Looping(ToyDensity):
        def call(self, x):
            def body(i, total):
                self.add_loss(ops.sum(total))
                return i + 1, total + 1.0

            ops.while_loop(
                lambda i, total: i < 2,
                body,
                (0, ops.sum(x)),
            )
            return super().call(x)

    model = Looping(6)
    model.compile("sgd")
    with pytest.raises(ValueError, match="inside a loop over steps"):
        model.fit(X, verbose=0)
