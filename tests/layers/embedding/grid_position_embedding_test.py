import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import ClassToken
from keras_genseq.layers import GridPositionEmbedding
from keras_genseq.layers import PixelNormalization
from keras_genseq.layers import TransformerEncoderBlock


def built(grid_shape=(2, 3), **kwargs):
    layer = GridPositionEmbedding(grid_shape, **kwargs)
    layer.build((None, None, 4))
    return layer


def test_each_place_has_a_vector_of_its_own():
    layer = built(num_prefix_tokens=1)
    added = layer(tf.zeros((2, 7, 4))).numpy()
    np.testing.assert_array_equal(added[0], layer.embeddings)
    np.testing.assert_array_equal(added[0], added[1])
    assert len(np.unique(added[0], axis=0)) == 7


def test_another_grid_leaves_the_tokens_before_it_alone():
    layer = built(num_prefix_tokens=2)
    added = layer(tf.zeros((1, 2 + 20, 4)), grid_shape=(4, 5)).numpy()[0]
    np.testing.assert_array_equal(added[:2], layer.embeddings[:2])
    grid = added[2:].reshape(4, 5, 4)
    corners = layer.grid().numpy()[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(
        grid[[0, 0, -1, -1], [0, -1, 0, -1]], corners, atol=1e-6
    )
    between = layer.grid().numpy()[0, 0:2].mean(0)
    np.testing.assert_allclose(grid[0, 1], between, atol=1e-6)


def test_gradients_reach_every_place():
    layer = built(num_prefix_tokens=1)
    with tf.GradientTape() as tape:
        x = layer(tf.zeros((1, 7, 4)))
        loss = tf.reduce_sum(tf.sin(x + 1.0))
    gradient = tape.gradient(loss, layer.embeddings)
    assert (np.abs(gradient) > 0.0).all()


def test_a_grid_of_other_than_two_sides_is_refused():
    with pytest.raises(ValueError, match="pair of ints"):
        GridPositionEmbedding((2, 2, 2))


@pytest.mark.parametrize("size", [1, 3, 17])
def test_the_class_token_goes_before_every_example(size):
    layer = ClassToken(initializer="normal")
    x = np.random.default_rng(0).normal(size=(size, 5, 4)).astype("float32")
    layer.build(x.shape)
    call = tf.function(
        layer, input_signature=[tf.TensorSpec((None, 5, 4), tf.float32)]
    )
    y = call(x).numpy()
    np.testing.assert_array_equal(y[:, 1:], x)
    np.testing.assert_array_equal(y[:, 0], np.tile(layer.token, (size, 1)))


def test_masks_go_through_tokens_and_positions():
    ids = np.array([[3, 4, 0], [5, 0, 0]])
    model = keras.Sequential(
        [
            keras.layers.Embedding(6, 8, mask_zero=True),
            ClassToken(),
            GridPositionEmbedding((1, 3), num_prefix_tokens=1),
            PixelNormalization(),
        ]
    )
    x = model(ids)
    expected = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    np.testing.assert_array_equal(x._keras_mask, expected)
    block = TransformerEncoderBlock(2, 8, dropout=0.0)
    told = block(np.array(x), padding_mask=expected)
    np.testing.assert_allclose(block(x)[expected], told[expected], atol=1e-6)
