import numpy as np


class InceptionScore:
    """How surely a classifier labels samples, and how evenly.

        exp(mean over x of KL(p(y | x) || p(y)))

    It is 1 where all samples look alike to the classifier, and the number of
    classes where it is sure of each and meets all classes equally often. p(y)
    is the mean over a split. Examples may come in batches of any size: they go
    to the splits in turns, and only float64 sums are kept.

    Args:
        num_classes: int.
        num_splits: int. Parts of the examples, whose scores make an error bar.

    Example:

    ```python
    probabilities = np.random.default_rng(0).dirichlet(np.ones(10), 100)
    score = metrics.InceptionScore(10).update(probabilities)
    score.mean, score.deviation
    ```

    References:
        - [Salimans et al., 2016](https://arxiv.org/abs/1606.03498), section 4
    """

    def __init__(self, num_classes, num_splits=10):
        self.num_classes = num_classes
        self.num_splits = num_splits
        self.count = 0
        self._counts = np.zeros(num_splits)
        self._sums = np.zeros((num_splits, num_classes))
        self._negative_entropies = np.zeros(num_splits)

    def update(self, probabilities):
        """Adds examples.

        Args:
            probabilities: `(batch_size, num_classes)` array, rows that sum
                to 1.

        Returns:
            This object.

        Raises:
            ValueError: if the rows are not probabilities of the classes.
        """
        p = np.asarray(probabilities, "float64")
        is_shaped = p.ndim == 2 and p.shape[1] == self.num_classes
        # Not `>=`: a NaN is refused too.
        if not is_shaped or not (np.abs(p.sum(1) - 1.0) < 1e-3).all():
            raise ValueError(
                "`probabilities` must have shape (batch_size, "
                f"{self.num_classes}) and rows that sum to 1. "
                f"Received: shape={p.shape}"
            )
        splits = (self.count + np.arange(len(p))) % self.num_splits
        self.count += len(p)
        negative_entropies = (p * np.log(p.clip(1e-300))).sum(1)
        np.add.at(self._counts, splits, 1.0)
        np.add.at(self._sums, splits, p)
        np.add.at(self._negative_entropies, splits, negative_entropies)
        return self

    @property
    def scores(self):
        """`(num_splits,)` array: the score of each split."""
        if self.count < self.num_splits:
            raise ValueError(
                f"{self.num_splits} splits take as many examples. "
                f"Received: {self.count}"
            )
        p = self._sums / self._counts[:, None]
        marginal = (p * np.log(p.clip(1e-300))).sum(1)
        return np.exp(self._negative_entropies / self._counts - marginal)

    @property
    def mean(self):
        """float. Mean score of the splits."""
        return float(self.scores.mean())

    @property
    def deviation(self):
        """float. Standard deviation of the scores of the splits."""
        return float(self.scores.std())
