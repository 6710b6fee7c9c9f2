"""Categories of codes: how often they are wrong, and what they look like."""

import numpy as np

from training import figures

_ROWS_SHOWN = 30
_COLUMNS_SHOWN = 12


def add_categories(report, evaluation):
    """Adds the error of a model's categories, and a picture of them.

    If training had labels, category k is class k. Else each cluster takes the
    label of the validation image that is most surely in it, as in Makhzani et
    al., 2016, section 6.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation` of a model with `classify`.
    """
    model, splits = evaluation.model, evaluation.dataset.splits
    report.add_figure(
        "categories",
        "Categories in rows, samples of z in columns",
        category_grid(model),
    )
    if "label" not in splits["test"].element_spec:
        return
    probabilities = {
        name: np.array(model.classify(evaluation.inputs(name))["probabilities"])
        for name in ("valid", "test")
    }
    labels = {name: evaluation.labels(name) for name in ("valid", "test")}
    if "y" in splits["train"].element_spec:
        meaning = np.arange(model.num_categories)
        remark = "the classifier's"
    else:
        meaning = labels_of_clusters(probabilities["valid"], labels["valid"])
        remark = f"{model.num_categories} clusters, named after one image each"
    found = meaning[probabilities["test"].argmax(axis=1)]
    error = float(np.mean(found != labels["test"]))
    paper, source = evaluation.paper("class_error")
    report.add(
        "test error of the classes",
        f"**{error:.2%}**",
        f"{paper:.2%}" if paper else "",
        f"{remark}; all {len(found):,} test images. {source}",
    )
    usage = probabilities["test"].mean(axis=0)
    used = float(np.exp(-np.sum(usage * np.log(usage + 1e-12))))
    report.add(
        "categories in use",
        f"{used:.1f} of {model.num_categories}",
        "",
        "exponential of the entropy of the mean probabilities",
    )
    counts = np.unique(labels["test"], return_counts=True)[1]
    report.comparison = (
        error,
        "of test images in another class",
        {"one class for all": 1.0 - float(counts.max() / counts.sum())},
    )
    report.metrics["class_error"] = error
    report.metrics["categories_in_use"] = used


def labels_of_clusters(probabilities, labels):
    """The label of the surest example of each cluster.

    Args:
        probabilities: `(num_examples, num_clusters)` array.
        labels: `(num_examples,)` array.

    Returns:
        `(num_clusters,)` array of labels.
    """
    return labels[probabilities.argmax(axis=0)]


def category_grid(model, seed=0):
    """One row for each category, one column for each draw of z.

    Args:
        model: an `AdversarialAutoencoder` with categories.
        seed: int. Of the draws.

    Returns:
        `(height, width, C)` array in [0, 1].
    """
    rows = min(model.num_categories, _ROWS_SHOWN)
    seeds = np.arange(_COLUMNS_SHOWN, dtype="int32") + seed
    z = np.tile(np.array(model.prior.draw(seeds)), (rows, 1))
    one_hot = np.repeat(np.eye(model.num_categories)[:rows], len(seeds), axis=0)
    codes = model.codes.with_categories(z, one_hot.astype("float32"))
    images = np.array(model.decode(codes))
    return figures.enlarged_grid(images, _COLUMNS_SHOWN, side=28)
