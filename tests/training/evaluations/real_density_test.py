import numpy as np
import pytest
from scipy import stats

from training.evaluations.real_density import independent_gaussians
from training.evaluations.real_density import one_gaussian

RNG = np.random.default_rng(0)


def test_baselines_are_the_best_gaussians():
    covariance = [[2.0, 1.2], [1.2, 1.0]]
    x = RNG.multivariate_normal([1.0, -3.0], covariance, 20_000)
    train, test = x[:10_000], x[10_000:]
    truth = stats.multivariate_normal([1.0, -3.0], covariance).logpdf(test)
    full = one_gaussian(train, test)
    np.testing.assert_allclose(full.mean(), truth.mean(), atol=2e-3)
    apart = independent_gaussians(train, test)
    # What they lose is the information that dimensions share.
    shared = -0.5 * np.log(1.0 - 1.2**2 / 2.0)
    assert (truth - apart).mean() == pytest.approx(shared, abs=0.02)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_baselines_are_the_same_in_any_unit(unit):
    x = RNG.multivariate_normal([1.0, -3.0], [[2.0, 1.2], [1.2, 1.0]], 200)
    for baseline in (independent_gaussians, one_gaussian):
        np.testing.assert_allclose(
            baseline(x * unit, x * unit) + 2.0 * np.log(unit),
            baseline(x, x),
            rtol=1e-6,
        )


def test_a_dimension_that_never_varies_has_a_finite_density():
    x = np.zeros((10, 2))
    x[:, 0] = np.arange(10)
    for baseline in (independent_gaussians, one_gaussian):
        assert np.isfinite(baseline(x, x)).all()
