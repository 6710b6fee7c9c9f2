import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.attention import dot_product_attention
from keras_genseq.ops.blockwise_attention import blockwise_attention


def heads(time, dim, seed, num_heads=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, num_heads, time, dim))
    return tf.constant(x, tf.float32)


Q, K, V = heads(5, 3, 0), heads(7, 3, 1), heads(7, 6, 2)


def by_hand(query, key, value, mask):
    """The definition, in double precision."""
    query, key, value = (np.float64(x) for x in (query, key, value))
    scores = query @ key.swapaxes(2, 3) / np.sqrt(query.shape[-1])
    weights = np.where(mask, np.exp(scores), 0.0)
    total = weights.sum(-1, keepdims=True)
    return weights / np.where(total > 0, total, 1.0) @ value


MASKS = {
    "none": (None, np.ones((2, 1, 5, 7), bool)),
    "padding": (np.arange(7)[None] < np.array([[7], [3]]),) * 2,
    "rows_of_padding": (np.zeros((2, 7), bool), np.zeros((2, 1, 5, 7), bool)),
}
CAUSAL = pytest.mark.parametrize("causal", [False, True])


def visible(name, causal):
    """The padding mask of that name, and all that queries may see."""
    padding, mask = MASKS[name]
    mask = mask[:, None, None] if mask.ndim == 2 else mask
    if causal:
        mask = mask & (np.arange(5)[:, None] >= np.arange(7))
    return padding, mask


@CAUSAL
@pytest.mark.parametrize("name", MASKS)
def test_equals_the_definition(name, causal):
    padding, mask = visible(name, causal)
    wide = None if padding is None else tf.constant(padding)[:, None, None]
    x, weights = dot_product_attention(Q, K, V, wide, use_causal_mask=causal)
    np.testing.assert_allclose(x, by_hand(Q, K, V, mask), atol=1e-6)
    assert not np.asarray(weights)[~np.broadcast_to(mask, weights.shape)].any()


@pytest.mark.parametrize(
    "name, causal, block_size, jit",
    [
        ("none", False, 7, False),
        ("none", True, 3, True),
        ("padding", False, 64, False),
        ("padding", True, 3, True),
        ("rows_of_padding", True, 3, False),
    ],
)
def test_blocks_equal_the_whole(name, causal, block_size, jit):
    padding, _ = visible(name, causal)
    padding = None if padding is None else tf.constant(padding)
    wide = None if padding is None else padding[:, None, None]
    shared = (Q, K[:, :2], V[:, :2])

    def results(attention):
        with tf.GradientTape() as tape:
            tape.watch(shared)
            x = attention(*shared)
            loss = tf.reduce_sum(tf.sin(x))
        return [x, *tape.gradient(loss, shared)]

    whole = results(
        lambda *x: dot_product_attention(*x, wide, use_causal_mask=causal)[0]
    )
    compiled = tf.function(results, jit_compile=jit, autograph=False)
    blocks = compiled(
        lambda *x: blockwise_attention(
            *x, padding, use_causal_mask=causal, block_size=block_size
        )
    )
    for a, b in zip(whole, blocks, strict=True):
        assert np.isfinite(b).all()
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_blocks_take_a_length_that_the_graph_does_not_know():
    spec = tf.TensorSpec((None, 4, None, 3), tf.float32)
    call = tf.function(blockwise_attention, input_signature=[spec] * 3)
    for time in (5, 130):
        q, k, v = (heads(time, 3, seed) for seed in (0, 1, 2))
        whole, _ = dot_product_attention(q, k, v)
        np.testing.assert_allclose(whole, call(q, k, v), atol=1e-5)


def test_no_tensor_of_the_gradient_is_as_large_as_the_scores():
    time = 1024
    q, k, v = (heads(time, 3, seed, num_heads=1) for seed in (0, 1, 2))

    @tf.function
    def gradient(q, k, v):
        with tf.GradientTape() as tape:
            tape.watch((q, k, v))
            x = blockwise_attention(q, k, v, use_causal_mask=True)
            loss = tf.reduce_sum(x * x)
        return tape.gradient(loss, (q, k, v))

    graph = gradient.get_concrete_function(q, k, v).graph
    functions = [graph, *(f.graph for f in graph._functions.values())]
    sizes = [
        t.shape.num_elements() or 0
        for g in functions
        for op in g.get_operations()
        for t in op.outputs
    ]
    assert 2 * time * 128 <= max(sizes) < 2 * time * time / 4


def test_a_single_key_gives_its_value():
    x, _ = dot_product_attention(Q, K[:, :, :1], V[:, :, :1])
    np.testing.assert_allclose(x, np.repeat(V[:, :, :1], 5, axis=2), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_softmax_is_float32(dtype):
    q, k, v = (tf.cast(30.0 * x, dtype) for x in (Q, K, V))
    x, weights = dot_product_attention(q, k, v)
    assert x.dtype == dtype and weights.dtype == tf.float32
    assert np.isfinite(np.array(x, "float32")).all()
    np.testing.assert_allclose(np.sum(weights, -1), 1.0, rtol=1e-6)


def test_blocks_of_a_free_length_take_no_negative_remainders():
    # Python floors them, ONNX and LiteRT truncate.
    shape = (None, 2, None, 4)
    function = tf.function(lambda *x: blockwise_attention(*x), autograph=False)
    concrete = function.get_concrete_function(*[tf.TensorSpec(shape)] * 3)
    remainders = [
        op for op in concrete.graph.get_operations() if op.type == "FloorMod"
    ]
    assert remainders
    for op in remainders:
        assert all(x.op.type != "Neg" for x in op.inputs)


@pytest.mark.parametrize("blockwise", [False, True])
def test_a_window_reaches_both_ways_unless_it_is_causal(blockwise):
    # Values tell which keys were seen.
    q, k = tf.zeros((1, 1, 5, 2)), tf.zeros((1, 1, 5, 2))
    v = tf.eye(5)[None, None]
    for causal in (False, True):
        options = {"use_causal_mask": causal, "window": 2}
        if blockwise:
            x = blockwise_attention(q, k, v, block_size=2, **options)
        else:
            x, _ = dot_product_attention(q, k, v, **options)
        i, j = np.indices((5, 5))
        seen = (abs(i - j) < 2) & (~np.bool_(causal) | (i >= j))
        np.testing.assert_array_equal(x[0, 0] > 0, seen)
