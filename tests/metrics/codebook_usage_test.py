import numpy as np
import pytest

from keras_genseq.metrics import CodebookUsage


def test_one_token_counts_as_one_and_even_use_as_all():
    metric = CodebookUsage(6)
    metric.update_state(np.full((3, 2, 2), 4))
    assert float(metric.result()) == pytest.approx(1.0)
    metric.reset_state()
    metric.update_state(np.arange(6).reshape(1, 2, 3))
    assert float(metric.result()) == pytest.approx(6.0, rel=1e-5)


def test_counts_add_up_over_batches():
    metric = CodebookUsage(4)
    metric.update_state([[0, 0]])
    metric.update_state([[1, 2]])
    # Shares 1/2, 1/4, 1/4: an entropy of 1.5 log 2.
    assert float(metric.result()) == pytest.approx(2.0**1.5, rel=1e-5)


def test_nothing_seen_has_no_nan():
    assert np.isfinite(float(CodebookUsage(4).result()))
