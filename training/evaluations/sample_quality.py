"""How good samples are: distances to real images, kinds, between two bounds.

Every number stands beside that of as many training images, the floor, and that
of noise, the ceiling.
"""

import math

import numpy as np

from keras_genseq.metrics import FeatureMoments
from keras_genseq.metrics import InceptionScore
from keras_genseq.metrics import ModeCounts
from keras_genseq.metrics import PatchDescriptors
from keras_genseq.metrics import frechet_distance
from keras_genseq.metrics import kernel_distances
from keras_genseq.metrics import precision_recall
from keras_genseq.metrics import sliced_wasserstein_distances

_COMPARED = 5_000
# Distances to fewer images are of their covariance more than of the samples.
_FEW = 100
_COMPARED_PIXELS = 1_000
_PATCHED = 1_000
_NUM_SUBSETS = 20
_BATCH = 1_000
_LEAST_SIDE = 7
_MOST_PIXELS = 3_072
_UNITS = {
    "classifier": "Fréchet distance in features of the classifier",
    "pixel": "Fréchet distance in pixels",
}


def add_sample_quality(report, evaluation, samples, test):
    """Adds distances in features of a classifier, in pixels and in patches.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`; without an `extractor`,
            distances in its features are left out.
        samples: `(num_samples, height, width, channels)` array.
        test: `(num_examples, height, width, channels)` array.
    """
    extractor = evaluation.extractor
    train = evaluation.inputs("train", len(samples))
    noise = np.random.default_rng(0).random(samples.shape, "float32")
    sets = {"samples": samples, "training_images": train, "noise": noise}
    # Drawn twice, it has a covariance: none.
    mean = np.repeat(train.mean(0, keepdims=True), 2, axis=0)
    placed = {**sets, "mean_image": mean}
    if extractor is not None:
        features = {k: encoded(extractor.model, x) for k, x in placed.items()}
        real = encoded(extractor.model, test)
        _add_distances(
            report, "classifier", real, features, _COMPARED, str(extractor)
        )
        _add_inception_score(report, extractor, sets)
        report.metrics["classifier_accuracy"] = extractor.accuracy
        report.metrics["classifier_hash"] = extractor.weights_hash
    small = shrunk(test[:_COMPARED_PIXELS])
    _add_distances(
        report,
        "pixel",
        _rows(small),
        {k: _rows(shrunk(x[:_COMPARED_PIXELS])) for k, x in placed.items()},
        _COMPARED_PIXELS,
        f"pixels of {small.shape[1]}x{small.shape[2]} as features",
    )
    if report.comparison is None:
        kind = "pixel" if extractor is None else "classifier"
        report.comparison = _comparison(report.metrics, kind)
    if has_patches(test):
        _add_patches(report, sets, test)


def _comparison(metrics, kind):
    """The samples' Fréchet distance beside what needs no training."""
    ours, floor, *others = (
        metrics[f"{kind}_frechet_distance_of_{name}"]
        for name in ("samples", "training_images", "mean_image", "noise")
    )
    baselines = dict(zip(("the mean image", "noise"), others, strict=True))
    return ours, _UNITS[kind], baselines, ("training images", floor)


def add_classes(report, evaluation, samples):
    """Adds how many classes a classifier of real images finds in samples.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`; without an `extractor`,
            nothing is added.
        samples: `(num_samples, height, width, channels)` array.
    """
    extractor = evaluation.extractor
    if extractor is None:
        return
    train = evaluation.inputs("train", len(samples))
    ours, real = (_mode_counts(extractor.model, x) for x in (samples, train))
    shares = ours.shares
    # A class that no real image has is no class of these data.
    expected = real.shares.clip(1e-6)
    report.add(
        "classes among the samples",
        f"{ours.num_found()} of {len(shares)}",
        "",
        f"with more than 1 % of them; shares from {shares.min():.3f} to "
        f"{shares.max():.3f}, {ours.divergence(expected):.3f} nats from those "
        f"of training images. {extractor}",
    )
    report.metrics["classes_found"] = ours.num_found()
    report.metrics["class_shares"] = [round(float(s), 4) for s in shares]
    report.metrics["class_divergence"] = ours.divergence(expected)


def _add_distances(report, kind, real, features, compared, remark):
    """Fréchet and kernel distance, precision and recall of features."""
    moments = feature_moments(real)
    report.metrics[f"{kind}_frechet_distance_of_mean_image"] = frechet_distance(
        moments, feature_moments(features.pop("mean_image"))
    )
    found = {}
    for name, other in features.items():
        count = min(compared, len(real), len(other))
        kernel = kernel_distances(
            real, other, _NUM_SUBSETS, min(1000, count // 2)
        )
        precision, recall = precision_recall(real[:count], other[:count])
        found[name] = {
            "frechet_distance": frechet_distance(
                moments, feature_moments(other)
            ),
            "kernel_distance": kernel.mean(),
            "kernel_error": kernel.std() / np.sqrt(len(kernel)),
            "precision": precision,
            "recall": recall,
        }
        for metric, value in found[name].items():
            report.metrics[f"{kind}_{metric}_of_{name}"] = float(value)
    if len(real) < _FEW:
        note = (
            f"{len(real)} test images are few: distances to them say little. "
            "More data would make them worth more."
        )
        if note not in report.notes:
            report.notes.append(note)
    counts = f"{len(features['samples']):,} against {len(real):,} test images"
    _add_row(
        report,
        f"{kind} Fréchet distance",
        {k: f"{v['frechet_distance']:.2f}" for k, v in found.items()},
        f"{counts}; {remark}",
    )
    _add_row(
        report,
        f"{kind} kernel distance",
        {
            k: f"{v['kernel_distance']:.4f} ± {v['kernel_error']:.4f}"
            for k, v in found.items()
        },
        f"{_NUM_SUBSETS} subsets, standard error",
    )
    _add_row(
        report,
        f"{kind} precision, recall",
        {
            k: f"{v['precision']:.3f}, {v['recall']:.3f}"
            for k, v in found.items()
        },
        f"{min(compared, len(real)):,} against as many, 3 neighbours",
    )


def _add_inception_score(report, extractor, sets):
    words = {}
    for name, x in sets.items():
        probabilities = extractor.model.classify(x)["probabilities"].numpy()
        score = InceptionScore(probabilities.shape[1]).update(probabilities)
        words[name] = f"{score.mean:.3f} ± {score.deviation:.3f}"
        report.metrics[f"inception_score_of_{name}"] = score.mean
        report.metrics[f"inception_score_deviation_of_{name}"] = score.deviation
    _add_row(report, "inception score of the classifier", words, "10 splits")


def has_patches(x):
    """Whether images are large enough for a patch."""
    return min(x.shape[1:3]) >= _LEAST_SIDE


def patch_distances(real, sets):
    """Sliced Wasserstein distances of sets of images to real ones.

    Args:
        real: `(num_images, height, width, channels)` array.
        sets: dict of such arrays by name.

    Returns:
        dict of name to a pair of arrays: distances, and their errors, a value
        for each scale.
    """

    def patches(x, seed):
        return PatchDescriptors(x.shape[1:], seed=seed).update(x[:count])

    count = min(_PATCHED, len(real), *map(len, sets.values()))
    first = patches(real, 0)
    return {
        name: sliced_wasserstein_distances(
            first, patches(x, 1), num_directions=128
        )
        for name, x in sets.items()
    }


def _add_patches(report, sets, test):
    words = {}
    for name, (distances, errors) in patch_distances(test, sets).items():
        words[name] = ", ".join(
            f"{1000 * d:.1f} ± {1000 * e:.1f}"
            for d, e in zip(distances, errors, strict=True)
        )
        report.metrics[f"sliced_wasserstein_of_{name}"] = [
            round(float(d), 5) for d in distances
        ]
    count = min(_PATCHED, len(test), *map(len, sets.values()))
    _add_row(
        report,
        "sliced Wasserstein distance of patches, times 1,000",
        words,
        f"{count:,} images; a value for each scale, the largest first",
    )


def _add_row(report, quantity, words, remark):
    report.add(
        quantity,
        words["samples"],
        "",
        f"floor {words['training_images']} (training images), ceiling "
        f"{words['noise']} (noise); {remark}",
    )


def feature_moments(features):
    """`FeatureMoments` of an array of features, in batches."""
    moments = FeatureMoments(features.shape[1])
    for start in range(0, len(features), _BATCH):
        moments.update(features[start : start + _BATCH])
    return moments


def _mode_counts(model, x):
    probabilities = model.classify(x)["probabilities"].numpy()
    return ModeCounts(probabilities.shape[1]).update(probabilities.argmax(1))


def encoded(model, x):
    """Features of images: float64 array."""
    return model.encode(x).numpy().astype("float64")


def shrunk(x):
    """Halves images until the covariance of their pixels fits into memory.

    Args:
        x: `(num_images, height, width, channels)` array.
    """
    while math.prod(x.shape[1:]) > _MOST_PIXELS and min(x.shape[1:3]) > 1:
        count, height, width, channels = x.shape
        halves = (height // 2, width // 2)
        x = x[:, : 2 * halves[0], : 2 * halves[1]]
        x = x.reshape(count, halves[0], 2, halves[1], 2, channels)
        x = x.mean((2, 4))
    return x


def _rows(x):
    return x.reshape(len(x), -1).astype("float64")
