import numpy as np
import pytest
from scipy import stats

from keras_genseq.ops.divergences import normal_kl
from keras_genseq.ops.divergences import normal_log_ratio

RNG = np.random.default_rng(0)


def test_kl_is_zero_where_the_distributions_are_equal_and_else_positive():
    mean, log_var = RNG.normal(size=(2, 50, 3)).astype("float32")
    np.testing.assert_array_equal(normal_kl(np.zeros(4), np.zeros(4)), 0.0)
    np.testing.assert_array_equal(normal_kl(mean, log_var, mean, log_var), 0.0)
    assert (np.array(normal_kl(mean, log_var)) > 0.0).all()


def test_kl_equals_a_mean_of_log_ratios():
    means, log_vars = np.array([[0.7, -0.4], [0.5, -1.0]])
    first, second = (
        stats.norm(m, np.exp(0.5 * v))
        for m, v in zip(means, log_vars, strict=True)
    )
    x = first.rvs(1_000_000, random_state=0)
    expected = np.mean(first.logpdf(x) - second.logpdf(x))
    kl = normal_kl(means[0], log_vars[0], means[1], log_vars[1])
    assert float(kl) == pytest.approx(expected, abs=1e-2)


def test_kl_by_hand():
    # 0.5 * (mean**2 + var - 1 - log var) with mean 2 and variance 4.
    expected = 0.5 * (4.0 + 4.0 - 1.0 - np.log(4.0))
    assert float(normal_kl(2.0, np.log(4.0))) == pytest.approx(expected)


def test_log_ratio_equals_the_densities_of_scipy():
    z, mean, log_var = RNG.normal(size=(3, 6, 4))
    expected = stats.norm.logpdf(z) - stats.norm.logpdf(
        z, mean, np.exp(0.5 * log_var)
    )
    np.testing.assert_allclose(
        normal_log_ratio(z, mean, log_var), expected.sum(-1), rtol=1e-5
    )
