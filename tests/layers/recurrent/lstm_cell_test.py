import keras
import numpy as np

from keras_genseq.layers import LSTM
from keras_genseq.layers import LSTMCell
from tests.layers.recurrent.comparison import INPUTS
from tests.layers.recurrent.comparison import STATES
from tests.layers.recurrent.comparison import UNITS
from tests.layers.recurrent.comparison import randomize


def sigma(a):
    return 1.0 / (1.0 + np.exp(-a))


def test_one_step_by_hand():
    cell = randomize(LSTMCell(UNITS))
    W, U, b = cell.get_weights()
    x, (h, c) = INPUTS[:, 0], STATES
    i, f, g, o = np.split(x @ W + h @ U + b, 4, axis=1)
    new_c = sigma(f) * c + sigma(i) * np.tanh(g)
    new_h = sigma(o) * np.tanh(new_c)
    output, states = cell(x, [h, c])
    np.testing.assert_allclose(output, new_h, atol=1e-6)
    np.testing.assert_array_equal(states[0], output)
    np.testing.assert_allclose(states[1], new_c, atol=1e-6)


def test_open_gates_sum_the_candidates():
    """With all gates saturated at 1, `c_t = c_{t-1} + tanh(g)`."""
    layer = randomize(LSTM(UNITS, return_state=True))
    W, U, b = layer.get_weights()
    b = np.repeat([50.0, 50.0, 0.0, 50.0], UNITS)
    W[:, 2 * UNITS : 3 * UNITS] = 0.0
    U[:, 2 * UNITS : 3 * UNITS] = 0.0
    b[2 * UNITS : 3 * UNITS] = 0.25
    layer.set_weights([W * 0.1, U * 0.1, b])
    c = layer(INPUTS)[2]
    np.testing.assert_allclose(c, INPUTS.shape[1] * np.tanh(0.25), atol=1e-5)


def test_forget_gate_alone_decides_what_the_memory_keeps():
    """`d c_T / d c_0 = prod f_t` where the gates do not see the state."""
    layer = randomize(LSTM(UNITS, return_state=True))
    W, U, b = layer.get_weights()
    layer.set_weights([W, U * 0.0, b])
    gates = layer.gates(INPUTS)
    zeros = np.zeros_like(STATES[0])
    start, moved = (
        layer(INPUTS, initial_state=[zeros, zeros + shift])[2]
        for shift in (0.0, 1.0)
    )
    kept = np.prod(gates["forget_gate"], axis=1)
    np.testing.assert_allclose(moved - start, kept, atol=1e-5)


def test_bias_opens_the_forget_gate():
    layer = LSTM(2)
    layer.build((None, None, 3))
    np.testing.assert_array_equal(
        layer.cell.bias.numpy(), [0, 0, 1, 1, 0, 0, 0, 0]
    )


def test_number_of_weights():
    layer = LSTM(128)
    layer.build((None, None, 64))
    assert layer.count_params() == 98_816


def test_cell_in_the_loop_of_keras():
    cell = randomize(LSTMCell(UNITS))
    layer = keras.layers.RNN(cell, return_sequences=True)
    theirs = keras.layers.LSTM(UNITS, return_sequences=True)
    theirs.build(INPUTS.shape)
    theirs.set_weights(cell.get_weights())
    np.testing.assert_allclose(layer(INPUTS), theirs(INPUTS), atol=1e-6)
    copy = keras.layers.RNN.from_config(layer.get_config())
    assert type(copy.cell) is LSTMCell
