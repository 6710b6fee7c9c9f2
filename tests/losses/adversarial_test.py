import math

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import losses

LOGITS = np.array([-3.0, -0.5, 0.25, 2.0], "float32")


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


# name -> slopes in the real and the fake logit, and of the generator.
SLOPES = {
    "minimax": (lambda r: sigmoid(r) - 1.0, sigmoid, lambda f: -sigmoid(f)),
    "non_saturating": (
        lambda r: sigmoid(r) - 1.0,
        sigmoid,
        lambda f: sigmoid(f) - 1.0,
    ),
    "least_squares": (lambda r: r - 1.0, lambda f: f, lambda f: f - 1.0),
    "hinge": (
        lambda r: -1.0 * (r < 1.0),
        lambda f: 1.0 * (f > -1.0),
        lambda f: -np.ones_like(f),
    ),
    "wasserstein": (
        lambda r: -np.ones_like(r),
        np.ones_like,
        lambda f: -np.ones_like(f),
    ),
}


@pytest.mark.parametrize("name", losses.ADVERSARIAL_LOSSES)
def test_slopes_are_those_worked_out_by_hand(name):
    pair = losses.ADVERSARIAL_LOSSES[name]
    real, fake = tf.constant(LOGITS), tf.constant(LOGITS[::-1].copy())
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        d_loss, g_loss = pair.discriminator(real, fake), pair.generator(fake)
    slopes = (
        tape.gradient(d_loss, real),
        tape.gradient(d_loss, fake),
        tape.gradient(g_loss, fake),
    )
    for slope, of, x in zip(
        slopes, SLOPES[name], (real, fake, fake), strict=True
    ):
        np.testing.assert_allclose(slope, of(x.numpy()), atol=1e-6)
    assert d_loss.shape == g_loss.shape == (4,)


@pytest.mark.parametrize("name", losses.ADVERSARIAL_LOSSES)
def test_losses_are_finite_at_any_logit_and_float32(name):
    pair = losses.ADVERSARIAL_LOSSES[name]
    logits = tf.constant([-1e4, 1e4], tf.float16)
    for loss in (pair.discriminator(logits, -logits), pair.generator(logits)):
        assert loss.dtype == tf.float32 and np.isfinite(loss).all()


def test_values_where_the_discriminator_is_undecided():
    zero = np.zeros(1, "float32")
    d_loss = losses.minimax_discriminator_loss(zero, zero)
    assert float(d_loss[0]) == pytest.approx(math.log(4.0))
    g_loss = losses.non_saturating_generator_loss(zero)
    assert float(g_loss[0]) == pytest.approx(math.log(2.0))
    assert float(losses.minimax_generator_loss(zero)[0]) == pytest.approx(
        -math.log(2.0)
    )
    assert float(losses.least_squares_discriminator_loss(zero, zero)[0]) == 0.5
    assert float(losses.hinge_discriminator_loss(zero, zero)[0]) == 2.0
