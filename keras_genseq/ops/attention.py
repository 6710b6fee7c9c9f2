"""Scaled dot-product attention over heads, masks and what they leave."""

import numpy as np
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
        window: optional int. Query i sees only keys less than this many
            positions away.
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
    hides_all = mask is not None or window is not None
    near = position_mask(
        ops.arange(ops.shape(query)[2], dtype="int32")[:, None],
        ops.arange(ops.shape(key)[2], dtype="int32"),
        use_causal_mask,
        window,
    )
    if near is not None:
        mask = near if mask is None else mask & near
    if mask is not None:
        scores = ops.where(mask, scores, EXCLUDED)
    weights = ops.softmax(scores, axis=-1)
    if hides_all:
        # Where nothing is allowed, the softmax above is uniform.
        weights = ops.where(mask, weights, 0.0)
    dropped = weights if drop is None else drop(weights)
    return ops.matmul(ops.cast(dropped, value.dtype), value), weights


def position_mask(queries, keys, use_causal_mask=False, window=None):
    """Which keys a query may see, by their positions.

    Args:
        queries: positions, integers.
        keys: positions that broadcast against them.
        use_causal_mask: bool. Whether only keys up to its own position.
        window: optional int. Only keys less than this many positions away.

    Returns:
        Booleans, or None if every query may see every key.
    """
    if window is None:
        return queries >= keys if use_causal_mask else None
    distance = queries - keys
    if use_causal_mask:
        return (distance >= 0) & (distance < window)
    return ops.abs(distance) < window


def repeat_heads(x, groups):
    """Gives each head `groups` times in a row, along axis 1."""
    return x if groups == 1 else ops.repeat(x, groups, axis=1)


def finite_padding(x, mask):
    """Puts zeros where a padded position holds NaN or infinity.

    A weight of 0 does not hide these: 0 times NaN is NaN, in outputs and in
    gradients. Finite values stay what they are.

    Args:
        x: `(batch_size, time, features)` floats.
        mask: `(batch_size, time)` booleans, False at padding; None changes
            nothing.
    """
    if mask is None:
        return x
    # Not `isfinite`, which not every runtime has.
    is_kept = ops.cast(mask, "bool")[..., None] | (ops.abs(x) < np.inf)
    return ops.where(is_kept, x, ops.zeros_like(x))
