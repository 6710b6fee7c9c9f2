import numpy as np


def kernel_distance(a, b):
    """Unbiased squared maximum mean discrepancy of two sets of features.

        mean k(x, x') + mean k(y, y') - 2 mean k(x, y),  x != x', y != y'
        k(x, y) = (x . y / num_features + 1)^3

    Its mean over draws from equal distributions is 0, whatever their number; a
    single value may be negative.

    Args:
        a: `(num_examples, num_features)` array, at least two rows.
        b: `(num_others, num_features)` array, at least two rows.

    Returns:
        float.

    References:
        - [Binkowski et al., 2018](https://arxiv.org/abs/1801.01401), eq. 4
    """
    a, b = (np.asarray(x, "float64") for x in (a, b))
    if min(len(a), len(b)) < 2 or a.shape[1:] != b.shape[1:]:
        raise ValueError(
            "`a` and `b` must be two sets of at least two rows of as many "
            f"features. Received: shapes {a.shape} and {b.shape}"
        )
    within = [_without_diagonal(_kernel(x, x)) for x in (a, b)]
    return float(sum(within) - 2.0 * _kernel(a, b).mean())


def kernel_distances(a, b, num_subsets=100, subset_size=1000, seed=0):
    """Kernel distances of random subsets: a mean with an error bar.

    Args:
        a: as for `kernel_distance`.
        b: as for `kernel_distance`.
        num_subsets: int.
        subset_size: int. Rows of each set in a subset, at most half of the
            smaller set: subsets that are nearly the whole would be equal, and
            their error bar too small.
        seed: int.

    Returns:
        `(num_subsets,)` array.

    Raises:
        ValueError: if a set has fewer than 4 rows.
    """
    rng = np.random.default_rng(seed)
    size = min(subset_size, len(a) // 2, len(b) // 2)
    if size < 2:
        raise ValueError(
            "Subsets of two rows or more need sets of at least 4, and a "
            f"`subset_size` of at least 2. Received: {len(a)} and {len(b)} "
            f"rows, subset_size={subset_size}"
        )
    return np.array(
        [
            kernel_distance(
                a[rng.choice(len(a), size, replace=False)],
                b[rng.choice(len(b), size, replace=False)],
            )
            for _ in range(num_subsets)
        ]
    )


def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def _without_diagonal(kernel):
    count = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))
