"""Classifiers of images: how often they are right, and which one it is."""

import hashlib

import numpy as np

from training.data import as_array
from training.data import model_inputs
from training.evaluations.density import mean_with_interval
from training.report import Report


def evaluate_classifier(evaluation):
    """Reports the accuracy of an `ImageClassifier`.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model = evaluation.model
    test = evaluation.dataset.splits["test"]
    accuracy, interval = mean_with_interval(right_answers(model, test))
    report = Report(title="ImageClassifier: accuracy")
    report.add(
        "test accuracy",
        f"**{accuracy:.4f} ± {interval:.4f}**",
        "",
        f"{model.count_params():,} parameters; {int(test.cardinality()):,} "
        "images, 95 % interval",
    )
    report.add(
        "weights' hash", weights_hash(model), "", "sha256, its beginning"
    )
    report.metrics.update(
        accuracy=float(accuracy), weights_hash=weights_hash(model)
    )
    return report


def right_answers(model, examples):
    """Which examples a classifier labels as they are.

    Args:
        model: `ImageClassifier`.
        examples: `tf.data.Dataset` of dicts with an input and `y`.

    Returns:
        `(num_examples,)` booleans.
    """
    x = as_array(model_inputs(examples))
    y = as_array(examples.map(lambda e: e["y"]))
    return model.classify(x)["probabilities"].numpy().argmax(1) == y


def weights_hash(model):
    """The first 16 hex digits of the SHA-256 of a model's weights.

    Distances of features compare between classifiers of one hash alone.
    """
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight, "<f4").tobytes())
    return digest.hexdigest()[:16]
