import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import GRU
from keras_genseq.layers import RecurrentEncoder

X = np.random.default_rng(0).normal(size=(3, 6, 2)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1], [1] * 6], bool)


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_sees_both_ways_only_if_bidirectional(cell):
    for bidirectional in (False, True):
        encoder = RecurrentEncoder(
            3, cell=cell, bidirectional=bidirectional, return_sequences=True
        )
        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(encoder(x)[:, 2])
        reached = np.abs(tape.gradient(y, x).numpy()).max((0, 2)) > 0
        assert reached[:3].all()
        assert reached[3:].all() == bidirectional
        assert reached[3:].any() == bidirectional


def test_two_layers_are_one_upon_the_other():
    encoder = RecurrentEncoder(4, cell="gru", num_layers=2)
    result = encoder(X, mask=MASK)
    lower, upper = GRU(4, return_sequences=True), GRU(4)
    for layer, mine in zip((lower, upper), encoder.layers, strict=True):
        layer.build((None, None, mine.cell.kernel.shape[0]))
        layer.set_weights(mine.get_weights())
    expected = upper(lower(X, mask=MASK), mask=MASK)
    np.testing.assert_allclose(result, expected, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing(bidirectional):
    encoder = RecurrentEncoder(3, num_layers=2, bidirectional=bidirectional)
    alone = encoder(X[:1, :4])
    padded = encoder(X[:1], mask=MASK[:1])
    np.testing.assert_allclose(alone, padded, atol=1e-6)


def test_dropout_acts_between_layers_in_training_only():
    encoder = RecurrentEncoder(3, num_layers=2, dropout=0.5)
    calm = encoder(X)
    np.testing.assert_array_equal(calm, encoder(X))
    first, second = (encoder(X, training=True).numpy() for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"cell": "elman"}, "`cell` must be one of 'simple_rnn'"),
        ({"units": 0}, "`units` must be positive"),
        ({"num_layers": 0}, "`num_layers` must be positive"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\)"),
    ],
    ids=["cell", "units", "num_layers", "dropout"],
)
def test_names_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        RecurrentEncoder(**{"units": 2, **arguments})
