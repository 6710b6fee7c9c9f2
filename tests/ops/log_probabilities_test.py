import numpy as np
import pytest
from scipy import stats

from keras_genseq.ops.log_probabilities import bernoulli_log_prob
from keras_genseq.ops.log_probabilities import bits_per_dimension
from keras_genseq.ops.log_probabilities import categorical_log_prob
from keras_genseq.ops.log_probabilities import discretized_logistic_log_prob
from keras_genseq.ops.log_probabilities import logit_laplace_log_prob
from keras_genseq.ops.log_probabilities import normal_log_prob

RNG = np.random.default_rng(0)


def test_bernoulli_equals_scipy():
    logits = RNG.normal(size=(4, 3, 2)).astype("float32") * 3.0
    x = RNG.integers(0, 2, (4, 3, 2))
    expected = stats.bernoulli.logpmf(x, 1.0 / (1.0 + np.exp(-logits)))
    np.testing.assert_allclose(
        bernoulli_log_prob(x, logits), expected.sum((1, 2)), rtol=1e-5
    )


def test_bernoulli_stays_finite_at_extreme_logits():
    log_prob = bernoulli_log_prob(np.array([[0.0, 1.0]]), [[200.0, 200.0]])
    np.testing.assert_allclose(log_prob, [-200.0])


def test_categorical_equals_the_normalized_table():
    logits = RNG.normal(size=(4, 3, 5)).astype("float32")
    x = RNG.integers(0, 5, (4, 3))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = np.log(np.take_along_axis(p, x[..., None], -1)).sum((1, 2))
    np.testing.assert_allclose(
        categorical_log_prob(x.astype("float32"), logits), expected, rtol=1e-5
    )


def test_uniform_models_have_their_known_bits():
    assert bits_per_dimension(10 * np.log(256.0), 10) == 8.0
    np.testing.assert_allclose(784 * np.log(2.0), 543.427, atol=1e-3)


def test_normal_equals_scipy():
    x, mean, log_scale = RNG.normal(size=(3, 4, 5, 2)).astype("float32")
    expected = stats.norm.logpdf(x, mean, np.exp(log_scale)).sum((1, 2))
    np.testing.assert_allclose(
        normal_log_prob(x, mean, log_scale), expected, rtol=1e-5
    )


@pytest.mark.parametrize("mean", [-0.2, 0.0, 0.4, 1.0])
@pytest.mark.parametrize("log_scale", [-8.0, -3.0, 1.0])
def test_masses_of_all_grey_levels_sum_to_one(mean, log_scale):
    levels = np.arange(256)[:, None] / 255.0
    log_probs = discretized_logistic_log_prob(
        levels, np.full((256, 1), mean), np.full((256, 1), log_scale)
    )
    assert np.exp(log_probs).sum() == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(log_probs).all()


def test_mass_of_a_grey_level_equals_scipys():
    rng = np.random.default_rng(2)
    levels = rng.integers(1, 255, (40, 3))
    means, log_scales = rng.random((40, 3)), rng.uniform(-2.5, 0.0, (40, 3))
    law = stats.logistic(means, np.exp(log_scales))
    half = 0.5 / 255.0
    masses = law.cdf(levels / 255.0 + half) - law.cdf(levels / 255.0 - half)
    np.testing.assert_allclose(
        discretized_logistic_log_prob(levels / 255.0, means, log_scales),
        np.log(masses).sum(1),
        rtol=1e-4,
    )


def test_logit_laplace_is_a_density_of_pixels():
    x = np.linspace(0.0, 1.0, 4001)[:, None]
    mean, log_scale = np.full_like(x, 0.4), np.full_like(x, np.log(0.2))
    density = np.exp(logit_laplace_log_prob(x, mean, log_scale))
    mass = np.trapezoid(density, x[:, 0])
    law = stats.laplace(0.4, 0.2)
    inside = np.diff(law.cdf(np.log([0.1 / 0.9, 0.9 / 0.1])))[0]
    assert inside > 0.99
    assert mass == pytest.approx(inside, abs=1e-4)


def test_logit_laplace_by_hand():
    # phi(0.5) = 0.5, whose logit is 0: log 0.8 - log(2 b x (1 - x)) - |m| / b.
    expected = np.log(0.8) - np.log(2 * 0.5 * 0.25) - 0.3 / 0.5
    found = logit_laplace_log_prob([[0.5]], [[0.3]], [[np.log(0.5)]])
    np.testing.assert_allclose(found, [expected], rtol=1e-5)
