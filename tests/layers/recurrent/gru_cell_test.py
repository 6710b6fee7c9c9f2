import keras
import numpy as np
import pytest

from keras_genseq.layers import GRU
from keras_genseq.layers import GRUCell
from tests.layers.recurrent.comparison import INPUTS
from tests.layers.recurrent.comparison import STATES
from tests.layers.recurrent.comparison import UNITS
from tests.layers.recurrent.comparison import randomize


def sigma(a):
    return 1.0 / (1.0 + np.exp(-a))


def mixed(z, candidate):
    return z * STATES[0] + (1.0 - z) * candidate


def test_one_step_with_reset_after_by_hand():
    cell = randomize(GRUCell(UNITS))
    W, U, b = cell.get_weights()
    x, h = INPUTS[:, 0], STATES[0]
    x_z, x_r, x_g = np.split(x @ W + b[0], 3, axis=1)
    u_z, u_r, u_g = np.split(h @ U + b[1], 3, axis=1)
    candidate = np.tanh(x_g + sigma(x_r + u_r) * u_g)
    output, _ = cell(x, [h])
    np.testing.assert_allclose(
        output, mixed(sigma(x_z + u_z), candidate), atol=1e-6
    )


def test_one_step_with_reset_before_by_hand():
    cell = randomize(GRUCell(UNITS, reset_after=False))
    W, U, b = cell.get_weights()
    x, h = INPUTS[:, 0], STATES[0]
    x_z, x_r, x_g = np.split(x @ W + b, 3, axis=1)
    U_z, U_r, U_g = np.split(U, 3, axis=1)
    r = sigma(x_r + h @ U_r)
    candidate = np.tanh(x_g + (r * h) @ U_g)
    output, _ = cell(x, [h])
    np.testing.assert_allclose(
        output, mixed(sigma(x_z + h @ U_z), candidate), atol=1e-6
    )


@pytest.mark.parametrize("reset_after", [True, False])
def test_closed_update_gate_copies_the_state(reset_after):
    """z = 1 keeps the state exactly."""
    layer = randomize(GRU(UNITS, reset_after=reset_after))
    W, U, b = layer.get_weights()
    b[..., :UNITS] = 100.0
    layer.set_weights([W, U, b])
    state = STATES[0]
    np.testing.assert_array_equal(layer(INPUTS, initial_state=[state]), state)


@pytest.mark.parametrize(
    "reset_after, number", [(True, 74_496), (False, 74_112)]
)
def test_number_of_weights(reset_after, number):
    layer = GRU(128, reset_after=reset_after)
    layer.build((None, None, 64))
    assert layer.count_params() == number


@pytest.mark.parametrize("reset_after", [True, False])
def test_cell_in_the_loop_of_keras(reset_after):
    cell = randomize(GRUCell(UNITS, reset_after=reset_after))
    layer = keras.layers.RNN(cell, return_sequences=True)
    theirs = keras.layers.GRU(
        UNITS, return_sequences=True, reset_after=reset_after
    )
    theirs.build(INPUTS.shape)
    theirs.set_weights(cell.get_weights())
    np.testing.assert_allclose(layer(INPUTS), theirs(INPUTS), atol=1e-6)
    copy = keras.layers.RNN.from_config(layer.get_config())
    assert type(copy.cell) is GRUCell
    assert copy.cell.reset_after == reset_after
