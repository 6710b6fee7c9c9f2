"""What blocks of attention promise, encoder's and decoder's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import FeedForward
from keras_genseq.layers import TransformerDecoderBlock
from keras_genseq.layers import TransformerEncoderBlock

X = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
SOURCE = np.random.default_rng(1).normal(size=(2, 4, 8)).astype("float32")
PADDING = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], bool)
NORM_FIRST = pytest.mark.parametrize(
    "norm_first", [False, True], ids=["post_norm", "pre_norm"]
)


def make(block_class, *inputs, **options):
    block = block_class(2, 12, **options)
    block(*inputs)
    rng = np.random.default_rng(2)
    block.set_weights([rng.normal(size=w.shape) for w in block.weights])
    return block


@NORM_FIRST
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_no_step_looks_ahead(kind, norm_first):
    if kind == "encoder":
        block = make(TransformerEncoderBlock, X, norm_first=norm_first)
        call = lambda x: block(x, use_causal_mask=True)  # noqa: E731
    else:
        block = make(TransformerDecoderBlock, X, SOURCE, norm_first=norm_first)
        call = lambda x: block(x, SOURCE)  # noqa: E731
    x = tf.constant(X)
    for t in range(6):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(call(x)[:, t]))
        gradient = np.abs(tape.gradient(loss, x)).max(axis=(0, 2))
        assert not gradient[t + 1 :].any() and gradient[: t + 1].all()


@NORM_FIRST
def test_cached_steps_equal_the_whole(norm_first):
    options = {"norm_first": norm_first, "rotary": True}
    encoder = make(TransformerEncoderBlock, X, **options)
    decoder = make(TransformerDecoderBlock, X, SOURCE, **options)
    encoded = encoder(X, use_causal_mask=True)
    decoded = decoder(X, SOURCE, encoded_padding_mask=PADDING)
    keys_values = decoder.cross_keys_values(SOURCE)
    caches = encoder.initial_cache(2, 8), decoder.initial_cache(2, 8)
    for t in range(6):
        x, first = encoder.step(X[:, t : t + 1], caches[0], t)
        np.testing.assert_allclose(encoded[:, t : t + 1], x, atol=1e-5)
        x, second = decoder.step(
            X[:, t : t + 1], caches[1], t, keys_values, PADDING
        )
        np.testing.assert_allclose(decoded[:, t : t + 1], x, atol=1e-5)
        caches = first, second


def test_padding_does_not_matter():
    block = make(TransformerEncoderBlock, X)
    decoder = make(TransformerDecoderBlock, X, SOURCE)
    mask = np.arange(6)[None] < np.array([[4], [6]])
    spoiled = np.where(mask[..., None], X, 9.0).astype("float32")
    a, b = (block(x, padding_mask=mask).numpy() for x in (X, spoiled))
    np.testing.assert_array_equal(a[mask], b[mask])
    spoiled = np.where(PADDING[..., None], SOURCE, 9.0).astype("float32")
    a, b = (
        decoder(X, s, encoded_padding_mask=PADDING) for s in (SOURCE, spoiled)
    )
    np.testing.assert_array_equal(a, b)


def test_without_positions_steps_are_a_set():
    block = make(TransformerEncoderBlock, X)
    order = [3, 0, 5, 1, 4, 2]
    np.testing.assert_allclose(
        block(X)[:, 3], block(X[:, order])[:, 0], rtol=1e-4
    )


def test_numbers_of_parameters():
    d, inner = 8, 12
    feed_forward = 2 * d * inner + inner + d
    encoder = make(TransformerEncoderBlock, X)
    assert encoder.count_params() == 4 * (d * d + d) + feed_forward + 4 * d
    decoder = make(TransformerDecoderBlock, X, SOURCE)
    assert decoder.count_params() == 8 * (d * d + d) + feed_forward + 6 * d


def test_feed_forward_is_two_dense_layers():
    layer = FeedForward(5)
    layer(X)
    rng = np.random.default_rng(0)
    w1, b1, w2, b2 = (rng.normal(size=w.shape) for w in layer.weights)
    layer.set_weights([w1, b1, w2, b2])
    expected = np.maximum(X @ w1 + b1, 0.0) @ w2 + b2
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


@NORM_FIRST
def test_an_encoder_shows_the_weights_of_its_attention(norm_first):
    block = make(TransformerEncoderBlock, X, norm_first=norm_first)
    y, scores = block(X, return_attention_scores=True)
    np.testing.assert_allclose(y, block(X), atol=1e-5)
    seen = block.self_attention_norm(X) if norm_first else X
    _, expected = block.self_attention(seen, return_attention_scores=True)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    symbols = block(keras.Input((6, 8)), return_attention_scores=True)
    assert [s.shape for s in symbols] == [(None, 6, 8), (None, 2, 6, 6)]


@pytest.mark.parametrize(
    "option", ["dropout", "attention_dropout", "inner_dropout"]
)
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_each_dropout_acts_in_training_alone(kind, option):
    inputs = (X,) if kind == "encoder" else (X, SOURCE)
    block_class = (
        TransformerEncoderBlock
        if kind == "encoder"
        else TransformerDecoderBlock
    )
    options = {"dropout": 0.0, option: 0.5}
    block = make(block_class, *inputs, **options)
    np.testing.assert_array_equal(block(*inputs), block(*inputs))
    first, second = (block(*inputs, training=True) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
