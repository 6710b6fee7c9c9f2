"""Latent-variable models: bounds on the likelihood, codes, pictures."""

import math

import keras
import numpy as np

from keras_genseq.metrics import ActiveUnits
from training import latent_plots
from training.data import as_array
from training.data import bernoulli_binarize
from training.data import model_inputs
from training.evaluations.density import add_anomalies
from training.evaluations.density import add_probe
from training.evaluations.density import mean_with_interval
from training.evaluations.density import plus_minus
from training.evaluations.density import whose_interval
from training.report import Report

NUM_CODES = 5000
_COMPARISON_CODES = 500
_MAPPED_EXAMPLES = 5000


def evaluate_latent(evaluation):
    """Reports a `LatentVariableModel`: bounds, codes, all three uses.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(
        title=f"{type(evaluation.model).__name__}: latent variables"
    )
    evaluation.add_part(report, "pictures", _pictures)
    test = evaluation.inputs("test")
    _bounds(report, evaluation, test)
    evaluation.add_part(report, "comparison", _comparison)
    scores = evaluation.model.log_prob(test, **evaluation.condition("test"))
    evaluation.add_part(report, "AUROC", add_anomalies, scores.numpy())
    kl = _codes(report, evaluation, test)
    evaluation.add_part(report, "linear probe", _probe)
    if not evaluation.is_conditional:
        examples, _ = evaluation.shown(1)
        report.add_figure(
            "traversals",
            "Traversals at the code of a test example: a row per latent "
            "dimension, those of the highest KL, from -3 to 3",
            latent_plots.traversal_grid(evaluation.model, examples, kl),
        )
        evaluation.add_part(report, "classes of codes", add_classes_of_codes)
    report.add_curves(
        evaluation.history,
        ["negative_elbo", "val_negative_elbo", "reconstruction", "kl"],
        "nats",
        {"test NLL": report.metrics["test_nll"]},
    )
    add_reconstruction_errors(
        report, evaluation, test, "of the mean of each image's codes"
    )
    return report


evaluate_latent.kinds = ("images",)


def add_reconstruction_errors(report, evaluation, test, remark):
    """Adds how far reconstructions are off, beside the mean image.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`.
        test: `(num_examples, height, width, channels)` array.
        remark: str. What is reconstructed of what.
    """
    condition = evaluation.condition("test")
    reconstructed = evaluation.model.reconstruct(test, **condition).numpy()
    error = float(np.square(test - reconstructed).mean())
    mean_image = evaluation.inputs("train").mean(0)
    baseline = float(np.square(test - mean_image).mean())
    report.add(
        "test reconstruction, mean squared error",
        f"{error:.5f}",
        "",
        f"{remark}; the mean image has {baseline:.5f}",
    )
    report.comparison = (error, "squared error", {"the mean image": baseline})
    report.metrics.update(
        test_squared_error=error, mean_image_squared_error=baseline
    )


def bound_of(model, x, num_codes, condition=None, seed=0, at_once=200):
    """`log_prob_bound` of many examples under a progress bar.

    Args:
        model: `LatentVariableModel`.
        x: array of examples.
        num_codes: int. Codes per example.
        condition: optional dict of further arguments, one value an example.
        seed: int.
        at_once: int. Examples between two moves of the bar.

    Returns:
        `(num_examples,)` array.
    """
    seeds = np.random.default_rng(seed).integers(2**31, size=len(x))
    seeds = seeds.astype("int32")
    parts = []
    bar = keras.utils.Progbar(len(x), unit_name="example")
    for start in range(0, len(x), at_once):
        part = slice(start, start + at_once)
        bound = model.log_prob_bound(
            x[part],
            num_codes,
            seed=seeds[part],
            **{k: v[part] for k, v in (condition or {}).items()},
        )
        parts.append(bound.numpy())
        bar.add(len(parts[-1]))
    return np.concatenate(parts)


def _bounds(report, evaluation, test):
    model, condition = evaluation.model, evaluation.condition("test")
    num_codes = evaluation.at_most(NUM_CODES)
    nll, interval = mean_with_interval(
        -bound_of(model, test, num_codes, condition)
    )
    paper, source = evaluation.paper("nll")
    report.add(
        f"test NLL by {num_codes:,} importance samples, nats",
        f"**{plus_minus(nll, interval)}**",
        paper,
        f"{whose_interval(len(test))}. {source}",
    )
    bits = nll / (math.prod(test.shape[1:]) * math.log(2.0))
    report.add("test bits per dimension", f"{bits:.4f}")
    logs = model.evaluate(
        test, *condition.values(), batch_size=200, verbose=0, return_dict=True
    )
    for name, words in (
        ("negative_elbo", "test -ELBO, nats"),
        ("reconstruction", "of it: reconstruction"),
        ("kl", "of it: KL divergence"),
    ):
        report.add(words, f"{logs[name]:.2f}", "", "one code per example")
    report.metrics.update(
        test_nll=nll,
        test_nll_interval=interval,
        test_bits_per_dim=bits,
        num_importance_samples=num_codes,
        num_test_examples=len(test),
        num_parameters=model.count_params(),
        **{f"test_{k}": float(logs[k]) for k in logs if k != "loss"},
    )


def _comparison(report, evaluation):
    source = evaluation.recipe.data.comparison
    if source is None or evaluation.is_conditional:
        return
    other = evaluation.other_dataset(source)
    x = as_array(model_inputs(other.splits["test"]))
    nll, interval = mean_with_interval(
        -bound_of(evaluation.model, x, _COMPARISON_CODES)
    )
    report.add(
        f"the same model on the test data of `{source}`, NLL, nats",
        plus_minus(nll, interval),
        "",
        f"all {len(x):,} examples, {_COMPARISON_CODES} importance samples",
    )
    report.metrics["comparison_nll"] = nll


def _codes(report, evaluation, test):
    """How the aggregate posterior lies, and what has collapsed.

    Returns:
        `(latent_dim,)` array: KL of each dimension, nats.
    """
    model = evaluation.model
    codes = model.encode(test, **evaluation.condition("test"))
    z_mean, z_log_var = np.array(codes["z"]), np.array(codes["z_log_var"])
    units = ActiveUnits(model.latent_dim)
    units.update_state(z_mean)
    is_active = np.array(units.variances()) > units.threshold
    kl = np.array(model.kl((z_mean, z_log_var))).mean(0)
    count = int(is_active.sum())
    report.add(
        "active units",
        f"{count} of {model.latent_dim}",
        evaluation.paper("active_units")[0],
        f"variance of the posterior mean above {units.threshold}; the other "
        f"{model.latent_dim - count} have collapsed to the prior",
    )
    # The law of total variance: what the prior's 1 is to be compared with.
    variance = z_mean.var(0) + np.exp(z_log_var).mean(0)
    mean = z_mean.mean(0)
    report.add(
        "aggregate posterior: mean, variance of its dimensions",
        f"{mean.min():.2f} to {mean.max():.2f}, "
        f"{variance.min():.2f} to {variance.max():.2f}",
        "",
        "the prior's are 0 and 1",
    )
    report.metrics.update(
        active_units=count,
        kl_per_unit=[round(float(k), 4) for k in np.sort(kl)[::-1]],
        aggregate_mean_range=[float(mean.min()), float(mean.max())],
        aggregate_variance_range=[float(variance.min()), float(variance.max())],
    )
    report.add_figure(
        "units",
        "KL and aggregate variance of each latent dimension",
        latent_plots.units(kl, variance, is_active),
    )
    return kl


def _probe(report, evaluation):
    """Linear probes of the codes, on images drawn like the test data."""
    splits = evaluation.dataset.splits
    is_labelled = "label" in splits["train"].element_spec
    if evaluation.is_conditional or not is_labelled:
        return
    train = splits["train"]
    if evaluation.model.likelihood == "bernoulli":
        # Binary images stay as they are.
        train = bernoulli_binarize(seed=1)(train)
    add_probe(
        report, train, splits["test"], lambda x: evaluation.model.encode(x)["z"]
    )


def _pictures(report, evaluation):
    model = evaluation.model
    examples, condition = evaluation.shown(48)
    report.add_figure(
        "samples",
        "Samples: means of the pixels (seeds of seed 0)",
        evaluation.sample_grid(),
    )
    report.add_figure(
        "reconstructions",
        "Reconstructions: pairs of a test example and its reconstruction",
        latent_plots.reconstruction_grid(model, examples, condition),
    )
    if not evaluation.is_conditional:
        evaluation.add_part(
            report,
            "interpolations",
            add_interpolations,
            examples,
        )


def add_interpolations(report, evaluation, examples):
    """Adds a figure of ways from one test example to another.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`.
        examples: `(num_examples, H, W, C)` array.

    Raises:
        ValueError: if there is one example alone.
    """
    if len(examples) < 2:
        raise ValueError("There is one test example alone.")
    pairs = examples[: min(10, len(examples) // 2 * 2)]
    report.add_figure(
        "interpolations",
        "From one test example to another: on the straight line (odd rows) "
        "and on the arc (even rows)",
        latent_plots.interpolation_grid(evaluation.model, pairs),
    )


def add_classes_of_codes(report, evaluation):
    """Adds figures of what codes know of classes, where there are labels.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`.
    """
    labels = evaluation.labels("test", _MAPPED_EXAMPLES)
    if labels is None:
        return
    x, model = evaluation.inputs("test", _MAPPED_EXAMPLES), evaluation.model
    report.add_figure(
        "latent_map",
        "Codes of test examples by class, on their two principal axes",
        latent_plots.latent_map(
            latent_plots.codes_of(model, x),
            labels,
            evaluation.dataset.class_names,
        ),
    )
    report.add_figure(
        "arithmetic",
        "Arithmetic: a test example of each class, and its code less the mean "
        "code of its class plus that of each class in turn",
        latent_plots.arithmetic_grid(model, x, labels),
    )
