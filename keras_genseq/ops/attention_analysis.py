"""What attention looks at: summaries of its weights and of positions."""

from keras import ops


def attention_rollout(weights):
    """How much of each input there is in each output of a stack of attention.

    Each layer is its mean over heads and its shortcut, half each; the layers
    are multiplied: R = A_L ... A_1 with A = (mean of heads + I) / 2.

    Args:
        weights: `(batch_size, num_layers, num_heads, time, time)`, rows that
            sum to 1.

    Returns:
        float32 tensor `(batch_size, time, time)` of values of at least 0; row
        i is the share of each input in output i and sums to 1.

    References:
        - [Abnar & Zuidema, 2020](https://arxiv.org/abs/2005.00928)
    """
    layers = ops.mean(ops.cast(weights, "float32"), axis=2)
    layers = 0.5 * (layers + ops.eye(weights.shape[-1], dtype="float32"))
    layers = layers / ops.sum(layers, axis=-1, keepdims=True)
    rollout = layers[:, 0]
    for i in range(1, weights.shape[1]):
        rollout = ops.matmul(layers[:, i], rollout)
    return rollout


def mean_attention_distance(weights, grid_shape, patch_size=1):
    """How far from itself a patch looks, on average, in each head.

    Args:
        weights: `(batch_size, ..., patches, patches)` weights of attention
            between the patches of a grid, in raster order. Rows need not sum to
            1: what goes to other tokens does not count.
        grid_shape: pair of ints, (rows, columns).
        patch_size: number, or pair: height and width of a patch in pixels.

    Returns:
        float32 tensor `(...)`: pixels, averaged over examples and patches.
    """
    rows, columns = grid_shape
    height, width = _pair(patch_size)
    index = ops.arange(rows * columns, dtype="int32")
    y = ops.cast(index // columns, "float32") * height
    x = ops.cast(index % columns, "float32") * width
    distance = ops.sqrt(
        (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2
    )  # (patches, patches)
    weights = ops.cast(weights, "float32")
    total = ops.sum(weights, axis=-1)
    far = ops.sum(weights * distance, axis=-1)
    return ops.mean(ops.divide_no_nan(far, total), axis=(0, -1))


def position_similarity(positions):
    """Cosine of the vector of each position with those of all others.

    Args:
        positions: `(rows, columns, width)` floats.

    Returns:
        float32 tensor `(rows, columns, rows, columns)` in [-1, 1].
    """
    rows, columns, width = positions.shape
    x = ops.reshape(ops.cast(positions, "float32"), (rows * columns, width))
    lengths = ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True))
    x = x / ops.maximum(lengths, 1e-12)
    cosines = ops.matmul(x, ops.transpose(x))
    return ops.reshape(cosines, (rows, columns, rows, columns))


def _pair(size):
    return size if isinstance(size, (tuple, list)) else (size, size)
