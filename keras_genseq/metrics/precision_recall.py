import numpy as np


def precision_recall(real, fake, num_neighbors=3, batch_size=1000):
    """How many fakes lie among reals, and how many reals among fakes.

    A set's region is the union of balls around its points, each as wide as the
    distance to the point's k-th neighbor. Precision is low where fakes look
    like no real; recall where kinds of reals are missing among the fakes.

    Args:
        real: `(num_reals, num_features)` array.
        fake: `(num_fakes, num_features)` array.
        num_neighbors: int. The k above.
        batch_size: int. Rows whose distances are held at once.

    Returns:
        Pair of floats in [0, 1].

    Raises:
        ValueError: if a set has no more than `num_neighbors` rows.

    References:
        - [Kynkaanniemi et al., 2019](https://arxiv.org/abs/1904.06991), eq. 2
    """
    real, fake = (np.asarray(x, "float64") for x in (real, fake))
    if min(len(real), len(fake)) <= num_neighbors:
        raise ValueError(
            f"Both sets need more than {num_neighbors} rows. "
            f"Received: {len(real)} and {len(fake)}"
        )
    return (
        _share_inside(fake, real, num_neighbors, batch_size),
        _share_inside(real, fake, num_neighbors, batch_size),
    )


def _share_inside(points, region, num_neighbors, batch_size):
    radii = np.concatenate(
        [
            # The nearest of all is the point itself.
            np.partition(distances, num_neighbors, axis=1)[:, num_neighbors]
            for distances in _distances(region, region, batch_size)
        ]
    )
    inside = [
        (distances <= radii).any(1)
        for distances in _distances(points, region, batch_size)
    ]
    return float(np.concatenate(inside).mean())


def _distances(points, others, batch_size):
    """Squared distances of batches of points to all others."""
    squares = np.square(others).sum(1)
    for start in range(0, len(points), batch_size):
        part = points[start : start + batch_size]
        products = part @ others.T
        distances = np.square(part).sum(1)[:, None] + squares - 2.0 * products
        yield np.maximum(distances, 0.0)
