"""Progressive GANs: samples of every level, and the losses where levels begin.

All levels are measured by the same classifier and patches, that of the whole
images: samples of a lower level are enlarged, and so are real images of that
level, which are the floor.
"""

import dataclasses
import itertools

import keras
import numpy as np

from keras_genseq.metrics import frechet_distance
from training.evaluations.adversarial import num_samples
from training.evaluations.sample_quality import add_classes
from training.evaluations.sample_quality import add_sample_quality
from training.evaluations.sample_quality import encoded
from training.evaluations.sample_quality import feature_moments
from training.evaluations.sample_quality import has_patches
from training.evaluations.sample_quality import patch_distances
from training.report import Report

_COMPARED = 2_000


def evaluate_progressive_gan(evaluation):
    """Reports a `ProgressiveGAN`: its samples, and those of lower levels.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title="ProgressiveGAN: samples of every level")
    test = evaluation.inputs("test")
    side = test.shape[1]
    samples, _ = evaluation.sample(num_samples(test))
    samples = enlarged(samples, side)
    for name, add, *more in (
        ("sample quality", add_sample_quality, samples, test),
        ("classes of samples", add_classes, samples),
    ):
        evaluation.add_part(report, name, add, *more)
    for level in _levels(evaluation):
        name = "x".join(map(str, level.model.sample_shape[:2]))
        level.add_part(report, f"level {name}", _add_level, name, test)
        report.add_figure(
            f"samples_{name}",
            f"Samples of {name} (seeds of seed 0)",
            level.sample_grid(),
        )
    _add_losses(report, evaluation)
    report.metrics["num_parameters"] = evaluation.model.count_params()
    return report


evaluate_progressive_gan.needs_extractor = True
evaluate_progressive_gan.kinds = ("images",)


def shrunk_to(x, side):
    """Images of a side, whose pixels are means of the pixels of larger ones.

    Args:
        x: `(num_images, height, width, channels)` array, its sides multiples
            of `side`.
        side: int.
    """
    factor = x.shape[1] // side
    shape = (len(x), side, factor, side, factor, x.shape[-1])
    return x.reshape(shape).mean((2, 4))


def enlarged(x, side):
    """Images of a side, whose pixels are those of smaller ones, repeated."""
    factor = side // x.shape[1]
    return np.repeat(np.repeat(x, factor, 1), factor, 2)


def _levels(evaluation):
    """The evaluation of each level that has been trained, the lowest first."""
    found, number = [], 1
    while evaluation.run.phase(number).model.exists():
        model = keras.models.load_model(evaluation.run.phase(number).model)
        found.append(dataclasses.replace(evaluation, model=model))
        number += 1
    if not found or found[-1].model.level < evaluation.model.level:
        found.append(evaluation)
    return found


def _add_level(report, evaluation, name, test):
    """Distances of the samples of a level to real images of that level."""
    side, level_side = test.shape[1], evaluation.model.sample_shape[0]
    test = test[:_COMPARED]
    samples, _ = evaluation.sample(len(test))
    noise = np.random.default_rng(0).random(samples.shape, "float32")
    train = shrunk_to(evaluation.inputs("train", len(samples)), level_side)
    real = enlarged(shrunk_to(test, level_side), side)
    sets = {
        "samples": enlarged(samples, side),
        "training_images": enlarged(train, side),
        "noise": enlarged(noise, side),
    }
    for quantity, key, found, remark in (
        (
            "classifier Fréchet distance",
            "classifier_frechet_distance",
            _frechet_distances(evaluation.extractor, real, sets),
            str(evaluation.extractor),
        ),
        (
            "sliced Wasserstein distance of patches, times 1,000",
            "sliced_wasserstein",
            _patch_distances(real, sets),
            "mean over scales",
        ),
    ):
        if not found:
            continue
        report.add(
            f"level {name}: {quantity}",
            f"{found['samples']:.2f}",
            "",
            f"floor {found['training_images']:.2f} (training images), ceiling "
            f"{found['noise']:.2f} (noise), all at {name}; {len(samples):,} "
            f"against {len(test):,} test images; {remark}",
        )
        for kind, value in found.items():
            report.metrics[f"level_{name}_{key}_of_{kind}"] = float(value)


def _frechet_distances(extractor, real, sets):
    if extractor is None:
        return {}
    moments = feature_moments(encoded(extractor.model, real))
    return {
        kind: frechet_distance(
            moments, feature_moments(encoded(extractor.model, x))
        )
        for kind, x in sets.items()
    }


def _patch_distances(real, sets):
    if not has_patches(real):
        return {}
    distances = patch_distances(real, sets)
    return {k: 1000.0 * means.mean() for k, (means, _) in distances.items()}


def _add_losses(report, evaluation):
    """The losses over all levels, and whether they leap where one begins."""
    history = evaluation.history
    report.add_curves(
        history,
        ["d_loss", "g_loss", "logit_margin", "alpha"],
        "loss of critic and generator; share",
        {"0": 0.0},
        "Training: a level fades in while alpha rises from 0 to 1",
    )
    steps = [
        (abs(b["d_loss"] - a["d_loss"]), a.get("phase") != b.get("phase"))
        for a, b in itertools.pairwise(history)
    ]
    leaps = [step for step, is_first in steps if is_first]
    if leaps:
        report.add(
            "largest leap of the critic's loss where a level begins",
            f"{max(leaps):.3f}",
            "",
            f"from one epoch to the next; in the run {max(steps)[0]:.3f}",
        )
        report.metrics["largest_leap_at_a_level"] = max(leaps)
        report.metrics["largest_leap"] = max(steps)[0]
