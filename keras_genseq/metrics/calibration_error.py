import numpy as np


def calibration_error(probabilities, labels, num_bins=15):
    """Expected calibration error: how far confidence is from accuracy.

    Predictions are binned by their confidence, the largest probability; the
    error is the mean gap of confidence and accuracy over the bins, weighed by
    their counts.

    Args:
        probabilities: `(num_examples, num_classes)` array.
        labels: `(num_examples,)` ints.
        num_bins: int. Bins of equal width.

    Returns:
        Pair: the error, a float in [0, 1], and an array `(num_bins, 3)` of mean
        confidence, accuracy and share of the examples of each bin; NaN where a
        bin is empty, but for the share.

    Raises:
        ValueError: if there are no examples, or not a label for each.

    References:
        - [Naeini et al., 2015](https://doi.org/10.1609/aaai.v29i1.9602)
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599)
    """
    probabilities = np.asarray(probabilities, "float64")
    labels = np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            "Calibration needs a row of probabilities and a label for each "
            f"example. Received: shapes {probabilities.shape} and "
            f"{labels.shape}"
        )
    if not len(labels):
        raise ValueError("Calibration needs at least one example.")
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # A confidence of exactly 1 belongs to the last bin.
    bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    rows = np.full((num_bins, 3), np.nan)
    for i in range(num_bins):
        inside = bins == i
        rows[i, 2] = inside.mean()
        if inside.any():
            rows[i, :2] = confidence[inside].mean(), right[inside].mean()
    gaps = np.abs(rows[:, 0] - rows[:, 1])
    return float(np.nansum(gaps * rows[:, 2])), rows
