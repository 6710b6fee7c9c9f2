import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import GRU
from keras_genseq.layers import LSTM
from keras_genseq.layers import SimpleRNN
from keras_genseq.models import SequenceForecaster
from training.analyses.gradient_flow import contraction
from training.analyses.gradient_flow import saturation
from training.analyses.gradient_flow import state_gradient_norms
from training.analyses.gradient_flow import train_with_clipping

UNITS, TIME = 5, 24
X = np.random.default_rng(0).normal(size=(3, TIME, 2)).astype("float32")
DIRECTION = np.full(UNITS, UNITS**-0.5, "float32")


def built(layer):
    layer.build((None, None, 2))
    return layer


@pytest.mark.parametrize("rho", [0.5, 1.0, 1.2])
def test_a_linear_rotation_scales_by_its_factor_each_step(rho):
    layer = built(
        SimpleRNN(
            UNITS,
            activation="linear",
            recurrent_initializer=keras.initializers.Orthogonal(rho),
        )
    )
    norms = state_gradient_norms(layer, X, DIRECTION)
    np.testing.assert_allclose(norms, rho ** np.arange(TIME), rtol=1e-4)
    assert contraction(norms) == pytest.approx(rho, rel=1e-5)


def test_an_open_memory_carries_all_and_a_leaky_one_its_share():
    for forget in (0.0, 2.0, 30.0):
        layer = built(LSTM(UNITS, recurrent_initializer="zeros"))
        kernel, recurrent, bias = layer.get_weights()
        bias[UNITS : 2 * UNITS] = forget
        layer.set_weights([kernel * 0.0, recurrent, bias])
        norms = state_gradient_norms(layer, X, DIRECTION)
        # Nothing but the forget gate links one step to the next.
        expected = 1.0 / (1.0 + np.exp(-forget))
        assert contraction(norms) == pytest.approx(expected, rel=1e-4)


def test_a_closed_update_gate_keeps_the_gradient_whole():
    layer = built(GRU(UNITS))
    kernel, recurrent, bias = layer.get_weights()
    bias[0, :UNITS] = 30.0
    layer.set_weights([kernel, recurrent, bias])
    norms = state_gradient_norms(layer, X, DIRECTION)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-5)


def test_norms_equal_those_of_the_initial_state():
    layer = built(GRU(UNITS))
    state = tf.zeros((3, UNITS))
    with tf.GradientTape() as tape:
        tape.watch(state)
        last = layer(X, initial_state=[state]) @ DIRECTION[:, None]
    expected = np.linalg.norm(tape.gradient(last, state), axis=1).mean()
    padded = np.concatenate([X[:, :1] * 0.0, X], axis=1)
    layer_at_zero = built(GRU(UNITS))
    layer_at_zero.set_weights(layer.get_weights())
    norms = state_gradient_norms(layer_at_zero, padded, DIRECTION)
    # Biases are 0: a step of zeros leaves a state of zeros.
    assert norms[-1] == pytest.approx(expected, rel=1e-4)


def test_norms_too_small_for_float32_squares_are_not_lost():
    layer = built(
        SimpleRNN(
            UNITS,
            activation="linear",
            recurrent_initializer=keras.initializers.Orthogonal(0.1),
        )
    )
    norms = state_gradient_norms(layer, X, DIRECTION)
    assert norms[-1] == pytest.approx(0.1 ** (TIME - 1), rel=1e-3)


def test_saturation_counts_what_no_longer_moves():
    layer = built(LSTM(UNITS))
    assert saturation(layer, X * 0.0) == {
        "input_gate": 0.0,
        "forget_gate": 0.0,
        "candidate": 0.0,
        "output_gate": 0.0,
        "hidden_state": 0.0,
    }
    kernel, recurrent, bias = layer.get_weights()
    bias[: 2 * UNITS] = [9.0] * UNITS + [-9.0] * UNITS
    bias[2 * UNITS] = 9.0
    layer.set_weights([kernel * 0.0, recurrent * 0.0, bias])
    shares = saturation(layer, X)
    assert shares["input_gate"] == shares["forget_gate"] == 1.0
    assert shares["candidate"] == pytest.approx(1 / UNITS)
    assert shares["output_gate"] == 0.0


def forecaster():
    keras.utils.set_random_seed(0)
    return SequenceForecaster(
        1, UNITS, channels=2, fixed_scale=1.0, cell="simple_rnn"
    )


def batches(count):
    rng = np.random.default_rng(1)
    for _ in range(count):
        y = 9.0 * rng.normal(size=(3, 1, 2))
        yield tf.constant(X), tf.constant(y, tf.float32)


def test_clipping_shortens_and_does_not_turn():
    runs = {
        clip: train_with_clipping(
            forecaster(), batches(8), clip=clip, learning_rate=0.1
        )
        for clip in (None, 0.5)
    }
    for clip, run in runs.items():
        limit = np.inf if clip is None else clip
        np.testing.assert_allclose(
            run["applied_norm"], np.minimum(run["norm"], limit), rtol=1e-5
        )
    assert runs[0.5]["norm"].max() > 0.5
    before = [w.numpy() for w in forecaster().trainable_variables]
    steps = []
    for clip in (None, 0.5):
        model = forecaster()
        train_with_clipping(model, batches(1), clip=clip, learning_rate=1.0)
        moved = zip(model.trainable_variables, before, strict=True)
        steps.append(
            np.concatenate([(w - b).numpy().ravel() for w, b in moved])
        )
    cosine = steps[0] @ steps[1] / np.prod(np.linalg.norm(steps, axis=1))
    assert cosine == pytest.approx(1.0, abs=1e-4)
    assert np.linalg.norm(steps[1]) == pytest.approx(0.5, rel=1e-3)


def test_a_slope_needs_lags():
    with pytest.raises(ValueError, match="needs more lags"):
        contraction(np.ones(9))
