"""InfoGAN: what its codes have come to mean."""

import numpy as np

from training import figures
from training.evaluations.adversarial import evaluate_adversarial

# The paper sweeps numbers beyond the (-1, 1) that training knows.
_EXTENT = 2.0


def evaluate_infogan(evaluation):
    """Reports an `InfoGAN`: its samples, and what its codes stand for.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = evaluate_adversarial(evaluation)
    model = evaluation.model
    test = evaluation.inputs("test")
    logs = model.evaluate(test, batch_size=100, verbose=0, return_dict=True)
    entropy = float(np.sum(np.log(model.categories)))
    paper, source = evaluation.paper("mutual_information")
    report.add(
        "bound on the information of the categories, nats",
        f"**{logs['mutual_information']:.3f}**",
        paper,
        f"at most {entropy:.3f}. {source}",
    )
    report.metrics["mutual_information"] = float(logs["mutual_information"])
    _consistency(report, evaluation)
    evaluation.add_part(report, "errors of the category", _errors, test)
    report.add_figure(
        "codes",
        "A row for each category; then a row for each number, from "
        f"{-_EXTENT:.0f} to {_EXTENT:.0f}",
        code_grid(model),
    )
    return report


evaluate_infogan.needs_extractor = True
evaluate_infogan.kinds = ("images",)


def majority_labels(found, labels, num_categories):
    """The label that most examples of a category have.

    Args:
        found: `(num_examples,)` categories.
        labels: `(num_examples,)` labels.
        num_categories: int.

    Returns:
        `(num_categories,)` labels; of a category without examples -1.
    """
    majority = np.full(num_categories, -1)
    for category in np.unique(found):
        values, counts = np.unique(
            labels[found == category], return_counts=True
        )
        majority[category] = values[counts.argmax()]
    return majority


def _consistency(report, evaluation):
    """Whether Q reads the category off an image that G made of it."""
    model = evaluation.model
    count = evaluation.at_most(1_000)
    seeds = np.arange(count, dtype="int32")
    latents = np.array(model.sample_latents(seeds))
    code = latents[:, model.latent_dim :][:, : model.categories[0]]
    samples = model.sample(count, seed=seeds)
    probabilities = np.array(model.encode(samples)["probabilities"])
    found = probabilities[:, : model.categories[0]].argmax(1)
    share = float((found == code.argmax(1)).mean())
    report.add(
        "samples whose category is read back",
        f"{share:.3f}",
        "",
        f"{count:,} of them",
    )
    report.metrics["consistency"] = share


def _errors(report, evaluation, test):
    labels = evaluation.labels("test")
    if labels is None:
        return
    size = evaluation.model.categories[0]
    probabilities = evaluation.model.encode(test)["probabilities"]
    found = np.array(probabilities)[:, :size].argmax(1)
    majority = majority_labels(found, labels, size)
    error = float((majority[found] != labels).mean())
    paper, source = evaluation.paper("error")
    report.add(
        "errors of the category as a classifier",
        f"**{error:.4f}**",
        paper,
        "each category stands for the label that most of its test images "
        f"have: {majority.tolist()}. {source}",
    )
    report.metrics["category_error"] = error


def code_grid(model, columns=10):
    """What each part of the code does, all else held.

    Args:
        model: `InfoGAN`.
        columns: int. Images in a row.

    Returns:
        `(height, width, C)` array: a row of each category with other noise in
        every column, then a row of each number from -2 to 2.
    """
    latents = np.array(model.sample_latents(np.arange(columns, dtype="int32")))
    first = model.latent_dim
    size = model.categories[0]
    rows = []
    for category in range(size):
        row = latents.copy()
        row[:, first : first + size] = np.eye(size)[category]
        rows.append(row)
    for number in range(model.num_continuous):
        row = np.repeat(latents[:1], columns, axis=0)
        place = latents.shape[1] - model.num_continuous + number
        row[:, place] = np.linspace(-_EXTENT, _EXTENT, columns)
        rows.append(row)
    images = np.array(model.images_of_latents(np.concatenate(rows)))
    return figures.enlarged_grid(images, columns)
