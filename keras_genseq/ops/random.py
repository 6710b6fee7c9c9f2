"""Noise with one seed per example: the same on any replica, in any batch.

TensorFlow's own stateless kernels give other numbers under XLA than outside,
and take one seed per call. This generator is integer arithmetic: eager code, a
graph, XLA and an exported SavedModel draw the same bits, and what a row draws
depends on that row's seed alone.
"""

import numpy as np
from keras import ops

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def _uint32(x):
    return ops.cast(x, "uint32")


def _rotate_left(x, bits):
    # A shift to the left and an "or", in operations that TFLite has, too.
    left = x * _uint32(2**bits)
    return ops.bitwise_xor(left, ops.right_shift(x, _uint32(32 - bits)))


def threefry2x32(key, counter):
    """The Threefry-2x32 generator with 20 rounds.

    Args:
        key: pair of uint32 tensors.
        counter: pair of uint32 tensors that broadcast against the key.

    Returns:
        Pair of uint32 tensors of random bits.

    References:
        - [Salmon et al., 2011](https://doi.org/10.1145/2063384.2063405)
    """
    key = (_uint32(key[0]), _uint32(key[1]))
    parity = ops.bitwise_xor(ops.bitwise_xor(*key), _uint32(_PARITY))
    schedule = (*key, parity)
    x = _uint32(counter[0]) + schedule[0]
    y = _uint32(counter[1]) + schedule[1]
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            x = x + y
            y = ops.bitwise_xor(_rotate_left(y, bits), x)
        x = x + schedule[(group + 1) % 3]
        y = y + schedule[(group + 2) % 3] + _uint32(group + 1)
    return x, y


def row_seeds(seed, num_rows):
    """Spreads one seed over the rows of a batch.

    Args:
        seed: int or integer scalar tensor.
        num_rows: int or integer scalar tensor.

    Returns:
        int32 tensor `(num_rows,)`; its first n entries do not depend on
        `num_rows`.
    """
    return seeds_of_rows(seed, ops.arange(num_rows, dtype="int32"))


def seeds_of_rows(seed, rows, step=0):
    """Seeds of numbered rows, at a step of whatever is repeated.

    Args:
        seed: int or integer scalar tensor.
        rows: `(num_rows,)` integers, the numbers of the rows.
        step: int or integer scalar tensor.

    Returns:
        int32 tensor `(num_rows,)`; a seed depends on `seed`, `step` and the
        number of its row alone.
    """
    rows = _uint32(rows)
    zero = ops.zeros_like(rows)
    key = (_uint32(seed) + zero, _uint32(step) + zero)
    bits, _ = threefry2x32(key, (rows, zero))
    # Non-negative, so that the seeds survive any integer type of a client.
    return ops.cast(ops.right_shift(bits, _uint32(1)), "int32")


def hashes_of_rows(bits):
    """A number for each row, from all of its bits and their positions.

    Args:
        bits: `(num_rows, size)` uint32 tensor.

    Returns:
        uint32 tensor `(num_rows,)`.
    """
    columns = _uint32(ops.arange(bits.shape[-1], dtype="int32"))[None, :]
    mixed, _ = threefry2x32((bits, ops.zeros_like(bits)), (columns, columns))
    return ops.sum(mixed, axis=-1)


def row_uniform(seeds, size, stream=0):
    """Uniform noise for each row of a batch from that row's seed.

    Args:
        seeds: `(batch_size,)` integers.
        size: int. Draws per row.
        stream: int. Rows with equal seeds draw unrelated noise from different
            streams.

    Returns:
        float32 tensor `(batch_size, size)` in the open interval (0, 1).
    """
    return row_uniforms(seeds, 1, size, stream=stream)[:, 0]


def row_uniforms(seeds, num_draws, size, *, first=0, stream=0):
    """Several draws of `row_uniform` for each row.

    Args:
        seeds: `(batch_size,)` integers.
        num_draws: int.
        size: int. Numbers per draw.
        first: int or integer scalar tensor. Number of the first draw: a draw
            depends on its row's seed and its number alone.
        stream: as for `row_uniform`.

    Returns:
        float32 tensor `(batch_size, num_draws, size)`; draw 0 is that of
        `row_uniform`.
    """
    columns = _uint32(ops.arange(size, dtype="int32"))[None, None, :]
    draws = _uint32(ops.arange(num_draws, dtype="int32")) + _uint32(first)
    rows = _uint32(seeds)[:, None, None]
    bits, _ = threefry2x32(
        (rows, ops.zeros_like(rows) + _uint32(stream)),
        (columns, draws[None, :, None]),
    )
    # 23 bits and a half: never 0, never 1, exact in float32.
    high = ops.cast(ops.right_shift(bits, _uint32(9)), "float32")
    return (high + 0.5) * 2.0**-23


def path_seeds(seeds, num_paths):
    """Gives every row several seeds of its own.

    Args:
        seeds: `(batch_size,)` integers.
        num_paths: int.

    Returns:
        int32 tensor `(batch_size, num_paths)`; entry i of a row depends on
        that row's seed and i alone.
    """
    paths = _uint32(ops.arange(num_paths, dtype="int32"))[None, :]
    rows = _uint32(seeds)[:, None]
    # Another stream than any noise of the rows themselves.
    bits, _ = threefry2x32(
        (rows, ops.zeros_like(rows) + _uint32(_PARITY)),
        (paths, ops.zeros_like(paths)),
    )
    return ops.cast(ops.right_shift(bits, _uint32(1)), "int32")


def row_normal(seeds, size, stream=0):
    """Standard normal noise for each row of a batch from that row's seed.

    Args:
        seeds: as for `row_uniform`.
        size: as for `row_uniform`.
        stream: as for `row_uniform`.

    Returns:
        float32 tensor `(batch_size, size)`.
    """
    return row_normals(seeds, 1, size, stream=stream)[:, 0]


def row_normals(seeds, num_draws, size, *, first=0, stream=0):
    """Several draws of `row_normal` for each row.

    Args:
        seeds: as for `row_uniforms`.
        num_draws: as for `row_uniforms`.
        size: as for `row_uniforms`.
        first: as for `row_uniforms`.
        stream: as for `row_uniforms`.

    Returns:
        float32 tensor `(batch_size, num_draws, size)`.
    """
    uniforms = row_uniforms(seeds, num_draws, size, first=first, stream=stream)
    return normal_quantile(uniforms)


# Of Wichura (1988), algorithm PPND7: numerators and denominators, from the
# constant term on, near the median and in the tails.
_CENTER = (
    (3.3871327179, 50.434271938, 159.29113202, 59.109374720),
    (1.0, 17.895169469, 78.757757664, 67.187563600),
)
_TAILS = (
    (1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103),
    (1.0, 0.73700164250, 0.12021132975),
)


def normal_quantile(probabilities):
    """Values below which a standard normal variable falls so often.

    Of operations that every converter knows, unlike the inverse of the error
    function; its float32 results are within 4e-7 of the true ones, relatively,
    down to a probability of 1e-10.

    Args:
        probabilities: float32 tensor of numbers in [0, 1].

    Returns:
        float32 tensor of the same shape.

    References:
        - [Wichura, 1988](https://doi.org/10.2307/2347330), PPND7
    """
    from_median = probabilities - 0.5
    center = from_median * _ratio(_CENTER, 0.180625 - from_median**2)
    nearer = ops.minimum(probabilities, 1.0 - probabilities)
    tails = _ratio(_TAILS, ops.sqrt(-ops.log(nearer)) - 1.6)
    tails = ops.sign(from_median) * ops.where(nearer > 0.0, tails, np.inf)
    return ops.where(ops.abs(from_median) <= 0.425, center, tails)


def _ratio(coefficients, x):
    """One polynomial divided by another, by Horner's rule."""
    values = []
    for polynomial in coefficients:
        value = polynomial[-1]
        for coefficient in polynomial[-2::-1]:
            value = value * x + coefficient
        values.append(value)
    return values[0] / values[1]
