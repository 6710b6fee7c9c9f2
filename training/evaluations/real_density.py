"""Densities of real-valued vectors: likelihood, anomalies."""

import math

import numpy as np
from scipy import stats

from training.evaluations.density import add_anomalies
from training.evaluations.density import add_sampled_figures
from training.evaluations.density import mean_with_interval
from training.evaluations.density import plus_minus
from training.evaluations.density import whose_interval
from training.report import Report


def evaluate_real_density(evaluation):
    """Reports a model of real-valued vectors.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title=f"{type(evaluation.model).__name__}: density")
    test = evaluation.inputs("test")
    scores = evaluation.model.log_prob(test, **evaluation.condition("test"))
    scores = scores.numpy()
    mean, interval = mean_with_interval(scores)
    report.add(
        "test log-likelihood, nats",
        f"**{plus_minus(mean, interval)}**",
        "",
        f"{whose_interval(len(test))}; a density, per unit "
        "of the data in each dimension",
    )
    bits = -mean / (test.shape[1] * math.log(2.0))
    report.add("test bits per dimension", f"{bits:.4f}")
    report.metrics.update(
        test_nll=-mean,
        test_nll_interval=interval,
        num_test_examples=len(test),
        num_parameters=evaluation.model.count_params(),
    )
    train = evaluation.inputs("train")
    for name, log_prob in (
        ("independent Gaussians", independent_gaussians),
        ("one Gaussian, full covariance", one_gaussian),
    ):
        baseline, interval = mean_with_interval(log_prob(train, test))
        report.add(f"baseline: {name}, nats", plus_minus(baseline, interval))
        key = name.split(",")[0].replace(" ", "_").lower()
        report.metrics[f"{key}_nll"] = -baseline
    report.comparison = (
        -mean,
        "nats",
        {
            "independent Gaussians": report.metrics[
                "independent_gaussians_nll"
            ],
            "one Gaussian": report.metrics["one_gaussian_nll"],
        },
    )
    evaluation.add_part(report, "AUROC", add_anomalies, scores)
    evaluation.add_part(report, "pictures", add_sampled_figures)
    report.add_curves(
        evaluation.history, ["nll", "val_nll"], "NLL, nats", {"test": -mean}
    )
    return report


evaluate_real_density.kinds = ("images", "vectors")


def independent_gaussians(train, test):
    """Log-densities under a Gaussian for each dimension.

    Args:
        train: `(num_examples, dim)` array, of which mean and variance count.
        test: `(num_test_examples, dim)` array.

    Returns:
        `(num_test_examples,)` array, nats.
    """
    unit = _units(train)
    scale = np.maximum(train.std(0, dtype="float64"), _LEAST_SCALE * unit)
    mean = train.mean(0, dtype="float64")
    return stats.norm.logpdf(test, mean, scale).sum(1)


def one_gaussian(train, test):
    """The same under one Gaussian with a full covariance."""
    mean, unit = train.mean(0, dtype="float64"), _units(train)
    covariance = np.cov((train - mean) / unit, rowvar=False, bias=True)
    covariance += _LEAST_SCALE**2 * np.eye(train.shape[1])
    law = stats.multivariate_normal(np.zeros_like(mean), covariance)
    # Of one row SciPy makes a number.
    log_density = np.atleast_1d(law.logpdf((test - mean) / unit))
    return log_density - np.log(unit).sum()


# A dimension that hardly varies would make a density infinite.
_LEAST_SCALE = 1e-3


def _units(train):
    """Deviations of the dimensions; those that never vary keep their unit."""
    deviation = train.std(0, dtype="float64")
    varies = train.max(0) > train.min(0)
    return np.where(varies, deviation, 1.0)
