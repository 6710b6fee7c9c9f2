"""Which example goes into which split: pure functions of the counts."""

import numpy as np

SPLIT_SEED = 0


def num_held_out(num_rows):
    """Rows to hold out from a source that has no such split of its own.

    Args:
        num_rows: int. Rows of the training split.

    Returns:
        int: the customary 10,000 of MNIST's 60,000, or a tenth of any other
        number.
    """
    return 10_000 if num_rows == 60_000 else max(1, num_rows // 10)


def shuffled_split(num_rows, held_out=0.1):
    """Draws disjoint train, valid and test rows, the same ones every time.

    Args:
        num_rows: int. Rows to distribute.
        held_out: float. The part of the rows in valid, and again in test.

    Returns:
        dict of split name to a sorted int array of row numbers.
    """
    # RandomState, unlike Generator, promises the same stream in every release.
    order = np.random.RandomState(SPLIT_SEED).permutation(num_rows)
    num_each = max(1, int(num_rows * held_out))
    return {
        "train": np.sort(order[2 * num_each :]),
        "valid": np.sort(order[:num_each]),
        "test": np.sort(order[num_each : 2 * num_each]),
    }
