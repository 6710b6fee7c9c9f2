"""Equalized rates: how fast weights move does not depend on the fan-in."""

import keras
import numpy as np
import pytest

from keras_genseq.layers import EqualizedConv2D
from keras_genseq.layers import EqualizedDense

LAYERS = {
    "dense": (lambda **kw: EqualizedDense(64, **kw), (), 1),
    "conv": (
        lambda **kw: EqualizedConv2D(64, 3, padding="valid", **kw),
        (3, 3),
        9,
    ),
}


def outputs_of(name, width, **kwargs):
    make, sides, _ = LAYERS[name]
    keras.utils.set_random_seed(1)
    layer = make(**kwargs)
    x = np.random.default_rng(0).normal(size=(256, *sides, width))
    return layer, np.array(layer(x.astype("float32")))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("width", [4, 64])
def test_any_fan_in_gives_variance_2_and_he_keeps_it(name, width):
    layer, x = outputs_of(name, width)
    assert layer.kernel.numpy().std() == pytest.approx(1.0, rel=0.1)
    assert x.var() == pytest.approx(2.0, rel=0.15)
    leaky = np.where(x > 0.0, x, 0.2 * x)
    assert np.square(leaky).mean() == pytest.approx(1.04, rel=0.15)


@pytest.mark.parametrize("name", LAYERS)
def test_the_outputs_are_those_of_a_scaled_kernel(name):
    layer, x = outputs_of(name, 4, gain=0.5)
    plain = {"dense": keras.layers.Dense(64)}.get(
        name, keras.layers.Conv2D(64, 3, padding="valid")
    )
    _, sides, size = LAYERS[name]
    inputs = np.random.default_rng(0).normal(size=(256, *sides, 4))
    inputs = inputs.astype("float32")
    plain.build(inputs.shape)
    plain.kernel.assign(layer.kernel * 0.5 / np.sqrt(4 * size))
    np.testing.assert_allclose(plain(inputs), x, rtol=1e-4, atol=1e-5)


def share_moved(layer_class, width, **kwargs):
    """How far one step of Adam moves effective weights, of their deviation."""
    keras.utils.set_random_seed(1)
    layer = layer_class(32, use_bias=False, **kwargs)
    layer.build((None, width))

    def effective():
        return np.array(layer(np.eye(width, dtype="float32")))

    before = effective()
    adam = keras.optimizers.Adam(0.01, beta_1=0.0, beta_2=0.99)
    gradient = np.random.default_rng(2).normal(size=before.shape)
    adam.apply([gradient.astype("float32")], [layer.kernel])
    return np.abs(effective() - before).mean() / before.std()


def test_adam_moves_all_by_one_share_of_their_range():
    shares = [share_moved(EqualizedDense, width) for width in (8, 512)]
    np.testing.assert_allclose(shares, 0.01, rtol=0.1)
    # What it is for: others move the faster the wider they are.
    narrow, wide = (
        share_moved(keras.layers.Dense, w, kernel_initializer="he_normal")
        for w in (8, 512)
    )
    assert wide > 5.0 * narrow
