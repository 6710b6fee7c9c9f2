"""Encoders of captions: whether images and captions find each other."""

import numpy as np

from training.report import Report

_JUDGED = 2_000


def evaluate_text_encoder(evaluation):
    """Reports a `CharCNNRNN`: nearest classes, both ways.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model, report = evaluation.model, Report(title="Text encoder: matches")
    images = np.array(model(evaluation.inputs("test", _JUDGED)))
    captions, classes = captions_of(evaluation, "test", _JUDGED)
    texts = np.array(model.encode([each[0] for each in captions]))
    report_matches(report, images, texts, classes)
    report.metrics["num_parameters"] = model.count_params()
    report.add_curves(evaluation.history, ["loss", "val_loss"], "loss")
    return report


evaluate_text_encoder.kinds = ("captions",)


def report_matches(report, images, texts, classes):
    """Adds how often images and classes of captions find each other.

    Args:
        report: `Report`.
        images: `(num_images, size)` floats. Embeddings.
        texts: the same of a caption of each image.
        classes: `(num_images,)` ints.

    Returns:
        `(num_images,)` ints: the class nearest to each image, by its mean
        caption.
    """
    names, members = np.unique(classes, return_inverse=True)
    # The mean of what is said of a class stands for it.
    means = np.stack([texts[members == i].mean(0) for i in range(len(names))])
    scores = images @ means.T
    found = {
        "class_of_an_image": (
            "test images whose nearest class, by its mean caption, is theirs",
            scores.argmax(1) == members,
        ),
        "image_of_a_class": (
            "classes whose nearest test image is one of them",
            members[scores.argmax(0)] == np.arange(len(names)),
        ),
    }
    chance = 1.0 / len(names)
    for name, (words, right) in found.items():
        report.add(
            words,
            f"**{right.mean():.1%}**",
            "",
            f"{len(right):,}; by chance some {chance:.1%}",
        )
        report.metrics[name] = float(right.mean())
    return names[scores.argmax(1)]


def captions_of(evaluation, split, limit=None):
    """Captions of a split, and classes: without any, every image is its own.

    Args:
        evaluation: `training.evaluation.Evaluation`.
        split: str.
        limit: optional int.

    Returns:
        list of lists of str, and `(num_examples,)` ints.
    """
    examples = evaluation.dataset.splits[split]
    limit = evaluation.at_most(limit)
    examples = examples if limit is None else examples.take(limit)
    rows = [
        {k: row[k] for k in ("captions", "label") if k in row}
        for row in examples.as_numpy_iterator()
    ]
    captions = [
        [c.decode() for c in row["captions"] if c] or [""] for row in rows
    ]
    classes = [int(row.get("label", i)) for i, row in enumerate(rows)]
    return captions, np.array(classes)
