"""Numbers for the last symbols of a sequence, and the counts of a chain."""

import numpy as np
from keras import ops

_LARGEST_CODE = 2**63 - 1


def context_offsets(num_states, order):
    """Where the contexts of each length begin in a common numbering.

    Contexts of length j, read as numbers of j digits in base `num_states`, get
    the numbers from `offsets[j]` on, `offsets[order + 1]` being their count.

    Args:
        num_states: int.
        order: int. Length of the longest contexts.

    Returns:
        int64 array `(order + 2,)`.

    Raises:
        ValueError: if int64 cannot hold the numbers.
    """
    offsets = [0]
    for length in range(order + 1):
        offsets.append(offsets[-1] + num_states**length)
    # Counting numbers contexts together with the symbol that follows.
    if num_states ** (order + 1) > _LARGEST_CODE:
        raise ValueError(
            f"{num_states} states and order {order} make {num_states}^"
            f"{order + 1} transitions, more than int64 can number. Choose a "
            "smaller `order`, or fewer states."
        )
    return np.array(offsets, "int64")


def context_codes(x, num_states, order):
    """The context before each step of a batch of sequences.

    The latest symbol is the digit of least weight. A context ends where a
    sequence begins and at a step of padding.

    Args:
        x: `(batch_size, time)` int32 tensor; negative ids are padding.
        num_states: int.
        order: int. Length of the longest contexts.

    Returns:
        Pair of `(batch_size, time)` tensors: int64 codes, and the lengths of
        the contexts, int32.
    """
    codes = ops.zeros_like(x, "int64")
    lengths = ops.zeros_like(x)
    alive = ops.ones_like(x, "bool")
    num_steps = ops.shape(x)[1]
    for j in range(1, order + 1):
        # `num_steps` cuts what a sequence shorter than j would add.
        earlier = ops.pad(x, [[0, 0], [j, 0]], constant_values=-1)
        earlier = earlier[:, :num_steps]
        alive = ops.logical_and(alive, earlier >= 0)
        digit = ops.where(alive, ops.cast(earlier, "int64"), 0)
        codes = codes + digit * num_states ** (j - 1)
        lengths = lengths + ops.cast(alive, "int32")
    return codes, lengths


def next_context(code, length, symbol, num_states, order):
    """The context after one more symbol.

    Args:
        code: `(batch_size,)` int64 tensor.
        length: `(batch_size,)` int32 tensor.
        symbol: `(batch_size,)` int32 tensor; a negative one begins anew.
        num_states: int.
        order: int.

    Returns:
        Pair of tensors like `code` and `length`.
    """
    known = ops.cast(ops.maximum(symbol, 0), "int64")
    kept = num_states ** max(order - 1, 0)
    # Without the oldest symbol first: the product stays below int64's end.
    code = (code % kept) * num_states + known if order else code
    is_padding = symbol < 0
    length = ops.minimum(length + 1, order)
    return (
        ops.where(is_padding, ops.zeros_like(code), code),
        ops.where(is_padding, ops.zeros_like(length), length),
    )


def lower_bound(numbers, values):
    """How many of ascending numbers are below each value, by bisection.

    `tf.searchsorted` under XLA compares every value with every number, in
    memory for all the pairs.

    Args:
        numbers: `(count,)` int64 tensor, ascending.
        values: int64 tensor of any shape.

    Returns:
        int32 tensor like `values`.
    """
    count = numbers.shape[0]
    below = ops.zeros_like(values, "int32")
    for bit in reversed(range(count.bit_length())):
        further = below + 2**bit
        last = ops.take(numbers, ops.minimum(further, count) - 1)
        is_below = ops.logical_and(further <= count, last < values)
        below = ops.where(is_below, further, below)
    return below
