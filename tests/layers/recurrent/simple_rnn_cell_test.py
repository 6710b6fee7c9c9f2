import keras
import numpy as np

from keras_genseq.layers import SimpleRNN
from keras_genseq.layers import SimpleRNNCell
from tests.layers.recurrent.comparison import FEATURES
from tests.layers.recurrent.comparison import INPUTS
from tests.layers.recurrent.comparison import STATES
from tests.layers.recurrent.comparison import UNITS
from tests.layers.recurrent.comparison import randomize


def test_one_step_by_hand():
    cell = randomize(SimpleRNNCell(UNITS))
    W, U, b = cell.get_weights()
    x, h = INPUTS[:, 0], STATES[0]
    output, states = cell(x, [h])
    np.testing.assert_allclose(output, np.tanh(x @ W + h @ U + b), atol=1e-6)
    np.testing.assert_array_equal(states[0], output)


def test_gradient_of_a_linear_rotation_keeps_its_norm():
    """`d h_T / d h_0 = rho^T Q^T`: the norm is `rho^T` exactly."""
    steps = 30
    layer = SimpleRNN(8, activation=None, recurrent_initializer="orthogonal")
    layer.build((None, steps, FEATURES))
    rotation = layer.cell.recurrent_kernel.numpy()
    inputs = np.zeros((1, steps, FEATURES), "float32")
    direction = np.eye(8, dtype="float32")[:1]
    for rho in (0.9, 1.0, 1.1):
        layer.cell.recurrent_kernel.assign(rho * rotation)
        state = keras.ops.convert_to_tensor(direction)
        last = layer(inputs, initial_state=[state])
        np.testing.assert_allclose(np.linalg.norm(last), rho**steps, rtol=1e-5)


def test_number_of_weights():
    layer = SimpleRNN(128)
    layer.build((None, None, 64))
    assert layer.count_params() == 24_704


def test_cell_in_the_loop_of_keras():
    cell = randomize(SimpleRNNCell(UNITS))
    layer = keras.layers.RNN(cell, return_sequences=True)
    theirs = keras.layers.SimpleRNN(UNITS, return_sequences=True)
    theirs.build(INPUTS.shape)
    theirs.set_weights(cell.get_weights())
    np.testing.assert_allclose(layer(INPUTS), theirs(INPUTS), atol=1e-6)
    copy = keras.layers.RNN.from_config(layer.get_config())
    assert type(copy.cell) is SimpleRNNCell
