import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import losses

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(3, 2, 2, 1)).astype("float32")
FAKE = RNG.normal(size=(3, 2, 2, 1)).astype("float32")
SLOPE = RNG.normal(size=(4,)).astype("float32")


def linear(x):
    return tf.linalg.matvec(tf.reshape(x, (-1, 4)), tf.constant(SLOPE))


def square(x):
    return 0.5 * tf.reduce_sum(tf.square(x), axis=(1, 2, 3))


def test_a_linear_critic_pays_for_its_slope():
    norm = np.linalg.norm(SLOPE)
    mixing = np.array([0.1, 0.5, 0.9], "float32")
    penalty = losses.gradient_penalty(linear, REAL, FAKE, mixing)
    np.testing.assert_allclose(penalty, [(norm - 1.0) ** 2] * 3, rtol=1e-5)
    r1 = losses.r1_penalty(linear, REAL)
    np.testing.assert_allclose(r1, [0.5 * norm**2] * 3, rtol=1e-5)


def test_a_slope_at_its_target_costs_nothing_and_0_costs_1():
    norm = float(np.linalg.norm(SLOPE))
    mixing = np.array([0.1, 0.5, 0.9], "float32")
    for slope, target in ((linear, norm), (lambda x: 0.0 * linear(x), 750.0)):
        penalty = losses.gradient_penalty(slope, REAL, FAKE, mixing, target)
        expected = 0.0 if target == norm else 1.0
        np.testing.assert_allclose(penalty, [expected] * 3, atol=1e-5)
    penalty = losses.gradient_penalty(linear, REAL, FAKE, mixing, 2.0 * norm)
    np.testing.assert_allclose(penalty, [0.25] * 3, rtol=1e-5)


def test_every_example_is_mixed_by_its_own_share():
    # The slope of this critic at x is x itself.
    mixing = np.array([0.0, 0.25, 1.0], "float32")
    share = mixing[:, None, None, None]
    between = share * REAL + (1.0 - share) * FAKE
    norms = np.sqrt(np.square(between).sum((1, 2, 3)))
    penalty = losses.gradient_penalty(square, REAL, FAKE, mixing)
    np.testing.assert_allclose(penalty, np.square(norms - 1.0), rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_penalties_train_the_critic(jit_compile):
    kernel = tf.Variable(SLOPE)

    def gradient():
        def critic(x):
            return tf.linalg.matvec(tf.reshape(x, (-1, 4)), kernel)

        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(losses.r1_penalty(critic, REAL))
        return tape.gradient(loss, kernel)

    # d/dw |w|^2 / 2 = w.
    np.testing.assert_allclose(
        tf.function(gradient, jit_compile=jit_compile)(), SLOPE, rtol=1e-5
    )


def test_a_flat_critic_has_a_finite_slope_of_its_penalty():
    kernel = tf.Variable(np.zeros(4, "float32"))
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(
            lambda x: tf.linalg.matvec(tf.reshape(x, (-1, 4)), kernel),
            REAL,
            FAKE,
            np.full(3, 0.5, "float32"),
        )
    np.testing.assert_allclose(penalty, np.ones(3), atol=1e-5)
    assert np.isfinite(tape.gradient(penalty, kernel)).all()


def test_drift_is_the_squared_logit():
    drift = losses.drift_penalty(np.array([-2.0, 0.5], "float32"))
    np.testing.assert_allclose(drift, [4.0, 0.25])
