import numpy as np
import pytest

from keras_genseq.metrics import calibration_error


def test_is_the_gap_of_confidence_and_accuracy_by_bins():
    confidence = np.array([0.95, 0.95, 0.55, 0.55, 0.55, 1.0])
    probabilities = np.stack([confidence, 1.0 - confidence], axis=1)
    labels = np.array([0, 1, 0, 0, 1, 0])
    error, bins = calibration_error(probabilities, labels, num_bins=10)
    # 0.95 and 1 share the last bin: two of three are right.
    gaps = [abs(0.55 - 2 / 3), abs((0.95 + 0.95 + 1.0) / 3 - 2 / 3)]
    assert error == pytest.approx(0.5 * sum(gaps))
    assert bins[5] == pytest.approx([0.55, 2 / 3, 0.5])
    assert bins[9, 2] == pytest.approx(0.5)
    assert np.isnan(bins[0, :2]).all() and bins[0, 2] == 0.0


def test_predictions_as_sure_as_they_are_right_have_none():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), size=20_000)
    labels = (rng.random((20_000, 1)) > probabilities.cumsum(1)).sum(1)
    error, _ = calibration_error(probabilities, labels)
    overconfident = probabilities**3
    overconfident /= overconfident.sum(1, keepdims=True)
    assert error < 0.02
    assert calibration_error(overconfident, labels)[0] > 0.15


def test_labels_that_do_not_belong_are_refused():
    with pytest.raises(ValueError, match=r"shapes \(3, 2\) and \(2,\)"):
        calibration_error(np.ones((3, 2)) / 2, [0, 1])
    with pytest.raises(ValueError, match="at least one example"):
        calibration_error(np.ones((0, 2)), np.zeros((0,), int))
