import tracemalloc

import numpy as np
import pytest
from scipy import stats

from keras_genseq.metrics import ParzenWindow

RNG = np.random.default_rng(0)


def test_one_sample_is_a_normal_density():
    sample, x = RNG.random((1, 4)), RNG.random((7, 2, 2))
    law = stats.multivariate_normal(sample[0], 0.3**2 * np.eye(4))
    np.testing.assert_allclose(
        ParzenWindow(sample, 0.3).log_prob(x), law.logpdf(x.reshape(7, 4))
    )


def test_several_samples_are_a_mixture():
    samples, x = RNG.random((600, 3)), RNG.random((5, 3))
    laws = [stats.multivariate_normal(s, 0.04 * np.eye(3)) for s in samples]
    expected = np.log(np.mean([law.pdf(x) for law in laws], axis=0))
    np.testing.assert_allclose(ParzenWindow(samples, 0.2).log_prob(x), expected)


def test_many_samples_tend_to_the_smoothed_law():
    samples = RNG.normal(size=(20_000, 2))
    law = stats.multivariate_normal(np.zeros(2), (1.0 + 0.5**2) * np.eye(2))
    x = RNG.normal(size=(1_100, 2))
    scores = ParzenWindow(samples, 0.5).log_prob(x)
    assert scores.mean() == pytest.approx(law.logpdf(x).mean(), abs=0.02)


def test_the_bandwidth_is_the_best_on_validation_data():
    samples, x = RNG.normal(size=(300, 2)), RNG.normal(size=(900, 2))
    choices = (0.05, 0.4, 3.0)
    chosen = ParzenWindow.chosen(samples, x, choices)
    means = [ParzenWindow(samples, b).log_prob(x).mean() for b in choices]
    assert chosen.bandwidth == choices[int(np.argmax(means))] == 0.4


def test_far_examples_have_a_finite_log_density():
    window = ParzenWindow(np.zeros((2, 784)), 0.1)
    log_prob = window.log_prob(np.ones((1, 784)))
    expected = -784 / 0.02 - 784 * np.log(0.1 * np.sqrt(2.0 * np.pi))
    np.testing.assert_allclose(log_prob, expected)


def test_names_what_is_wrong():
    with pytest.raises(ValueError, match="`bandwidth` must be positive"):
        ParzenWindow(np.zeros((1, 2)), 0.0)
    with pytest.raises(ValueError, match="at least one row"):
        ParzenWindow(np.zeros((0, 2)), 1.0)
    with pytest.raises(ValueError, match="dimensions of the samples, 2"):
        ParzenWindow(np.zeros((1, 2)), 1.0).log_prob(np.zeros((1, 3)))


def test_the_choice_among_many_bandwidths_holds_one_copy():
    samples = np.zeros((20, 10_000), "float32")
    tracemalloc.start()
    ParzenWindow.chosen(samples, samples[:2], np.linspace(0.1, 1.0, 40))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 2 * samples.nbytes
