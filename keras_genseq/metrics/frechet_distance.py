import numpy as np


class FeatureMoments:
    """Mean and covariance of features that arrive in batches, in float64.

    Only sums are kept: memory does not grow with the number of examples, and
    the result does not depend on how they were batched.

    Args:
        num_features: int.
    """

    def __init__(self, num_features):
        self.num_features = num_features
        self.count = 0
        self._shift = np.zeros(num_features)
        self._sum = np.zeros(num_features)
        self._products = np.zeros((num_features, num_features))

    def update(self, features):
        """Adds examples.

        Args:
            features: `(batch_size, num_features)` array.

        Returns:
            This object.

        Raises:
            ValueError: if there is another number of features, or a NaN.
        """
        features = np.asarray(features, "float64")
        if features.ndim != 2 or features.shape[1] != self.num_features:
            raise ValueError(
                f"`features` must have shape (batch_size, {self.num_features})."
                f" Received: shape={features.shape}"
            )
        if not np.isfinite(features).all():
            raise ValueError("`features` must be finite: they hold NaN.")
        if self.count == 0 and len(features):
            # Sums around a point near the mean lose no digits.
            self._shift = features.mean(0)
        shifted = features - self._shift
        self.count += len(features)
        self._sum += shifted.sum(0)
        self._products += shifted.T @ shifted
        return self

    @property
    def mean(self):
        """`(num_features,)` array."""
        return self._shift + self._sum / self.count

    @property
    def covariance(self):
        """`(num_features, num_features)` array, by N - 1."""
        if self.count < 2:
            raise ValueError(
                "A covariance takes at least 2 examples. "
                f"Received: {self.count}"
            )
        centered = self._products - np.outer(self._sum, self._sum) / self.count
        return centered / (self.count - 1)


def frechet_distance(a, b):
    """Distance of two normal distributions: the moments of two sets.

        |m - n|^2 + tr(A + B - 2 (A B)^(1/2))

    It is 0 for equal moments and biased upwards by about 1 / N: two distances
    compare only at equal numbers of examples and the same features.

    Args:
        a: `FeatureMoments` of one set.
        b: of the other, of as many features.

    Returns:
        float, not negative.

    References:
        - [Heusel et al., 2017](https://arxiv.org/abs/1706.08500), eq. 6
    """
    root = _symmetric_root(a.covariance)
    # tr (A B)^(1/2) = tr (A^(1/2) B A^(1/2))^(1/2), of a symmetric matrix.
    eigenvalues = np.linalg.eigvalsh(root @ b.covariance @ root)
    cross = np.sqrt(eigenvalues.clip(0.0)).sum()
    traces = np.trace(a.covariance) + np.trace(b.covariance)
    distance = np.square(a.mean - b.mean).sum() + traces - 2.0 * cross
    return max(float(distance), 0.0)


def _symmetric_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0.0))) @ vectors.T
