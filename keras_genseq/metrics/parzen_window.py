import numpy as np

# The bandwidths among which the authors' evaluation chooses.
BANDWIDTHS = tuple(np.logspace(-1.0, 0.0, 10))


class ParzenWindow:
    """Density of samples smoothed by Gaussian kernels.

        p(x) = mean over samples g of N(x; g, bandwidth^2 I)

    The yardstick of the first generative adversarial nets, which have no
    likelihood of their own. It depends on the number of samples and on the
    scale of the pixels, and is kept for comparison with those papers alone.

    Args:
        samples: `(num_samples, ...)` array.
        bandwidth: float. Deviation of the kernels.

    Raises:
        ValueError: if there are no samples, or `bandwidth` is not positive.

    References:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661), section 5
    """

    def __init__(self, samples, bandwidth):
        self.samples = _as_rows(samples, "samples")
        if not bandwidth > 0.0:
            raise ValueError(
                "`bandwidth` must be positive. "
                f"Received: bandwidth={bandwidth!r}"
            )
        self.bandwidth = float(bandwidth)

    @classmethod
    def chosen(cls, samples, validation, bandwidths=BANDWIDTHS):
        """The window whose bandwidth explains validation data best.

        Args:
            samples: `(num_samples, ...)` array.
            validation: `(num_examples, ...)` array; the papers take 1,000.
            bandwidths: sequence of floats.

        Returns:
            `ParzenWindow`.
        """
        # One copy in float64, which all windows share.
        samples = _as_rows(samples, "samples")
        windows = [cls(samples, bandwidth) for bandwidth in bandwidths]
        scores = np.zeros(len(windows))
        rows = _as_rows(validation, "validation")
        for part in _parts(rows):
            distances = windows[0].squared_distances(part)
            for i, window in enumerate(windows):
                scores[i] += window._log_prob(distances).sum()
        return windows[int(np.argmax(scores))]

    def log_prob(self, x):
        """Log-density of each example.

        Args:
            x: `(num_examples, ...)` array.

        Returns:
            `(num_examples,)` float64 array, in nats.
        """
        rows = _as_rows(x, "x")
        if rows.shape[1] != self.samples.shape[1]:
            raise ValueError(
                "`x` must have the dimensions of the samples, "
                f"{self.samples.shape[1]}. Received: {rows.shape[1]}"
            )
        return np.concatenate(
            [
                self._log_prob(self.squared_distances(part))
                for part in _parts(rows)
            ]
        )

    def squared_distances(self, rows):
        """`(num_examples, num_samples)` squared distances, float64."""
        products = rows @ self.samples.T
        squares = np.square(self.samples).sum(1)
        distances = np.square(rows).sum(1)[:, None] + squares - 2.0 * products
        return np.maximum(distances, 0.0)

    def _log_prob(self, distances):
        exponents = distances / (-2.0 * self.bandwidth**2)
        largest = exponents.max(1)
        total = np.exp(exponents - largest[:, None]).sum(1)
        count, size = self.samples.shape
        normalizer = size * np.log(self.bandwidth * np.sqrt(2.0 * np.pi))
        return largest + np.log(total / count) - normalizer


def _as_rows(x, name):
    x = np.asarray(x, "float64")
    if x.ndim < 2 or not len(x):
        raise ValueError(
            f"`{name}` must have shape (num_rows, ...) with at least one row. "
            f"Received: shape={x.shape}"
        )
    return x.reshape(len(x), -1)


def _parts(rows, size=500):
    return [rows[i : i + size] for i in range(0, len(rows), size)]
