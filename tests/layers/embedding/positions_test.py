"""What the three ways to tell positions promise."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import GridPositionEmbedding
from keras_genseq.layers import PositionEmbedding
from keras_genseq.layers import RotaryEmbedding
from keras_genseq.layers import SinusoidalPositionEncoding

ZEROS = np.zeros((1, 20, 8), "float32")


def test_sinusoids_are_the_papers_formula():
    encoding = SinusoidalPositionEncoding()(ZEROS)[0]
    for position, i in ((0, 0), (3, 1), (19, 3)):
        angle = position / 10000.0 ** (2 * i / 8)
        np.testing.assert_allclose(
            encoding[position, 2 * i : 2 * i + 2],
            [np.sin(angle), np.cos(angle)],
            atol=1e-5,
        )


def test_products_of_sinusoids_depend_on_the_distance_alone():
    encoding = SinusoidalPositionEncoding()(ZEROS)[0].numpy()
    products = encoding @ encoding.T
    np.testing.assert_allclose(products[1:, 1:], products[:-1, :-1], atol=1e-4)
    np.testing.assert_allclose(np.diagonal(products), 4.0, rtol=1e-5)
    assert np.abs(encoding).max() <= 1.0


def test_rotations_keep_lengths_and_turn_products_by_the_distance():
    x = np.random.default_rng(0).normal(size=(2, 1, 8)).astype("float32")
    turned = RotaryEmbedding()(np.repeat(x, 6, axis=1)).numpy()
    norms = np.linalg.norm(x, axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(turned, axis=-1), np.repeat(norms, 6, 1), rtol=1e-5
    )
    products = turned[0] @ turned[1].T
    np.testing.assert_allclose(products[1:, 1:], products[:-1, :-1], atol=1e-4)
    assert np.ptp(products[0]) > 0.1


def test_learned_positions_are_rows_of_a_matrix_and_the_last_one_goes_on():
    layer = PositionEmbedding(4)
    layer.build((1, 6, 8))

    @tf.function(input_signature=[tf.TensorSpec((1, None, 8))], autograph=False)
    def of_any_length(x):
        return layer(x)

    expected = np.array(layer.embeddings)[[0, 1, 2, 3, 3, 3]]
    x = of_any_length(ZEROS[:, :6])[0]
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    np.testing.assert_allclose(layer(ZEROS[:, :4])[0], expected[:4], rtol=1e-6)
    padded = layer(ZEROS[:, :6], padded=True)[0]
    np.testing.assert_allclose(padded, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "x, start, words",
    [
        (ZEROS[:, :6], 0, "There are 4 positions"),
        (ZEROS[:, :2], 3, "2 steps from position 3 on"),
        (keras.Input((6, 8)), 0, "There are 4 positions"),
        (ZEROS[0, 0], 0, r"\(..., time, hidden_dim\)"),
    ],
)
def test_steps_without_a_learned_position_are_refused(x, start, words):
    with pytest.raises(ValueError, match=words):
        PositionEmbedding(4)(x, start=start)


def test_tokens_of_another_grid_are_refused():
    with pytest.raises(ValueError, match="a token for each of 4 places"):
        GridPositionEmbedding((2, 2))(ZEROS)


@pytest.mark.parametrize(
    "layer",
    [SinusoidalPositionEncoding(), PositionEmbedding(20), RotaryEmbedding()],
    ids=["sinusoidal", "learned", "rotary"],
)
def test_a_later_start_is_a_part_of_the_whole(layer):
    x = np.random.default_rng(0).normal(size=(1, 20, 8)).astype("float32")
    np.testing.assert_allclose(
        layer(x)[:, 7:9], layer(x[:, 7:9], start=7), atol=1e-5
    )


@pytest.mark.parametrize(
    "layer",
    [SinusoidalPositionEncoding(), PositionEmbedding(20)],
    ids=["sinusoidal", "learned"],
)
def test_sums_of_one_row_survive_the_optimizer_of_graphs(layer):
    """It took shapes of other ranks for equal, and summed them as one."""
    x = tf.ones((1, 1, 8))

    @tf.function
    def three_steps(x):
        return tf.while_loop(
            lambda i, h: i < 3,
            lambda i, h: (i + 1, layer(x + x + h, start=i)),
            (tf.constant(0), x),
        )[1]

    expected = x
    for i in range(3):
        expected = layer(x + x + expected, start=i)
    np.testing.assert_allclose(three_steps(x), expected, rtol=1e-5)


def test_rotations_need_an_even_width():
    with pytest.raises(ValueError, match="must be even"):
        RotaryEmbedding()(ZEROS[..., :7])


@pytest.mark.parametrize(
    "layer", [SinusoidalPositionEncoding(), PositionEmbedding(5)]
)
def test_positions_lie_along_the_last_axis_but_one(layer):
    x = np.zeros((2, 1, 5, 6), "float32")
    y = layer(x).numpy()
    assert len(np.unique(y[0, 0].round(5), axis=0)) == 5
    np.testing.assert_array_equal(y[1, 0], layer(x[:, 0])[0])
    np.testing.assert_array_equal(y[1, 0], layer(x[0, 0]))


STARTING = pytest.mark.parametrize(
    "layer_class",
    [RotaryEmbedding, SinusoidalPositionEncoding, lambda: PositionEmbedding(9)],
)


@STARTING
@pytest.mark.parametrize("start", [np.int64(2), np.array(2), np.uint8(2)])
def test_a_start_may_be_any_integer(layer_class, start):
    layer, x = layer_class(), np.ones((2, 3, 8), "float32")
    expected = layer(x, start=2)
    np.testing.assert_array_equal(layer(x, start=start), expected)
    traced = tf.function(lambda start: layer(x, start=start))
    np.testing.assert_allclose(traced(tf.constant(start)), expected, atol=1e-6)


@STARTING
@pytest.mark.parametrize("start", [-1, 1.5, True, np.array([0, 1, 2])])
def test_a_start_that_is_no_position_is_refused(layer_class, start):
    layer, x = layer_class(), np.ones((3, 3, 8), "float32")
    with pytest.raises(ValueError, match="`start` must be an int of at least"):
        layer(x, start=start)
    if np.ndim(start):
        traced = tf.function(lambda start: layer(x, start=start))
        with pytest.raises(ValueError, match="`start` must be one int"):
            traced(tf.constant(start))


def test_a_start_of_numpy_is_held_against_the_positions_there_are():
    layer = PositionEmbedding(4)
    with pytest.raises(ValueError, match="2 steps from position 3 on"):
        layer(np.ones((1, 2, 8), "float32"), start=np.int64(3))


@STARTING
def test_ragged_tokens_are_refused(layer_class):
    ragged = tf.RaggedTensor.from_row_lengths(
        np.ones((3, 8), "float32"), [1, 2]
    )
    with pytest.raises(
        ValueError, match=r"Fill its rows up: `x.to_tensor\(\)`"
    ):
        layer_class()(ragged)
