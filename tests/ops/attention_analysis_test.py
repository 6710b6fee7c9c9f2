import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.attention_analysis import attention_rollout
from keras_genseq.ops.attention_analysis import mean_attention_distance
from keras_genseq.ops.attention_analysis import position_similarity


def weights(*shape):
    rng = np.random.default_rng(0)
    x = rng.random(shape)
    return tf.constant(x / x.sum(-1, keepdims=True), tf.float32)


def test_rollout_is_the_product_of_layers_with_their_shortcuts():
    w = weights(2, 3, 4, 5, 5)
    layers = 0.5 * w.numpy().mean(2) + 0.5 * np.eye(5)
    expected = layers[:, 2] @ layers[:, 1] @ layers[:, 0]
    rollout = attention_rollout(w).numpy()
    np.testing.assert_allclose(rollout, expected, atol=1e-6)
    np.testing.assert_allclose(rollout.sum(-1), np.ones((2, 5)), atol=1e-5)
    assert rollout.min() >= 0.0


def test_rollout_of_attention_to_oneself_is_the_identity():
    w = np.broadcast_to(np.eye(4, dtype="float32"), (1, 3, 2, 4, 4))
    rollout = attention_rollout(tf.constant(w))
    np.testing.assert_allclose(rollout[0], np.eye(4), atol=1e-6)


def test_distance_is_in_pixels_of_the_image():
    near, far = np.eye(6), np.zeros((6, 6))
    # From each patch of two rows and three columns to the first one.
    far[:, 0] = 1.0
    w = tf.constant(np.stack([near, far])[None], tf.float32)
    found = mean_attention_distance(w, (2, 3), (4, 2)).numpy()
    expected = np.mean(
        [np.hypot(4 * r, 2 * c) for r in range(2) for c in range(3)]
    )
    np.testing.assert_allclose(found, [0.0, expected], rtol=1e-6)


def test_what_goes_to_other_tokens_does_not_count_as_a_distance():
    w = weights(3, 2, 4, 4)
    found = mean_attention_distance(w, (2, 2)).numpy()
    scaled = mean_attention_distance(0.3 * w, (2, 2))
    np.testing.assert_allclose(scaled, found, rtol=1e-5)
    larger = mean_attention_distance(w, (2, 2), 3)
    np.testing.assert_allclose(larger, 3.0 * found, rtol=1e-5)


def test_similarity_is_the_cosine_of_positions():
    x = np.random.default_rng(1).normal(size=(2, 3, 4))
    found = position_similarity(tf.constant(x, tf.float32)).numpy()
    assert found.shape == (2, 3, 2, 3)
    a, b = x[0, 2], x[1, 1]
    expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert found[0, 2, 1, 1] == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(found[1, 0, 1, 0], 1.0, atol=1e-5)
