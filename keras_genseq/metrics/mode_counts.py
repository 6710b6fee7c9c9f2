import numpy as np


class ModeCounts:
    """How many kinds a classifier finds among samples, and how often each.

    Where a generator has collapsed, kinds are missing, or one of them makes up
    most samples.

    Args:
        num_modes: int. Kinds that the classifier tells apart.

    Example:

    ```python
    classes = np.random.default_rng(0).integers(10, size=100)
    counts = metrics.ModeCounts(10).update(classes)
    counts.num_found(), counts.divergence(np.full(10, 0.1))
    ```

    References:
        - [Metz et al., 2017](https://arxiv.org/abs/1611.02163), section 3.3
    """

    def __init__(self, num_modes):
        self.counts = np.zeros(num_modes, "int64")

    def update(self, modes):
        """Adds examples.

        Args:
            modes: `(batch_size,)` ints, the kind of each.

        Returns:
            This object.

        Raises:
            ValueError: if one is not a kind.
        """
        modes = np.asarray(modes)
        num_modes = len(self.counts)
        if modes.size and not (modes.min() >= 0 and modes.max() < num_modes):
            raise ValueError(
                f"`modes` must be from 0 to {num_modes - 1}. Received: from "
                f"{modes.min()} to {modes.max()}"
            )
        self.counts += np.bincount(modes, minlength=num_modes)
        return self

    @property
    def shares(self):
        """`(num_modes,)` array: the share of each kind."""
        return self.counts / self.counts.sum()

    def num_found(self, least_share=0.01):
        """Kinds with more of the examples than a share.

        Args:
            least_share: float.

        Returns:
            int.
        """
        return int((self.shares > least_share).sum())

    def divergence(self, expected):
        """KL divergence of the shares from those of reals, in nats.

        Args:
            expected: `(num_modes,)` positive shares.

        Returns:
            float: 0 where they are equal, at most minus the log of the least
            expected share.
        """
        shares, expected = self.shares, np.asarray(expected, "float64")
        found = shares > 0.0
        ratios = shares[found] / expected[found]
        return float((shares[found] * np.log(ratios)).sum())
