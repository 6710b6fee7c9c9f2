import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import StochasticDepth
from keras_genseq.layers import TransformerEncoderBlock


def test_an_example_loses_all_or_nothing_and_the_mean_stays():
    keras.utils.set_random_seed(0)
    x = tf.ones((4000, 2, 3))
    y = StochasticDepth(0.3)(x, training=True).numpy()
    assert (y == y[:, :1, :1]).all()
    kept = y[:, 0, 0] > 0.0
    np.testing.assert_allclose(y[kept], 1.0 / 0.7, rtol=1e-6)
    assert kept.mean() == pytest.approx(0.7, abs=0.03)


def test_it_acts_in_training_alone_and_draws_anew():
    keras.utils.set_random_seed(0)
    layer, x = StochasticDepth(0.5), tf.ones((64, 2))
    np.testing.assert_array_equal(layer(x), x)
    draws = [layer(x, training=True).numpy() for _ in range(2)]
    assert (draws[0] != draws[1]).any()


def test_the_ends_of_the_range_need_no_noise():
    x = tf.ones((3, 2))
    np.testing.assert_array_equal(StochasticDepth(0.0)(x, training=True), x)
    np.testing.assert_array_equal(
        StochasticDepth(1.0)(x, training=True), tf.zeros_like(x)
    )
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        StochasticDepth(1.1)


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_block_without_its_sublayers_is_its_shortcut(norm_first):
    x = np.random.default_rng(0).normal(size=(3, 4, 8)).astype("float32")
    block = TransformerEncoderBlock(
        2, 16, stochastic_depth=1.0, dropout=0.0, norm_first=norm_first
    )
    y = block(x, training=True).numpy()
    expected = x
    if not norm_first:
        expected = block.self_attention_norm(x)
        expected = block.feed_forward_norm(expected)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    assert np.abs(block(x).numpy() - expected).max() > 0.1
