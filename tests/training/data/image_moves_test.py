import numpy as np
import tensorflow as tf

from training.data.image_moves import identity_moves
from training.data.image_moves import moved
from training.data.image_moves import rotations
from training.data.image_moves import shears
from training.data.image_moves import shifts

X = tf.constant(np.random.default_rng(0).random((3, 6, 6, 2)), tf.float32)


def test_the_identity_leaves_images_as_they_are():
    np.testing.assert_allclose(moved(X, identity_moves(3)), X, atol=1e-6)


def test_each_image_is_shifted_by_its_own_pixels():
    y = moved(X, shifts(tf.constant([1.0, 0.0, 0.0]), tf.constant([0.0, 2, 0])))
    np.testing.assert_allclose(y[0, :, 1:], X[0, :, :-1], atol=1e-6)
    np.testing.assert_array_equal(y[0, :, 0], np.zeros((6, 2)))
    np.testing.assert_allclose(y[1, 2:], X[1, :-2], atol=1e-6)
    np.testing.assert_allclose(y[2], X[2], atol=1e-6)


def test_a_quarter_turn_is_that_of_numpy():
    y = moved(X, rotations(tf.fill([3], np.float32(np.pi / 2))))
    turned = np.rot90(X, axes=(1, 2))
    back = np.rot90(X, -1, axes=(1, 2))
    error = min(np.abs(y - turned).max(), np.abs(y - back).max())
    assert error < 1e-4


def test_a_shear_moves_rows_by_their_distance_from_the_middle():
    x = tf.reshape(tf.eye(5)[2], (1, 1, 5, 1)) * tf.ones((1, 5, 5, 1))
    y = moved(x, shears(tf.constant([1.0]), tf.constant([0.0])))
    columns = np.argmax(y[0, :, :, 0], axis=1)
    np.testing.assert_array_equal(np.abs(np.diff(columns)), np.ones(4))
    assert columns[2] == 2


def test_a_graph_gives_what_eager_code_does():
    moves = rotations(tf.constant([0.1, 0.2, 0.3]))
    run = tf.function(
        moved,
        input_signature=[
            tf.TensorSpec((None, 6, 6, 2)),
            tf.TensorSpec((None, 2, 3)),
        ],
    )
    np.testing.assert_allclose(run(X, moves), moved(X, moves), atol=1e-6)
