import numpy as np
import pytest

from keras_genseq.layers.recurrent.recurrent_stack import RecurrentStack

CELLS = pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])


def stack(cell, **kwargs):
    layer = RecurrentStack(5, cell=cell, num_layers=2, **kwargs)
    layer.build((None, None, 3))
    return layer


def inputs(steps=7):
    return np.random.default_rng(0).normal(size=(2, steps, 3)).astype("float32")


@CELLS
def test_chunks_with_carried_states_equal_the_whole(cell):
    layer, x = stack(cell), inputs()
    whole, last = layer(x)
    first, states = layer(x[:, :3])
    second, states = layer(x[:, 3:], states=states)
    np.testing.assert_allclose(whole[:, :3], first, atol=1e-6)
    np.testing.assert_allclose(whole[:, 3:], second, atol=1e-6)
    for a, b in zip(last, states, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@CELLS
def test_single_steps_equal_the_whole(cell):
    layer, x = stack(cell, dropout=0.5), inputs()
    whole, _ = layer(x)
    states = layer.initial_states(2)
    for t in range(x.shape[1]):
        y, states = layer.step(x[:, t], states)
        np.testing.assert_allclose(whole[:, t], y, atol=1e-6)


@CELLS
def test_tokens_equal_their_embeddings(cell):
    layer = stack(cell)
    embeddings = inputs(4)[0]
    ids = np.array([[0, 3, 1, 1, 2], [2, 2, 0, 1, 3]])
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], bool)
    a, states_a = layer(embeddings[ids], mask=mask)
    b, states_b = layer.call_tokens(ids, embeddings, mask=mask)
    np.testing.assert_allclose(a, b, atol=1e-6)
    for x, y in zip(states_a, states_b, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


def test_dropout_acts_in_training_alone():
    layer, x = stack("gru", dropout=0.5), inputs()
    np.testing.assert_array_equal(layer(x)[0], layer(x)[0])
    dropped = np.asarray(layer(x, training=True)[0])
    assert 0.2 < np.mean(dropped == 0.0) < 0.8


def test_numbers_of_weights():
    # 4 [n (n_x + n) + n] for the first layer and for the second.
    assert stack("lstm").count_params() == 4 * 45 + 4 * 55
    assert stack("simple_rnn").count_params() == 45 + 55


def test_config_round_trip():
    layer = RecurrentStack(5, cell="gru", num_layers=3, dropout=0.2)
    again = RecurrentStack.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "kwargs, words",
    [({"cell": "rnn"}, "lstm"), ({"num_layers": 0}, "at least 1")],
    ids=["cell", "num_layers"],
)
def test_bad_arguments_are_named(kwargs, words):
    with pytest.raises(ValueError, match=words):
        RecurrentStack(5, **kwargs)
