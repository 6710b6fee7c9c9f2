"""Classifiers of images: how right they are, how sure, and which one it is."""

import hashlib

import numpy as np
from matplotlib import pyplot as plt

from keras_genseq.metrics import calibration_error
from training import figures
from training.data import as_array
from training.data import model_inputs
from training.evaluations.density import mean_with_interval
from training.evaluations.density import plus_minus
from training.report import Report


def evaluate_classifier(evaluation):
    """Reports how often a `ClassifierModel` of images is right.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model = evaluation.model
    probabilities, labels = answers(model, evaluation.dataset.splits["test"])
    right = probabilities.argmax(1) == labels
    accuracy, interval = mean_with_interval(right)
    paper, source = evaluation.paper("accuracy")
    report = Report(title=f"{type(model).__name__}: accuracy")
    report.add(
        "test accuracy",
        f"**{plus_minus(accuracy, interval, 4)}**",
        paper,
        f"{model.count_params():,} parameters; {len(labels):,} images, 95 % "
        f"interval. {source}".rstrip(),
    )
    error, bins = calibration_error(probabilities, labels)
    chosen = probabilities[np.arange(len(labels)), labels]
    nll = -np.log(np.maximum(chosen, 1e-12)).mean()
    report.add(
        "expected calibration error",
        f"{error:.4f}",
        "",
        f"{len(bins)} bins; mean confidence {probabilities.max(1).mean():.4f}",
    )
    report.add("cross-entropy, nats", f"{nll:.4f}")
    most = np.bincount(evaluation.labels("train")).argmax()
    guess = float((labels != most).mean())
    report.add("baseline: the most frequent class", f"{1.0 - guess:.4f}")
    report.comparison = (
        1.0 - accuracy,
        "of test images wrong",
        {"the most frequent class": guess},
    )
    report.add(
        "weights' hash", weights_hash(model), "", "sha256, its beginning"
    )
    report.metrics.update(
        accuracy=float(accuracy),
        accuracy_interval=float(interval),
        calibration_error=error,
        cross_entropy=float(nll),
        num_test_examples=len(labels),
        num_parameters=model.count_params(),
        weights_hash=weights_hash(model),
    )
    report.add_curves(
        evaluation.history, ("accuracy", "val_accuracy"), "accuracy"
    )
    report.add_figure(
        "calibration",
        "Confidence and accuracy, by bins of confidence; areas show counts",
        _reliability(bins),
    )
    return report


evaluate_classifier.kinds = ("images",)


def answers(model, examples):
    """What a classifier says of examples, and what they are.

    Args:
        model: `ClassifierModel`.
        examples: `tf.data.Dataset` of dicts with an input and `y`.

    Returns:
        `(num_examples, num_classes)` probabilities and `(num_examples,)` ints.
    """
    x = as_array(model_inputs(examples))
    y = as_array(examples.map(lambda e: e["y"]))
    return model.classify(x)["probabilities"].numpy(), y


def right_answers(model, examples):
    """Which examples a classifier labels as they are.

    Args:
        model, examples: as for `answers`.

    Returns:
        `(num_examples,)` booleans.
    """
    probabilities, labels = answers(model, examples)
    return probabilities.argmax(1) == labels


def _reliability(bins):
    figure, axes = plt.subplots(figsize=(4.5, 4), layout="constrained")
    axes.plot([0, 1], [0, 1], ls="--", lw=1, color="grey")
    confidence, accuracy, share = bins[bins[:, 2] > 0].T
    axes.scatter(confidence, accuracy, s=20 + 400 * share, alpha=0.7)
    axes.set(xlabel="confidence", ylabel="accuracy", ylim=(-0.05, 1.05))
    axes.grid(alpha=0.3)
    return figures.pixels(figure)


def weights_hash(model):
    """The first 16 hex digits of the SHA-256 of a model's weights.

    Distances of features compare between classifiers of one hash alone.
    """
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight, "<f4").tobytes())
    return digest.hexdigest()[:16]
