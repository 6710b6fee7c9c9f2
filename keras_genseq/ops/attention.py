"""Scaled dot-product attention over heads, masks and what they leave."""

import tensorflow as tf
from keras import ops

# Finite, and exp(EXCLUDED - x) is 0 for every score x that occurs.
EXCLUDED = -1e30


def dot_product_attention(
    query,
    key,
    value,
    mask=None,
    *,
    use_causal_mask=False,
    window=None,
    drop=None,
):
    """Attends to every key that the masks allow (Eq. 1 of the paper).

    softmax(Q K^T / sqrt(key_dim)) V, the softmax in float32. A query that may
    see no key gives zeros.

    Args:
        query: `(batch_size, num_heads, queries, key_dim)`.
        key: `(batch_size, num_key_value_heads, keys, key_dim)`; each of its
            heads serves as many query heads in turn.
        value: `(batch_size, num_key_value_heads, keys, value_dim)`.
        mask: optional booleans that broadcast to `(batch_size, num_heads,
            queries, keys)`; True where a query may see a key.
        use_causal_mask: bool. Whether query i sees only keys up to i.
        window: optional int. With a causal mask, it sees the last `window` of
            them alone.
        drop: optional function of the weights: dropout.

    Returns:
        Tensor `(batch_size, num_heads, queries, value_dim)` and float32
        weights `(batch_size, num_heads, queries, keys)`.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = repeat_heads(key, groups), repeat_heads(value, groups)
    scale = ops.cast(query.shape[-1] ** -0.5, query.dtype)
    # The keys are read as they lie, without a transposed copy.
    scores = tf.matmul(query * scale, key, transpose_b=True)
    scores = ops.cast(scores, "float32")
    # A causal mask alone leaves every query at least the first key.
    hides_all = mask is not None
    if use_causal_mask:
        causal = causal_mask(
            ops.arange(ops.shape(query)[2])[:, None],
            ops.arange(ops.shape(key)[2]),
            window,
        )
        mask = causal if mask is None else mask & causal
    if mask is not None:
        scores = ops.where(mask, scores, EXCLUDED)
    weights = ops.softmax(scores, axis=-1)
    if hides_all:
        # Where nothing is allowed, the softmax above is uniform.
        weights = ops.where(mask, weights, 0.0)
    dropped = weights if drop is None else drop(weights)
    return ops.matmul(ops.cast(dropped, value.dtype), value), weights


def causal_mask(queries, keys, window=None):
    """Which keys a query may see: none that comes later.

    Args:
        queries: positions, integers.
        keys: positions that broadcast against them.
        window: optional int. Only the last `window` of them, its own included.

    Returns:
        Booleans.
    """
    mask = queries >= keys
    return mask if window is None else mask & (queries - keys < window)


def repeat_heads(x, groups):
    """Gives each head `groups` times in a row, along axis 1."""
    return x if groups == 1 else ops.repeat(x, groups, axis=1)
