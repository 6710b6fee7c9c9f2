"""Adversarial models: Parzen windows, signs of collapse, pictures."""

import math

import numpy as np
from keras import ops

from keras_genseq.metrics import ParzenWindow
from keras_genseq.metrics.parzen_window import BANDWIDTHS
from keras_genseq.ops.interpolation import linear_interpolation
from keras_genseq.ops.interpolation import spherical_interpolation
from training import figures
from training.data.notes import counted
from training.evaluations.density import mean_with_interval
from training.evaluations.density import plus_minus
from training.evaluations.density import whose_interval
from training.evaluations.sample_quality import add_classes
from training.evaluations.sample_quality import add_sample_quality
from training.gan_monitor import find_alarms
from training.gan_monitor import has_critic
from training.report import Report

NUM_SAMPLES = 10_000
# Of all samples together: several copies are held in float64.
_MOST_VALUES = 2**24
_NUM_VALIDATION = 1_000
# Between two of the authors' ten bandwidths lie up to a dozen nats.
_FINE_BANDWIDTHS = tuple(np.logspace(-1.0, 0.0, 46))
_COMPARED = 1_000


def evaluate_adversarial(evaluation):
    """Reports an `AdversarialModel`: likelihood by samples, signs of collapse.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title=f"{type(evaluation.model).__name__}: samples")
    evaluation.add_part(report, "pictures", _pictures)
    test = evaluation.inputs("test")
    samples, condition = evaluation.sample(num_samples(test))
    evaluation.add_part(report, "Parzen windows", add_parzen, samples, test)
    _discriminator(report, evaluation, samples, condition, test)
    for name, add in (
        ("diversity", _diversity),
        ("sample quality", add_sample_quality),
    ):
        evaluation.add_part(report, name, add, samples, test)
    evaluation.add_part(report, "classes of samples", add_classes, samples)
    _alarms(report, evaluation)
    return report


evaluate_adversarial.needs_extractor = True
evaluate_adversarial.kinds = ("images",)


def num_samples(images):
    """How many samples are judged: fewer of large images, to save memory."""
    return min(NUM_SAMPLES, _MOST_VALUES // math.prod(images.shape[1:]))


def add_parzen(report, evaluation, samples, test):
    """Adds the Parzen log-likelihood, and that of as many training images.

    Args:
        report: `Report`.
        evaluation: `training.evaluation.Evaluation`.
        samples: `(num_samples, ...)` array.
        test: `(num_examples, ...)` array.
    """
    paper, source = evaluation.paper("parzen")
    valid = evaluation.inputs("valid", _NUM_VALIDATION)
    train = evaluation.inputs("train", len(samples))
    finer = "a finer grid than that of Goodfellow et al."
    perfect = "what a perfect generator would reach"
    for name, centres, bandwidths, theirs, remark in (
        ("samples", samples, BANDWIDTHS, paper, source),
        ("training_images", train, BANDWIDTHS, "", perfect),
        ("samples_on_a_fine_grid", samples, _FINE_BANDWIDTHS, "", finer),
    ):
        window = ParzenWindow.chosen(centres, valid, bandwidths)
        mean, interval = mean_with_interval(window.log_prob(test))
        report.add(
            f"test log-likelihood by Parzen windows of {len(centres):,} "
            f"{name.replace('_', ' ')}, nats",
            f"**{plus_minus(mean, interval, 1)}**",
            theirs,
            f"bandwidth {window.bandwidth:.3f}, chosen of {len(bandwidths)} "
            f"on {counted(len(valid), 'validation image')}; "
            f"{whose_interval(len(test), 'test image')}. {remark}",
        )
        report.metrics[f"parzen_of_{name}"] = float(mean)
        report.metrics[f"parzen_of_{name}_interval"] = interval
    report.metrics["num_parameters"] = evaluation.model.count_params()


def _discriminator(report, evaluation, samples, condition, test):
    """What the discriminator says of both: 1/2 where it cannot tell."""
    model = evaluation.model
    real = model.discriminate(test, **evaluation.condition("test"))
    fake = model.discriminate(
        samples[: len(test)],
        **{k: v[: len(test)] for k, v in condition.items()},
    )
    real, fake = np.array(real["realness"]), np.array(fake["realness"])
    for name, realness in (("test images", real), ("samples", fake)):
        report.add(
            f"discriminator on {name}: mean realness, share held real",
            f"{realness.mean():.3f}, {(realness > 0.5).mean():.3f}",
            "",
            "1/2 where it cannot tell",
        )
        report.metrics[f"realness_of_{name.replace(' ', '_')}"] = float(
            realness.mean()
        )


def _alarms(report, evaluation):
    alarms = find_alarms(
        evaluation.history, is_critic=has_critic(evaluation.model)
    )
    report.metrics["alarms"] = [alarm.name for alarm in alarms]
    report.notes += [str(alarm) for alarm in alarms]


def _diversity(report, evaluation, samples, test):
    """How far samples are from each other, and from the training images."""
    train = evaluation.inputs("train")
    samples, test = samples[:_COMPARED], test[:_COMPARED]
    between = [_pairwise(x).mean() for x in (samples, test)]
    nearest = [
        np.sqrt(ParzenWindow(train, 1.0).squared_distances(x).min(1)).mean()
        for x in (
            samples.reshape(len(samples), -1),
            test.reshape(len(test), -1),
        )
    ]
    for name, words, (ours, real), remark in (
        ("diversity", "to another", between, "less: collapse"),
        ("novelty", "to the nearest training image", nearest, "0: copies"),
    ):
        report.add(
            f"mean distance of a sample {words}",
            f"{ours:.2f}",
            "",
            f"of a test image {real:.2f}; {remark}",
        )
        report.metrics[name] = float(ours)
        report.metrics[f"{name}_of_test_images"] = float(real)


def _pairwise(x):
    if len(x) < 2:
        raise ValueError("There is one test example alone.")
    rows = x.reshape(len(x), -1)
    distances = ParzenWindow(rows, 1.0).squared_distances(rows)
    return np.sqrt(distances[~np.eye(len(rows), dtype=bool)])


def _pictures(report, evaluation):
    model = evaluation.model
    report.add_figure(
        "samples", "Samples (seeds of seed 0)", evaluation.sample_grid()
    )
    report.add_figure(
        "interpolations",
        "From one sample of the noise to another",
        interpolation_grid(model),
    )
    report.add_curves(
        evaluation.history,
        ["d_loss", "g_loss", "real_accuracy", "fake_accuracy"],
        "nats; shares",
        {"log 4": np.log(4.0), "log 2": np.log(2.0)},
        "Training: d_loss is log 4 where D cannot tell",
    )


def interpolation_grid(model, num_rows=6, num_steps=12):
    """Interpolations between samples of the noise, decoded to images.

    Args:
        model: `AdversarialModel`.
        num_rows: int. Interpolations; of a conditional model, of one class
            each.
        num_steps: int. Images of an interpolation.

    Returns:
        `(height, width, C)` array: on the arc where the noise is normal, on
        the straight line where it is uniform.
    """
    z = np.array(model.sample_latents(np.arange(2 * num_rows, dtype="int32")))
    interpolate = (
        spherical_interpolation
        if model.noise == "normal"
        else linear_interpolation
    )
    between = interpolate(z[::2], z[1::2], num_steps)
    between = ops.reshape(between, (-1, z.shape[1]))
    condition = ()
    if figures.num_conditions(model) is not None:
        classes = np.arange(num_rows, dtype="int32") % model.num_classes
        condition = (np.repeat(classes, num_steps),)
    images = np.array(model.images_of_latents(between, *condition))
    return figures.enlarged_grid(images, num_steps)
