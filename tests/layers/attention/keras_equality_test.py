"""Our attention stands where Keras's stood: arguments, masks, configs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 6)).astype("float32")
SOURCE = RNG.normal(size=(2, 4, 3)).astype("float32")
GRID = RNG.normal(size=(2, 3, 4, 6)).astype("float32")
OTHER_GRID = RNG.normal(size=(2, 3, 5, 6)).astype("float32")
IDS = np.array([[3, 4, 0, 0], [5, 1, 2, 0]])

ARGUMENTS = {
    "plain": ({}, (X, SOURCE), {}),
    "keys": ({"value_dim": 5}, (X, SOURCE, SOURCE[..., :2]), {}),
    "outputs": ({"output_shape": (2, 7)}, (X, SOURCE), {}),
    "gate": ({"use_gate": True, "value_dim": 5}, (X, SOURCE), {}),
    "no_bias": ({"use_gate": True, "use_bias": False}, (X, X), {}),
    "window": ({"sliding_window": 2}, (X, X), {}),
    "causal_window": ({"sliding_window": 2}, (X, X), {"use_causal_mask": True}),
    "initializers": (
        {"bias_initializer": "ones", "kernel_initializer": "ones"},
        (X, SOURCE),
        {},
    ),
    "one_axis": ({"attention_axes": 2}, (GRID, OTHER_GRID), {}),
    "first_axis": ({"attention_axes": -3}, (GRID, GRID), {}),
    "all_axes": ({}, (GRID, OTHER_GRID[:, :2]), {}),
    "mask_of_an_axis": (
        {"attention_axes": (2,)},
        (GRID, OTHER_GRID),
        {"attention_mask": np.arange(5) < np.array([[3], [4], [5], [1]])},
    ),
    "mask_of_heads": (
        {},
        (X, SOURCE),
        {"attention_mask": RNG.random((2, 2, 5, 4)) < 0.7},
    ),
}


def twins(options, inputs):
    """Keras's layer and ours, made from its config, of equal weights."""
    theirs = keras.layers.MultiHeadAttention(2, 4, **options)
    theirs(*inputs)
    ours = layers.MultiHeadAttention.from_config(theirs.get_config())
    ours(*inputs)
    shapes = [w.shape for w in theirs.weights]
    assert [w.shape for w in ours.weights] == shapes
    if "kernel_initializer" not in options:
        theirs.set_weights([0.5 * RNG.normal(size=s) for s in shapes])
        ours.set_weights(theirs.get_weights())
    return theirs, ours


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_does_what_it_does_there(name):
    options, inputs, call = ARGUMENTS[name]
    layers_ = twins(options, inputs)
    found = []
    for layer in layers_:
        tensors = [tf.constant(x) for x in inputs]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            x, scores = layer(*tensors, return_attention_scores=True, **call)
            loss = tf.reduce_sum(tf.sin(x))
        variables = layer.trainable_variables
        gradients = tape.gradient(loss, [*tensors, *variables])
        found.append([x, scores, *gradients])
        symbols = [keras.Input(batch_shape=x.shape) for x in inputs]
        spec, weights = layers_[1](*symbols, return_attention_scores=True)
        assert spec.shape == x.shape and weights.shape == scores.shape
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("name", ["outputs", "gate", "window", "one_axis"])
def test_configs_go_there_and_back(name):
    options, inputs, _ = ARGUMENTS[name]
    theirs, ours = twins(options, inputs)
    again = keras.layers.MultiHeadAttention.from_config(ours.keras_config())
    again(*inputs)
    again.set_weights(ours.get_weights())
    assert again.get_config() == theirs.get_config()
    np.testing.assert_array_equal(again(*inputs), theirs(*inputs))


def test_what_keras_lacks_has_no_config_of_its():
    for options in ({"rotary": True}, {"num_key_value_heads": 1}):
        layer = layers.MultiHeadAttention(2, 4, **options)
        with pytest.raises(ValueError, match="has no `rotary`, no"):
            layer.keras_config()
    with pytest.raises(ValueError, match="needs a `key_dim`"):
        layers.MultiHeadAttention(2).keras_config()


def test_regularizers_constraints_and_seeds():
    options = {
        "kernel_regularizer": keras.regularizers.L2(0.1),
        "bias_regularizer": keras.regularizers.L1(0.2),
        "activity_regularizer": keras.regularizers.L2(0.3),
        "kernel_constraint": "non_neg",
        "bias_constraint": "max_norm",
    }
    theirs, ours = twins(options, (X, SOURCE))
    expected, found = [], []
    for layer, losses in ((theirs, expected), (ours, found)):
        layer(X, SOURCE)
        losses.extend(float(loss) for loss in layer.losses)
        assert len(layer.losses) == 12
    np.testing.assert_allclose(sorted(found), sorted(expected), rtol=1e-5)
    kinds = [type(w.constraint).__name__ for w in ours.weights]
    assert kinds == ["NonNeg", "MaxNorm"] * 4
    first, second = (
        layers.MultiHeadAttention(2, 4, dropout=0.5, seed=3) for _ in range(2)
    )
    first(X), second(X)
    second.set_weights(first.get_weights())
    np.testing.assert_array_equal(
        first(X, training=True), second(X, training=True)
    )
    assert np.abs(first(X, training=True) - first(X)).max() > 0.01


def embed(ids, seed):
    table = keras.layers.Embedding(
        10, 6, mask_zero=True, embeddings_initializer=uniform(seed)
    )
    return table(ids)


def uniform(seed):
    return keras.initializers.RandomUniform(-1.0, 1.0, seed=seed)


@pytest.mark.parametrize("causal", [False, True])
def test_masks_that_tensors_carry_are_read(causal):
    theirs, ours = twins({}, (X, X))
    query, value = embed(IDS, 1), embed(IDS[:, 1:], 2)
    expected = theirs(query, value, use_causal_mask=causal)
    query, value = embed(IDS, 1), embed(IDS[:, 1:], 2)
    x = ours(query, value, use_causal_mask=causal)
    np.testing.assert_allclose(x[IDS > 0], expected[IDS > 0], atol=1e-5)
    np.testing.assert_array_equal(x._keras_mask, IDS > 0)
    given = ours(
        np.array(query),
        np.array(value),
        query_mask=IDS > 0,
        value_mask=IDS[:, 1:] > 0,
        use_causal_mask=causal,
    )
    np.testing.assert_array_equal(given, x)
    np.testing.assert_array_equal(given._keras_mask, IDS > 0)
    unmasked = ours(np.array(query), np.array(value), use_causal_mask=causal)
    assert np.abs((unmasked - x).numpy()[IDS > 0]).max() > 0.01


def test_masks_of_keys_count_and_given_ones_come_first():
    layer = layers.MultiHeadAttention(2, 4)
    query, value = embed(IDS, 1), embed(IDS, 2)
    plain = np.array(value)
    seen = np.arange(4) < np.array([[3], [2]])
    by_padding = layer(query, plain, padding_mask=seen)
    by_key = layer(query, plain, plain, key_mask=seen)
    np.testing.assert_array_equal(by_padding, by_key)
    # Instead of the mask that the values carry.
    np.testing.assert_array_equal(
        layer(query, value, padding_mask=seen), by_padding
    )
    np.testing.assert_array_equal(
        layer(query, value, value_mask=seen), by_padding
    )
    both = layer(query, plain, plain, value_mask=IDS > 0, key_mask=seen)
    np.testing.assert_array_equal(
        both, layer(query, plain, padding_mask=seen & (IDS > 0))
    )


def test_self_attention_reads_the_mask_of_its_only_input():
    plain, blocks = (
        layers.MultiHeadAttention(2, 4, blockwise=blockwise)
        for blockwise in (False, True)
    )
    x = embed(IDS, 1)
    expected = plain(np.array(x), padding_mask=IDS > 0)
    blocks.build(x.shape)
    blocks.set_weights(plain.get_weights())
    for layer in (plain, blocks):
        y = layer(embed(IDS, 1))
        np.testing.assert_allclose(y[IDS > 0], expected[IDS > 0], atol=1e-5)
        # Queries that do not count see nothing.
        np.testing.assert_array_equal(y[IDS == 0], np.zeros((3, 6)))


def make_block(kind):
    block_class = {
        "encoder": layers.TransformerEncoderBlock,
        "decoder": layers.TransformerDecoderBlock,
    }[kind]
    return block_class(2, 16, dropout=0.0)


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
@pytest.mark.parametrize("how", ["eager", "graph", "functional"])
def test_blocks_read_masks_and_pass_them_on(kind, how):
    block = make_block(kind)
    x, source = (np.array(embed(IDS, seed)) for seed in (1, 2))
    masks = {"padding_mask": IDS > 0}
    if kind == "decoder":
        masks["encoded_padding_mask"] = IDS > 0
    inputs = (x, source)[: len(masks)]
    expected = block(*inputs, **masks).numpy()
    table = [
        keras.layers.Embedding(
            10, 6, mask_zero=True, embeddings_initializer=uniform(seed)
        )
        for seed in (1, 2)
    ]

    def call(ids):
        return block(*(embedding(ids) for embedding in table[: len(masks)]))

    call(IDS)
    if how == "graph":
        call = tf.function(call)
    elif how == "functional":
        ids = keras.Input((4,), dtype="int32")
        call = keras.Model(ids, call(ids))
    y = call(tf.constant(IDS))
    np.testing.assert_allclose(y.numpy()[IDS > 0], expected[IDS > 0], atol=1e-6)
    if how == "eager":
        np.testing.assert_array_equal(y._keras_mask, IDS > 0)
    assert np.abs(block(*inputs) - expected)[IDS > 0].max() > 0.01


def test_a_decoder_gives_two_symbols_where_it_gives_two_tensors():
    block = make_block("decoder")
    x, source = keras.Input((5, 6)), keras.Input((None, 6))
    y, scores = block(x, source, return_attention_scores=True)
    assert y.shape == (None, 5, 6) and scores.shape == (None, 2, 5, None)
    assert block(x, source).shape == (None, 5, 6)


def test_kernels_of_equal_shapes_start_from_different_numbers():
    layer = layers.MultiHeadAttention(2, 3, use_gate=True)
    layer.build((None, None, 6))
    names = ("query", "key", "gate", "value", "output")
    kernels = [
        np.array(getattr(layer, f"{name}_kernel")).ravel() for name in names
    ]
    assert len({kernel.tobytes() for kernel in kernels}) == 5


def test_a_blockwise_window_equals_the_plain_one():
    plain, blocks = (
        layers.MultiHeadAttention(2, 4, sliding_window=2, flash_attention=flag)
        for flag in (False, True)
    )
    plain(X), blocks(X)
    blocks.set_weights(plain.get_weights())
    for causal in (False, True):
        a, b = (layer(X, use_causal_mask=causal) for layer in (plain, blocks))
        np.testing.assert_allclose(a, b, atol=1e-5)
    with pytest.raises(ValueError, match="cannot drop"):
        layers.MultiHeadAttention(2, 4, dropout=0.1, flash_attention=True)


@pytest.mark.parametrize(
    "call, words",
    [
        ({"value": X, "key": X[:, :4]}, "`value` and `key`, except the last"),
        ({"padding_mask": np.ones((2, 4), bool)}, r"`padding_mask`.*\(2, 5\)"),
        ({"padding_mask": np.ones((2, 5, 1), bool)}, "`padding_mask` must be"),
        ({"query_mask": np.ones((3, 5), bool)}, r"`query_mask`.*\(2, 5\)"),
        ({"attention_mask": np.ones((5,), bool)}, "must have 2 to 4 axes"),
        ({"attention_mask": np.ones((5, 4), bool)}, r"\(1, 1, 5, 4\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call, words):
    layer = layers.MultiHeadAttention(2, 4)
    with pytest.raises(ValueError, match=words):
        layer(X, **call)
    symbols = {
        name: keras.Input(batch_shape=x.shape, dtype=str(x.dtype))
        for name, x in call.items()
    }
    with pytest.raises(ValueError, match=words):
        layer(keras.Input(batch_shape=X.shape), **symbols)


def test_arguments_that_do_not_fit_are_refused():
    for options, words in (
        ({"output_shape": 8, "output_dim": 8}, "another name of `output_sh"),
        ({"sliding_window": 2, "attention_window": 2}, "another name of `sli"),
        ({"output_shape": 8.0}, "Invalid `output_shape`"),
        ({"num_key_value_heads": np.int64(3)}, "must divide `num_heads`"),
    ):
        with pytest.raises(ValueError, match=words):
            layers.MultiHeadAttention(2, 4, **options)
    layer = layers.MultiHeadAttention(2, 4, attention_axes=(1, 2))
    with pytest.raises(ValueError, match=r"from 1 to 1. Rec.*rank 3"):
        layer(X)
