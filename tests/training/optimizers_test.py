import keras
import numpy as np
import pytest
import tensorflow as tf

from training.optimizers import ConstantThenLinear
from training.optimizers import KernelAdamW


def test_kernels_decay_and_nothing_else_does():
    rate, decay = 0.1, 0.5
    names = ("kernel", "query_kernel", "bias", "gamma", "embeddings", "token")
    variables = [keras.Variable(np.ones(2), name=name) for name in names]
    optimizer = KernelAdamW(rate, weight_decay=decay)
    optimizer.apply([np.zeros(2, "float32")] * len(names), variables)
    found = {v.name: float(v.numpy()[0]) for v in variables}
    for name in names:
        expected = 1.0 - rate * decay if name.endswith("kernel") else 1.0
        np.testing.assert_allclose(found[name], expected, rtol=1e-6)


def test_layers_decay_alike_on_replicas(two_replicas):
    with two_replicas.scope():
        layer = keras.layers.Dense(2, bias_initializer="ones")
        layer.build((None, 3))
        before = layer.kernel.numpy()
        optimizer = KernelAdamW(0.1, weight_decay=0.5)
        optimizer.build(layer.trainable_variables)

    def step():
        gradients = [tf.zeros((3, 2)), tf.zeros((2,))]
        optimizer.apply(gradients, layer.trainable_variables)

    two_replicas.run(tf.function(step))
    np.testing.assert_allclose(layer.kernel, 0.95 * before, rtol=1e-5)
    np.testing.assert_array_equal(layer.bias, np.ones(2))


def test_a_saved_optimizer_decays_as_before():
    optimizer = KernelAdamW(0.1, weight_decay=0.5)
    config = keras.optimizers.serialize(optimizer)
    again = keras.optimizers.deserialize(config)
    assert type(again) is KernelAdamW and again.weight_decay == 0.5


def test_a_rate_is_constant_then_falls_to_exactly_0():
    """CycleGAN's: 100 epochs as it is, 100 epochs down to 0."""
    rate = ConstantThenLinear(2e-4, decay_steps=200)
    rates = [float(rate(step)) for step in range(201)]
    np.testing.assert_allclose(rates[:101], 2e-4, rtol=1e-6)
    np.testing.assert_allclose(rates[150], 1e-4, rtol=1e-6)
    np.testing.assert_allclose(np.diff(rates[100:]), -2e-6, rtol=1e-3)
    assert rates[200] == float(rate(500)) == 0.0
    # A resumed run has the rates of its updates, whatever came before.
    again = ConstantThenLinear.from_config(rate.get_config())
    assert [float(again(step)) for step in (120, 199)] == [
        rates[120],
        rates[199],
    ]


def test_a_rate_of_few_updates_falls_with_the_steps_of_the_run():
    """StarGAN's generator, which every fifth step updates."""
    critic = ConstantThenLinear(1e-4, decay_steps=200)
    generator = ConstantThenLinear(1e-4, decay_steps=200, steps_per_update=5)
    generator = ConstantThenLinear.from_config(generator.get_config())
    for update in (0, 20, 30, 40):
        assert float(generator(update)) == float(critic(5 * update))
    # Half after three quarters, as after 150,000 of the paper's steps.
    assert float(generator(30)) == pytest.approx(5e-5)


def test_a_rate_that_never_falls_is_refused():
    with pytest.raises(ValueError, match="`constant_share` must be in"):
        ConstantThenLinear(1e-3, decay_steps=10, constant_share=1.0)
