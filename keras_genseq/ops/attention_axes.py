"""Attention over some axes of many: between `(B, ..., F)` and `(B, T, F)`."""

import math

from keras import ops


def as_attention_axes(axes, rank):
    """Axes that are attended over, as positive ints in ascending order.

    Args:
        axes: int or sequence of ints, from 1 to `rank - 2` or negative; None
            for all of them.
        rank: int. Rank of queries, batch and features included.

    Raises:
        ValueError: if one is the batch, the features, or no axis at all.
    """
    if axes is None:
        return tuple(range(1, rank - 1))
    axes = (axes,) if isinstance(axes, int) else axes
    positive = sorted(axis + rank if axis < 0 else axis for axis in axes)
    if not positive or not all(0 < axis < rank - 1 for axis in positive):
        raise ValueError(
            "`attention_axes` must be axes between the batch and the features: "
            f"from 1 to {rank - 2}. Received: attention_axes={tuple(axes)} for "
            f"inputs of rank {rank}"
        )
    return tuple(positive)


def fold_axes(x, axes):
    """Makes one axis of the attended axes, and joins all others to the batch.

    Args:
        x: `(batch_size, ..., features)` tensor.
        axes: what `as_attention_axes` returned.

    Returns:
        `(rows, time, features)` tensor.
    """
    rank = len(x.shape)
    if rank == 3:
        return x
    rest = _rest(rank, axes)
    x = ops.transpose(x, (0, *rest, *axes, rank - 1))
    shape = ops.shape(x)
    first = 1 + len(rest)
    # (B, others..., attended..., F) to (rows, time, F)
    rows, time = math.prod(shape[:first]), math.prod(shape[first:-1])
    return ops.reshape(x, (rows, time, shape[-1]))


def unfold_axes(x, axes, shape):
    """Undoes `fold_axes`.

    Args:
        x: `(rows, time, features)` tensor.
        axes: what `as_attention_axes` returned.
        shape: shape of the tensor that was folded, but for its last axis.

    Returns:
        `(batch_size, ..., features)` tensor.
    """
    rank = len(shape) + 1
    if rank == 3:
        return x
    order = (0, *_rest(rank, axes), *axes, rank - 1)
    whole = [*shape, x.shape[-1]]
    x = ops.reshape(x, [whole[axis] for axis in order])
    return ops.transpose(x, [order.index(axis) for axis in range(rank)])


def scores_shape(query_shape, value_shape, num_heads, axes):
    """Shape of attention weights: batch axes, heads, queries, keys.

    Args:
        query_shape, value_shape: shapes of the inputs.
        num_heads: int.
        axes: what `as_attention_axes` returned.
    """
    rest = _rest(len(query_shape), axes)
    return (
        query_shape[0],
        *(query_shape[axis] for axis in rest),
        num_heads,
        *(query_shape[axis] for axis in axes),
        *(value_shape[axis] for axis in axes),
    )


def fold_mask(mask, shape, num_axes):
    """A mask of weights of any rank as one of folded inputs.

    Args:
        mask: booleans. The last `2 * num_axes` axes are queries and keys; what
            stands before them are the first of `(batch, others..., heads)`.
        shape: what `scores_shape` returned.
        num_axes: int. Number of attended axes.

    Returns:
        Booleans that broadcast to `(rows, heads, queries, keys)`.
    """
    split = len(mask.shape) - 2 * num_axes
    leading = len(shape) - 2 * num_axes
    sizes = ops.shape(mask)
    ones = [1] * (leading - split)
    mask = ops.reshape(mask, [*sizes[:split], *ones, *sizes[split:]])
    if len(shape) == 4:
        return mask
    heads = mask.shape[leading - 1]
    whole = [*shape[: leading - 1], heads, *shape[leading:]]
    mask = ops.broadcast_to(mask, whole)
    rows = math.prod(whole[: leading - 1])
    queries = math.prod(whole[leading : leading + num_axes])
    keys = math.prod(whole[leading + num_axes :])
    return ops.reshape(mask, (rows, heads, queries, keys))


def _rest(rank, axes):
    return [axis for axis in range(1, rank - 1) if axis not in axes]
