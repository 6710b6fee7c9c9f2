import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.layers import MultiHeadAttention
from keras_genseq.layers import TransformerDecoderBlock

X = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
Y = np.random.default_rng(1).normal(size=(2, 5, 4)).astype("float32")
PADDING = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], bool)


def randomized(layer, seed=0):
    rng = np.random.default_rng(seed)
    layer.set_weights([0.5 * rng.normal(size=w.shape) for w in layer.weights])
    return layer


def pairs():
    for name, shared, value_dim in (
        ("plain", None, None),
        ("values", None, 7),
        ("grouped", 2, None),
    ):
        yield pytest.param(shared, value_dim, id=name)


def with_gradients(layer, *inputs, **kwargs):
    inputs = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        x = layer(*inputs, **kwargs)
        loss = tf.reduce_sum(tf.sin(x))
    return [x, *tape.gradient(loss, [*inputs, *layer.trainable_variables])]


@pytest.mark.parametrize("shared, value_dim", pairs())
@pytest.mark.parametrize("causal", [False, True])
def test_equals_keras(shared, value_dim, causal):
    # Values of 12 are beyond the bound in float32.
    options = {"dtype": "float64"}
    if shared:
        theirs = keras.layers.GroupQueryAttention(3, 4, shared, **options)
    else:
        theirs = keras.layers.MultiHeadAttention(
            4, 3, value_dim=value_dim, **options
        )
    theirs(X, Y)
    ours = MultiHeadAttention(
        4, 3, value_dim=value_dim, num_key_value_heads=shared, **options
    )
    ours(X, Y)
    ours.set_weights(randomized(theirs).get_weights())
    mask = PADDING[:, None] & np.ones((1, 6, 1), bool)
    expected = with_gradients(
        theirs, X, Y, attention_mask=mask, use_causal_mask=causal
    )
    ours_by_mask = with_gradients(
        ours, X, Y, attention_mask=mask, use_causal_mask=causal
    )
    ours_by_padding = with_gradients(
        ours, X, Y, padding_mask=PADDING, use_causal_mask=causal
    )
    for a, b, c in zip(expected, ours_by_mask, ours_by_padding, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
        np.testing.assert_allclose(a, c, atol=1e-5)


@pytest.mark.parametrize("shared, value_dim", pairs())
def test_blockwise_equals_plain(shared, value_dim):
    plain, blocks = (
        MultiHeadAttention(
            4,
            3,
            value_dim=value_dim,
            num_key_value_heads=shared,
            rotary=False,
            blockwise=blockwise,
        )
        for blockwise in (False, True)
    )
    plain(X, Y), blocks(X, Y)
    blocks.set_weights(randomized(plain).get_weights())
    options = {"padding_mask": PADDING, "use_causal_mask": True}
    for a, b in zip(
        with_gradients(plain, X, Y, **options),
        with_gradients(blocks, X, Y, **options),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_query_that_sees_nothing_gives_the_output_bias():
    layer = MultiHeadAttention(2, 3)
    layer(X)
    randomized(layer)
    mask = np.ones((2, 6), bool)
    mask[1] = False
    x = layer(X, padding_mask=mask).numpy()
    bias = np.broadcast_to(layer.output_bias, (6, 8))
    np.testing.assert_array_equal(x[1], bias)
    assert (x[0] != bias).all()


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("shared", [None, 2, 1])
def test_cached_steps_equal_the_whole(shared, rotary):
    layer = MultiHeadAttention(4, 6, num_key_value_heads=shared, rotary=rotary)
    layer(X)
    randomized(layer)
    whole = layer(X, use_causal_mask=True)
    cache = layer.initial_cache(2, 9)
    for t in range(6):
        x, cache = layer.step(X[:, t : t + 1], cache, t)
        np.testing.assert_allclose(whole[:, t : t + 1], x, atol=1e-5)
        assert cache[0].shape == (2, shared or 4, 9, 6)


def test_rotary_scores_depend_on_distances_alone():
    layer = MultiHeadAttention(2, 4, rotary=True)
    x = np.tile(X[:, :1], (1, 6, 1))
    _, scores = layer(x, return_attention_scores=True)
    ratios = np.log(scores)
    ratios = ratios - np.diagonal(ratios, axis1=2, axis2=3)[..., None]
    np.testing.assert_allclose(
        ratios[..., 1:, 1:], ratios[..., :-1, :-1], atol=1e-5
    )
    assert np.ptp(ratios[0, 0, 0]) > 1e-3


def test_scores_are_probabilities():
    layer = MultiHeadAttention(2, 3)
    _, scores = layer(X, Y, return_attention_scores=True)
    assert scores.shape == (2, 2, 6, 5)
    np.testing.assert_allclose(np.sum(scores, -1), 1.0, rtol=1e-6)


def test_kernels_start_as_matrices_do():
    layer = MultiHeadAttention(8, 8)
    layer.build((None, None, 64))
    # Glorot's limit of a 64 x 64 matrix, not of a convolution.
    limit = np.sqrt(6.0 / 128)
    assert 0.9 * limit < np.abs(layer.query_kernel).max() <= limit


def test_errors():
    with pytest.raises(ValueError, match="must divide `num_heads`"):
        MultiHeadAttention(4, 3, num_key_value_heads=3)
    with pytest.raises(ValueError, match="cannot drop"):
        MultiHeadAttention(4, 3, dropout=0.1, blockwise=True)
    with pytest.raises(ValueError, match="3 heads cannot share a width of 8"):
        MultiHeadAttention(3)(X)
    with pytest.raises(ValueError, match="set `blockwise=False`"):
        MultiHeadAttention(2, blockwise=True)(X, return_attention_scores=True)
    with pytest.raises(ValueError, match="set `blockwise=False`"):
        MultiHeadAttention(2, blockwise=True)(
            keras.Input((6, 8)), return_attention_scores=True
        )


def test_floats_are_masks_where_they_are_0_and_1():
    x = np.random.default_rng(0).normal(size=(2, 4, 8)).astype("float32")
    layer = MultiHeadAttention(2, 4)
    sees = np.tril(np.ones((4, 4), "float32"))
    np.testing.assert_array_equal(
        layer(x, attention_mask=sees), layer(x, attention_mask=sees > 0)
    )
    added = np.where(sees, 0.0, -1e9)
    with pytest.raises(ValueError, match=r"`attention_mask` .* `mask == 0`"):
        layer(x, attention_mask=added)
    with pytest.raises(ValueError, match=r"`padding_mask` .* `mask == 0`"):
        layer(x, padding_mask=added[:2])


def test_what_does_not_fit_the_queries_is_told():
    x = np.random.default_rng(0).normal(size=(2, 4, 8)).astype("float32")
    layer = MultiHeadAttention(2, 4)
    layer(x, x)
    with pytest.raises(ValueError, match=r"as many rows.*\[2, 1, 1\]"):
        layer(x, x[:1])
    with pytest.raises(ValueError, match=r"key .* \(batch_size, time, 8\)"):
        layer(x, x[..., :5])
    block = TransformerDecoderBlock(2, 16)
    block(x, x)
    with pytest.raises(ValueError, match="as many rows"):
        block(x[:1], x)
    with pytest.raises(ValueError, match=r"key .* \(batch_size, time, 8\)"):
        block(x, x[:, 0])


def test_ragged_inputs_are_refused_by_their_name():
    ragged = tf.RaggedTensor.from_row_lengths(Y[0, :3], [1, 2])
    layer = MultiHeadAttention(2, 4)
    layer(X, Y)
    with pytest.raises(ValueError, match=r"rows up: `value.to_tensor\(\)`"):
        layer(X, ragged)
