"""Rankers of images by captions: whether pairs find each other."""

import numpy as np

from training.data.captioned_digits import ATTRIBUTES
from training.data.captioned_digits import NAME as CAPTIONED_DIGITS
from training.evaluations.caption_agreement import attribute_of
from training.evaluations.text_encoder import captions_of
from training.evaluations.text_encoder import report_matches
from training.report import Report

_JUDGED = 2_000


def evaluate_contrastive_ranker(evaluation):
    """Reports a `ContrastiveRanker`: nearest classes, both ways.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model, report = evaluation.model, Report(title="ContrastiveRanker: matches")
    images = np.array(model.encode(evaluation.inputs("test", _JUDGED)))
    _, classes = captions_of(evaluation, "test", _JUDGED)
    # As they were learned: words that are unknown, or too many, are cut.
    rows = evaluation.dataset.splits["test"].take(len(classes))
    token_ids = np.stack([row["y"][0] for row in rows.as_numpy_iterator()])
    texts = np.array(model.encode_captions(token_ids))
    found = report_matches(report, images, texts, classes)
    if evaluation.recipe.data.source == CAPTIONED_DIGITS:
        for name in ATTRIBUTES:
            right = attribute_of(name, found) == attribute_of(name, classes)
            report.add(f"{name} of the nearest class", f"{right.mean():.1%}")
            report.metrics[f"{name}_of_an_image"] = float(right.mean())
    report.metrics["num_parameters"] = model.count_params()
    report.add_curves(evaluation.history, ["loss", "val_loss"], "nats")
    return report


evaluate_contrastive_ranker.kinds = ("captions",)
