"""Translators of images: what comes back, what looks real, what is kept."""

import numpy as np

from keras_genseq.metrics import PatchDescriptors
from keras_genseq.metrics import frechet_distance
from keras_genseq.metrics import sliced_wasserstein_distances
from training import figures
from training.data import as_array
from training.data import load_dataset
from training.evaluations.sample_quality import feature_moments
from training.evaluations.sample_quality import shrunk
from training.report import Report

_JUDGED = 1_000
_SHOWN = 8
# Of patches, 7 pixels a side.
_LEAST_SIDE = 7


def evaluate_image_translation(evaluation):
    """Reports a translator of two domains, in both directions.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model, report = evaluation.model, Report(title="CycleGAN: translations")
    dataset = load_dataset(evaluation.recipe.data.source)
    for target, (source_name, target_name) in ((1, "ab"), (0, "ba")):
        source, other = dataset.domain(source_name), dataset.domain(target_name)
        x = images_of(source, "test", _JUDGED)
        translated = np.array(model.translate(x, target_domain=target))
        where = f"{source_name.upper()} to {target_name.upper()}"
        _cycle(report, model, x, target, where)
        _realness(report, model, translated, other, target, where)
        _patches(report, x, translated, other, where)
        _pixels(report, x, translated, other, where)
        if evaluation.judges:
            judge = evaluation.judges[target_name]
            _classes(report, judge, source, other, x, translated, where)
    report.comparison = _comparison(report.metrics)
    report.metrics["num_parameters"] = model.count_params()
    report.add_figure(
        "translations",
        "Test images of A, translated to B, and back; then those of B, "
        "translated to A, and back",
        translation_grid(model, evaluation.dataset),
    )
    report.add_curves(
        evaluation.history,
        ["d_loss", "g_loss", "cycle_x", "cycle_y"],
        "losses",
    )
    return report


evaluate_image_translation.needs_domain_judges = True


def images_of(domain, split, limit=None):
    """Images of a domain as one array.

    Args:
        domain: `Dataset` of kind `"images"`.
        split: str.
        limit: optional int.
    """
    x = as_array(domain.splits[split].map(lambda example: example["image"]))
    return spread(x, limit)


def spread(x, limit=None):
    """At most `limit` rows, from all over: neighbors may be of one picture."""
    if limit is None or limit >= len(x):
        return x
    return x[np.linspace(0, len(x) - 1, limit).astype(int)]


def translation_grid(model, dataset):
    """Images, their translations and what comes back, both ways.

    Args:
        model: `CycleGAN`.
        dataset: `Dataset`, transformed by `training.data.unpaired`.

    Returns:
        `(height, width, C)` array: three rows of the domain X, then of Y.
    """
    test = list(dataset.splits["test"])
    test = [test[i] for i in spread(np.arange(len(test)), _SHOWN)]
    rows = []
    for key, target in (("image", 1), ("y", 0)):
        x = np.stack([example[key] for example in test])
        there = model.translate(x, target_domain=target)
        back = model.reconstruct(x, target_domain=target)
        rows += [x, np.array(there), np.array(back)]
    side = max(row.shape[1] for row in rows)
    grids = [
        figures.enlarged_grid(_in_color(row, side), _SHOWN) for row in rows
    ]
    return np.concatenate(grids)


def _in_color(x, side):
    """Images of one size, enlarged by whole pixels, with three channels."""
    x = x.repeat(max(1, side // x.shape[1]), 1)
    x = x.repeat(max(1, side // x.shape[2]), 2)
    return x.repeat(3, -1) if x.shape[-1] == 1 else x


def _cycle(report, model, x, target, where):
    back = np.array(model.reconstruct(x, target_domain=target))
    error = float(np.abs(back - x).mean())
    to_mean = float(np.abs(x - x.mean((0, 1, 2))).mean())
    report.add(
        f"cycle error, {where}",
        f"**{error:.4f}**",
        "",
        f"mean distance of a pixel after {where} and back, in [0, 1]; "
        f"{len(x):,} test images. To the mean color: {to_mean:.4f}",
    )
    report.metrics[f"cycle_error_{_name(where)}"] = error
    report.metrics[f"mean_color_error_{_name(where)}"] = to_mean


def _realness(report, model, translated, other, target, where):
    real = images_of(other, "test", _JUDGED)
    ours, theirs = (
        float(np.mean(model.discriminate(z, domain=target)["realness"]))
        for z in (translated, real)
    )
    report.add(
        f"discriminator on translations, {where}: mean realness",
        f"{ours:.3f}",
        "",
        f"of test images {theirs:.3f}",
    )
    report.metrics[f"realness_{_name(where)}"] = ours


def _patches(report, x, translated, other, where):
    """How far patches of translations are from those of real images."""
    real, train = (
        images_of(other, split, _JUDGED) for split in ("test", "train")
    )
    sets = {"translations": translated, "training images": train}
    if x.shape[1:] == real.shape[1:]:
        sets["images as they were"] = x
    same_size = translated.shape[1:] == real.shape[1:]
    if not same_size or min(real.shape[1:3]) < _LEAST_SIDE:
        return
    count = min(len(real), *map(len, sets.values()))
    found = {}
    reference = _descriptors(spread(real, count), 0)
    for name, z in sets.items():
        distances, _ = sliced_wasserstein_distances(
            reference, _descriptors(spread(z, count), 1), num_directions=128
        )
        found[name] = 1000.0 * float(distances.mean())
    others = ", ".join(
        f"{name} {found[name]:.1f}" for name in sets if name != "translations"
    )
    report.add(
        f"sliced Wasserstein distance of patches, times 1,000, {where}",
        f"{found['translations']:.1f}",
        "",
        f"mean of the scales, {count:,} images against as many test images; "
        f"{others}",
    )
    report.metrics[f"sliced_wasserstein_{_name(where)}"] = found


def _descriptors(x, seed):
    return PatchDescriptors(x.shape[1:], seed=seed).update(x)


def _pixels(report, x, translated, other, where):
    """How far translations are from real images, in their pixels."""
    real, train = (
        images_of(other, split, _JUDGED) for split in ("test", "train")
    )
    if min(len(real), len(translated), len(train)) < 2:
        return
    sets = {
        "translations": translated,
        "training images": train,
        "the mean image": np.repeat(train.mean(0, keepdims=True), 2, axis=0),
    }
    if x.shape[1:] == real.shape[1:]:
        sets["images as they were"] = x
    reference = _pixel_moments(real)
    found = {
        name: frechet_distance(reference, _pixel_moments(z))
        for name, z in sets.items()
    }
    others = ", ".join(
        f"{name} {found[name]:.2f}" for name in sets if name != "translations"
    )
    report.add(
        f"pixel Fréchet distance, {where}",
        f"{found['translations']:.2f}",
        "",
        f"{len(translated):,} against {len(real):,} test images; {others}",
    )
    report.metrics[f"pixel_frechet_distance_{_name(where)}"] = found


def _pixel_moments(x):
    return feature_moments(shrunk(x).reshape(len(x), -1).astype("float64"))


def _comparison(metrics):
    """Translations beside what needs no training, over both ways."""
    ways = "a_to_b", "b_to_a"
    found = [metrics.get(f"pixel_frechet_distance_{way}") for way in ways]
    if None in found:
        errors, colors = (
            [metrics[f"{kind}_{way}"] for way in ways]
            for kind in ("cycle_error", "mean_color_error")
        )
        return (
            float(np.mean(errors)),
            "from a pixel after both ways",
            {"the mean color": float(np.mean(colors))},
        )
    means = {
        name: float(np.mean([distances[name] for distances in found]))
        for name in found[0].keys() & found[1].keys()
    }
    ours, floor = means.pop("translations"), means.pop("training images")
    unit = "Fréchet distance in pixels, over both ways"
    return ours, unit, means, ("training images", floor)


def _classes(report, judge, source, other, x, translated, where):
    """Whether translations are still of their class."""
    labels = _labels_of(source, "test", len(x))
    real = images_of(other, "test", _JUDGED)
    right = {
        "translations": _accuracy(judge.model, translated, labels),
        "test images of their own": _accuracy(
            judge.model, real, _labels_of(other, "test", len(real))
        ),
    }
    if x.shape[1:] == real.shape[1:]:
        right["images as they were"] = _accuracy(judge.model, x, labels)
    others = ", ".join(
        f"{name} {right[name]:.4f}" for name in right if name != "translations"
    )
    report.add(
        f"accuracy on translations, {where}",
        f"**{right['translations']:.4f}**",
        "",
        "of a classifier that knows real images of the domain translated to "
        f"alone, then frozen; {len(x):,} test images. {others} (what that "
        f"classifier is worth without a translator); {judge}",
    )
    report.metrics[f"accuracy_{_name(where)}"] = right


def _accuracy(classifier, x, labels):
    probabilities = np.array(classifier.classify(x)["probabilities"])
    return float((probabilities.argmax(1) == labels).mean())


def _labels_of(domain, split, limit=None):
    labels = as_array(domain.splits[split].map(lambda e: e["label"]))
    return spread(labels, limit)


def _name(where):
    return where.lower().replace(" ", "_")
