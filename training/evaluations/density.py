"""Density models: likelihood, anomaly detection, encodings, samples."""

import math

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_genseq.models import IndependentModel
from training import figures
from training.data import as_array
from training.data import model_inputs
from training.data.notes import counted
from training.report import Report

_PROBE_EXAMPLES = 10_000


def evaluate_density(evaluation):
    """Reports a `LikelihoodModel`: all three uses, and baselines.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title=f"{type(evaluation.model).__name__}: density")
    evaluation.add_part(report, "pictures", add_sampled_figures)
    test = evaluation.inputs("test")
    scores = _likelihood(report, evaluation, test)
    evaluation.add_part(report, "AUROC", add_anomalies, scores)
    if hasattr(evaluation.model, "encode") and not evaluation.is_conditional:
        evaluation.add_part(report, "linear probe", _representation)
    report.comparison = (
        report.metrics["test_nll"],
        "nats",
        {
            "independent dimensions": report.metrics["independent_nll"],
            "the uniform distribution": report.metrics["uniform_nll"],
        },
    )
    report.add_curves(
        evaluation.history,
        ["nll", "val_nll"],
        "NLL, nats",
        {"test": report.metrics["test_nll"]},
    )
    return report


evaluate_density.kinds = ("images", "vectors")


def mean_with_interval(values):
    """Mean and half the width of its 95 % interval.

    Args:
        values: `(num_examples,)` array.

    Returns:
        Pair of floats; one example alone has no interval: NaN.
    """
    values = np.asarray(values, "float64")
    if len(values) < 2:
        return values.mean(), math.nan
    return values.mean(), 1.96 * values.std(ddof=1) / math.sqrt(len(values))


def plus_minus(mean, interval, decimals=2):
    """A mean and half the width of its interval as text, if it has one."""
    text = f"{mean:.{decimals}f}"
    return text if math.isnan(interval) else f"{text} ± {interval:.{decimals}f}"


def whose_interval(count, noun="test example"):
    """What a mean and its interval are taken over, in words."""
    if count == 1:
        return f"the only {noun}: too few for an interval"
    return f"all {counted(count, noun)}, 95 % interval"


def _likelihood(report, evaluation, test):
    model = evaluation.model
    scores = model.log_prob(test, **evaluation.condition("test")).numpy()
    nll, interval = mean_with_interval(-scores)
    paper, source = evaluation.paper("nll")
    report.add(
        "test NLL, nats",
        f"**{plus_minus(nll, interval)}**",
        paper,
        f"{whose_interval(len(test))}. {source}",
    )
    size = model.input_dim
    bits = nll / (size * math.log(2.0))
    report.add("test bits per dimension", f"{bits:.4f}")
    independent = IndependentModel(size, model.num_categories)
    independent.adapt(_categories(model, evaluation.inputs("train")))
    baseline, baseline_interval = mean_with_interval(
        -independent.log_prob(_categories(model, test)).numpy()
    )
    report.add(
        "baseline: independent dimensions, nats",
        plus_minus(baseline, baseline_interval),
        "",
        f"{independent.count_params():,} parameters, closed form",
    )
    uniform = size * math.log(model.num_categories)
    report.add("baseline: uniform, nats", f"{uniform:.2f}", "", "no parameters")
    digits = size * math.log10(model.num_categories)
    report.add(
        "full joint table",
        "impossible" if digits > 7 else "possible",
        "",
        f"{model.num_categories}^{size} - 1 = 10^{digits:.1f} parameters; this "
        f"model has {model.count_params():,}",
    )
    report.metrics.update(
        test_nll=nll,
        test_nll_interval=interval,
        test_bits_per_dim=bits,
        num_test_examples=len(test),
        independent_nll=baseline,
        uniform_nll=uniform,
        num_parameters=model.count_params(),
    )
    return scores


def _categories(model, x):
    """Examples as vectors of whole numbers, as `IndependentModel` has them."""
    if x.ndim > 2:
        x = np.round(x * (model.num_categories - 1)).astype("float32")
    return x.reshape(len(x), -1)


def add_anomalies(report, evaluation, scores):
    """Adds how well scores tell the test data from another source.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`.
        scores: `(num_examples,)` log-likelihoods of the test data.
    """
    source = evaluation.recipe.data.out_of_distribution
    if source is None:
        return
    if evaluation.is_conditional:
        report.notes.append(
            f"No scores of `{source}`: the model asks for the class of each "
            "example, and none of its classes is theirs."
        )
        return
    outside = evaluation.other_dataset(source).splits["test"]
    outside = as_array(model_inputs(outside), evaluation.limit)
    other = evaluation.model.log_prob(outside).numpy()
    is_inside = np.concatenate([np.ones(len(scores)), np.zeros(len(other))])
    auroc = roc_auc_score(is_inside, np.concatenate([scores, other]))
    report.add(
        f"AUROC of the score against `{source}`",
        f"{auroc:.4f}",
        "",
        f"{len(scores):,} against {len(other):,} test examples, prepared "
        "alike; 0.5 is chance",
    )
    report.metrics["auroc"] = auroc
    report.add_figure(
        "scores",
        "Scores",
        figures.score_histogram(
            {"test data": scores, source: other}, xlabel="log-likelihood, nats"
        ),
    )


def add_probe(report, train, test, encode):
    """Adds the accuracies of linear probes on encodings and on raw inputs.

    Args:
        report: `Report`.
        train: examples with labels, of which the first 10,000 are learnt.
        test: examples with labels.
        encode: callable of an array of inputs: `(num_examples, dim)` array.
    """
    x, labels = _labelled(train, _PROBE_EXAMPLES)
    test_x, test_labels = _labelled(test)
    if len(np.unique(labels)) < 2:
        report.leave_out("linear probe", "All examples are of one class.")
        return
    for name, encoder in (
        ("encodings", encode),
        ("raw inputs", lambda x: x.reshape(len(x), -1)),
    ):
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=500)
        )
        probe.fit(encoder(x), labels)
        accuracy = probe.score(encoder(test_x), test_labels)
        report.add(
            f"linear probe on {name}, accuracy",
            f"{accuracy:.4f}",
            "",
            f"{len(x):,} training examples, logistic regression",
        )
        report.metrics[f"probe_accuracy_{name.replace(' ', '_')}"] = accuracy


def _representation(report, evaluation):
    source = evaluation.recipe.data.probe_data
    dataset = evaluation.other_dataset(source) if source else evaluation.dataset
    train, test = dataset.splits["train"], dataset.splits["test"]
    if "label" in train.element_spec:
        add_probe(
            report, train, test, lambda x: evaluation.model.encode(x).numpy()
        )


def _labelled(examples, limit=None):
    labels = examples.map(lambda element: element["label"])
    return as_array(model_inputs(examples), limit), as_array(labels, limit)


def add_sampled_figures(report, evaluation, rows=10):
    """Adds samples, and halves of test examples completed three times.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`.
        rows: int. Test examples that are completed.
    """
    model = evaluation.model
    if evaluation.dataset.kind == "vectors":
        _add_sampled_rows(report, evaluation)
        return
    report.add_figure(
        "samples", "Samples (seeds of seed 0)", evaluation.sample_grid()
    )
    examples, condition = evaluation.shown(rows)
    mask = np.zeros(examples.shape, bool)
    mask[:, : examples.shape[1] // 2] = True
    columns = [examples, np.where(mask, examples, 0.5)]
    columns += [
        model.complete(examples, mask, seed=seed, **condition).numpy()
        for seed in range(3)
    ]
    together = np.stack(columns, 1).reshape(-1, *examples.shape[1:])
    report.add_figure(
        "completions",
        "Completions: test example, what the model was shown, three "
        "completions",
        figures.enlarged_grid(
            figures.as_images(together, evaluation.dataset.element_shape),
            2 * len(columns),
        ),
    )


def _add_sampled_rows(report, evaluation, rows=24):
    """Adds samples of vectors as what they are, rows of a table."""
    examples, _ = evaluation.shown(rows)
    samples = evaluation.model.sample(len(examples), seed=0).numpy()
    low, high = examples.min(0), examples.max(0)
    scaled = np.clip(
        (np.stack([examples, samples]) - low) / np.maximum(high - low, 1e-12),
        0.0,
        1.0,
    )
    report.add_figure(
        "samples",
        "A row for each example, a column for each dimension: at the top test "
        "examples, below as many samples (seeds of seed 0)",
        figures.grid(scaled[..., None], 1, scale=8),
    )
