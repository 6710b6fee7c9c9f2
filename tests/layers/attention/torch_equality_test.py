"""Our attention and blocks equal PyTorch's, with the weights copied over.

PyTorch stacks the projections of queries, keys and values in one matrix, rows
for outputs; its masks are True where a key must not be seen.
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers
from keras_genseq.ops.attention import dot_product_attention

torch = pytest.importorskip("torch", reason="PyTorch is a peer, not needed")

HEADS, WIDTH, INNER = 2, 8, 12
X = np.random.default_rng(0).normal(size=(2, 6, WIDTH)).astype("float32")
SOURCE = np.random.default_rng(1).normal(size=(2, 4, WIDTH)).astype("float32")
PADDING = np.array([[1, 1, 1, 0], [1, 1, 1, 1]], bool)
NORM_FIRST = pytest.mark.parametrize(
    "norm_first", [False, True], ids=["post_norm", "pre_norm"]
)


def arrays(module, of):
    """Weights of a layer of attention, or what `of` takes of them."""
    kernel = of(module.in_proj_weight).reshape(3, HEADS, -1, WIDTH)
    bias = of(module.in_proj_bias).reshape(3, HEADS, -1)
    found = []
    for k, b in zip(kernel, bias, strict=True):
        found += [k.transpose(2, 0, 1), b]
    out = of(module.out_proj.weight).T.reshape(HEADS, -1, WIDTH)
    return [*found, out, of(module.out_proj.bias)]


def weights_of(module, of=lambda p: p.detach().numpy()):
    """What a block holds, as our block orders it."""
    is_decoder = hasattr(module, "multihead_attn")
    norms = [[of(n.weight), of(n.bias)] for n in (module.norm1, module.norm2)]
    dense = []
    for linear in (module.linear1, module.linear2):
        dense += [of(linear.weight).T, of(linear.bias)]
    parts = {
        "self_attention": arrays(module.self_attn, of),
        "self_attention_norm": norms[0],
        "feed_forward": dense,
        "feed_forward_norm": norms[1],
    }
    if is_decoder:
        parts["cross_attention"] = arrays(module.multihead_attn, of)
        parts["cross_attention_norm"] = norms[1]
        last = module.norm3
        parts["feed_forward_norm"] = [of(last.weight), of(last.bias)]
    return parts


def randomized(module):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(
                0.5 * torch.randn(parameter.shape, generator=generator)
            )
    return module


def assert_equal(theirs, ours, inputs, their_options, our_options):
    """Outputs and gradients of inputs and weights agree."""
    for name, weights in weights_of(theirs).items():
        getattr(ours, name).set_weights(weights)
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    expected = theirs(*tensors, **their_options)
    torch.sin(expected).sum().backward()
    constants = [tf.constant(x) for x in inputs]
    parts = weights_of(theirs, lambda p: p.grad.numpy())
    variables = [getattr(ours, n).trainable_variables for n in parts]
    with tf.GradientTape() as tape:
        tape.watch(constants)
        outputs = ours(*constants, **our_options)
        loss = tf.reduce_sum(tf.sin(outputs))
    d_inputs, d_weights = tape.gradient(loss, (constants, variables))
    np.testing.assert_allclose(expected.detach(), outputs, atol=1e-5)
    for a, b in zip(tensors, d_inputs, strict=True):
        np.testing.assert_allclose(a.grad, b, atol=1e-5)
    for a, b in zip(parts.values(), d_weights, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, atol=1e-5)


def options(norm_first):
    ours = {"norm_first": norm_first, "norm_epsilon": 1e-5, "dropout": 0.0}
    theirs = {"norm_first": norm_first, "dropout": 0.0, "batch_first": True}
    return ours, theirs


@NORM_FIRST
def test_an_encoder_block(norm_first):
    our_options, their_options = options(norm_first)
    theirs = torch.nn.TransformerEncoderLayer(
        WIDTH, HEADS, INNER, **their_options
    )
    ours = layers.TransformerEncoderBlock(HEADS, INNER, **our_options)
    ours.build(SOURCE.shape)
    assert_equal(
        randomized(theirs),
        ours,
        [SOURCE],
        {"src_key_padding_mask": torch.tensor(~PADDING)},
        {"padding_mask": PADDING},
    )


@NORM_FIRST
def test_a_decoder_block(norm_first):
    our_options, their_options = options(norm_first)
    theirs = torch.nn.TransformerDecoderLayer(
        WIDTH, HEADS, INNER, **their_options
    )
    ours = layers.TransformerDecoderBlock(HEADS, INNER, **our_options)
    ours.build(X.shape, SOURCE.shape)
    future = torch.triu(torch.ones(6, 6, dtype=torch.bool), 1)
    assert_equal(
        randomized(theirs),
        ours,
        [X, SOURCE],
        {
            "tgt_mask": future,
            "memory_key_padding_mask": torch.tensor(~PADDING),
        },
        {"encoded_padding_mask": PADDING},
    )


@pytest.mark.parametrize("causal", [False, True])
def test_scaled_dot_product_attention(causal):
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(2, 3, 5, 4)).astype("float32") for _ in "qkv"]
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    expected = torch.nn.functional.scaled_dot_product_attention(
        *tensors, is_causal=causal
    )
    torch.sin(expected).sum().backward()
    constants = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(constants)
        x, _ = dot_product_attention(*constants, use_causal_mask=causal)
        loss = tf.reduce_sum(tf.sin(x))
    np.testing.assert_allclose(expected.detach(), x, atol=1e-5)
    for a, b in zip(tensors, tape.gradient(loss, constants), strict=True):
        np.testing.assert_allclose(a.grad, b, atol=1e-5)
