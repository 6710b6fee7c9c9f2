import itertools

import numpy as np
import pytest

from keras_genseq.models import FullHistoryModel
from keras_genseq.models.autoregressive.full_history_model import num_parameters

VECTORS = np.array(list(itertools.product(range(3), repeat=4)), "float32")
JOINT = np.random.default_rng(0).dirichlet(np.ones(81))


def test_holds_any_joint_table():
    counts = np.random.default_rng(1).integers(1, 50, 81)
    model = FullHistoryModel(4, 3)
    model.adapt(np.repeat(VECTORS, counts, axis=0), smoothing=0.0)
    np.testing.assert_allclose(
        np.exp(model.log_prob(VECTORS)), counts / counts.sum(), rtol=1e-4
    )


def test_samples_follow_the_table():
    rows = np.random.default_rng(2).choice(81, 20_000, p=JOINT)
    model = FullHistoryModel(4, 3)
    model.adapt(VECTORS[rows])
    samples = model.sample(20_000, seed=0).numpy().astype(int)
    codes = samples @ (3 ** np.arange(3, -1, -1))
    frequencies = np.bincount(codes, minlength=81) / len(codes)
    expected = np.exp(model.log_prob(VECTORS).numpy())
    np.testing.assert_allclose(frequencies, expected, atol=0.006)


@pytest.mark.parametrize("size, categories", [(1, 2), (5, 2), (3, 4)])
def test_has_as_many_weights_as_the_joint_table(size, categories):
    model = FullHistoryModel(size, categories)
    expected = num_parameters(size, categories)
    assert model.count_params() == expected == categories**size - 1


def test_counts_tables_that_fit_nowhere():
    assert num_parameters(784) == 2**784 - 1
    assert f"{float(num_parameters(784)):.3e}" == "1.017e+236"
    with pytest.raises(ValueError, match=r"1\.845e\+19 free parameters"):
        FullHistoryModel(64)


def test_names_a_negative_smoothing():
    with pytest.raises(ValueError, match="`smoothing` must not be negative"):
        FullHistoryModel(4, 3).adapt(VECTORS, smoothing=-0.1)
