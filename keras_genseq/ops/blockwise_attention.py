"""Attention block by block: memory grows with the length, not its square.

The softmax is summed online: a running maximum m, normalizer l and output o are
rescaled as blocks of keys come by. The gradient keeps o and the logarithm of
the normalizer alone, and computes every block of weights again.

References:
    - [Milakov and Gimelshein, 2018](https://arxiv.org/abs/1805.02867)
    - [Rabe and Staats, 2021](https://arxiv.org/abs/2112.05682)
    - [Dao et al., 2022](https://arxiv.org/abs/2205.14135)
"""

import functools

from keras import ops

from keras_genseq.ops.attention import EXCLUDED
from keras_genseq.ops.attention import position_mask
from keras_genseq.ops.attention import repeat_heads
from keras_genseq.ops.scan import scan


def blockwise_attention(
    query,
    key,
    value,
    padding_mask=None,
    *,
    use_causal_mask=False,
    window=None,
    block_size=128,
):
    """Equals `dot_product_attention`, at memory linear in both lengths.

    Args:
        query: `(batch_size, num_heads, queries, key_dim)`.
        key: `(batch_size, num_key_value_heads, keys, key_dim)`.
        value: `(batch_size, num_key_value_heads, keys, value_dim)`.
        padding_mask: optional `(batch_size, keys)` booleans, True where a key
            counts.
        use_causal_mask: bool. Whether query i sees only keys up to i.
        window: optional int. Query i sees only keys less than this many
            positions away.
        block_size: int. Keys of a block.

    Returns:
        Tensor `(batch_size, num_heads, queries, value_dim)`.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = repeat_heads(key, groups), repeat_heads(value, groups)
    if padding_mask is None:
        padding_mask = ops.ones_like(key[:, 0, :, 0], dtype="bool")
    blocks_of = functools.partial(_to_blocks, block_size=block_size)
    # (blocks, batch, 1, 1, block_size)
    allowed = blocks_of(padding_mask[:, None, :, None])
    allowed = ops.transpose(allowed, (0, 1, 2, 4, 3))
    starts = ops.arange(ops.shape(allowed)[0], dtype="int32") * block_size
    rows = ops.arange(ops.shape(query)[2], dtype="int32")[:, None]
    scale = query.shape[-1] ** -0.5

    def mask_of(allowed, start):
        columns = start + ops.arange(block_size, dtype="int32")[None, :]
        near = position_mask(rows, columns, use_causal_mask, window)
        return allowed if near is None else allowed & near

    def scores_of(query, key, mask):
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        return ops.where(mask, ops.cast(scores, "float32"), EXCLUDED)

    @ops.custom_gradient
    def attend(query, key, value):
        scaled = query * ops.cast(scale, query.dtype)

        def forward(carry, block):
            maximum, normalizer, output = carry
            k, v, allowed, start = block
            mask = mask_of(allowed, start)
            scores = scores_of(scaled, k, mask)
            largest = ops.max(scores, axis=-1, keepdims=True)
            largest = ops.maximum(maximum, largest)
            weights = ops.where(mask, ops.exp(scores - largest), 0.0)
            decay = ops.exp(maximum - largest)
            total = ops.sum(weights, axis=-1, keepdims=True)
            new = ops.matmul(ops.cast(weights, v.dtype), v)
            return (
                largest,
                decay * normalizer + total,
                decay * output + ops.cast(new, "float32"),
            ), ()

        zeros = ops.zeros_like(query[..., :1], dtype="float32")
        first = (
            zeros + EXCLUDED,
            zeros,
            zeros + ops.zeros((value.shape[-1],), "float32"),
        )
        blocks = (blocks_of(key), blocks_of(value), allowed, starts)
        (maximum, normalizer, output), _ = scan(forward, first, blocks)
        is_seen = normalizer > 0.0
        normalizer = ops.where(is_seen, normalizer, 1.0)
        output = output / normalizer
        log_normalizer = maximum + ops.log(normalizer)

        def gradient(upstream):
            upstream = ops.cast(upstream, "float32")
            # Sum over the keys of weight * d(weight), for each query.
            mean = ops.sum(upstream * output, axis=-1, keepdims=True)
            d_output = ops.cast(upstream, query.dtype)

            def backward(d_query, block):
                k, v, allowed, start = block
                mask = mask_of(allowed, start)
                scores = scores_of(scaled, k, mask)
                weights = ops.exp(scores - log_normalizer)
                weights = ops.where(mask, weights, 0.0)
                d_weights = ops.matmul(d_output, _swapped(v))
                d_scores = weights * (ops.cast(d_weights, "float32") - mean)
                d_scores = ops.cast(d_scores, k.dtype)
                d_value = ops.matmul(
                    _swapped(ops.cast(weights, v.dtype)), d_output
                )
                d_key = ops.matmul(_swapped(d_scores), scaled)
                part = ops.cast(ops.matmul(d_scores, k), "float32")
                return d_query + part, (d_key, d_value)

            first = ops.zeros_like(query, dtype="float32")
            d_query, (d_key, d_value) = scan(backward, first, blocks)
            num_keys = ops.shape(key)[2]
            return (
                ops.cast(d_query * scale, query.dtype),
                _from_blocks(d_key)[:, :, :num_keys],
                _from_blocks(d_value)[:, :, :num_keys],
            )

        return ops.cast(output, value.dtype), gradient

    return attend(query, key, value)


def _swapped(x):
    return ops.transpose(x, (0, 1, 3, 2))


def _to_blocks(x, block_size):
    """`(B, H, time, D)` to `(blocks, B, H, block_size, D)`, filled with 0."""
    rows, heads, time, width = ops.shape(x)
    # Not `-time % block_size`: converters truncate where Python floors.
    missing = (block_size - time % block_size) % block_size
    x = ops.pad(x, [[0, 0], [0, 0], [0, missing], [0, 0]])
    x = ops.reshape(x, (rows, heads, -1, block_size, width))
    return ops.transpose(x, (2, 0, 1, 3, 4))


def _from_blocks(x):
    """`(blocks, B, H, block_size, D)` to `(B, H, time, D)`."""
    _, rows, heads, _, width = ops.shape(x)
    x = ops.transpose(x, (1, 2, 0, 3, 4))
    return ops.reshape(x, (rows, heads, -1, width))
