"""Images of captions: what they show, and what the discriminator tells."""

import numpy as np

from keras_genseq.ops.interpolation import linear_interpolation
from keras_genseq.ops.interpolation import spherical_interpolation
from training import figures
from training.evaluations.caption_agreement import caption_sets
from training.evaluations.caption_agreement import report_agreement
from training.evaluations.sample_quality import add_sample_quality
from training.evaluations.text_encoder import captions_of
from training.gan_monitor import find_alarms
from training.gan_monitor import has_critic
from training.report import Report

_SHOWN = 8
_JUDGED = 1_000


def evaluate_text_to_image(evaluation):
    """Reports a `TextToImageGAN`: agreement with captions, matches, styles.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model, report = evaluation.model, Report(title="Images of captions")
    report_agreement(
        report,
        evaluation,
        lambda captions: model.generate(captions, seed=0),
    )
    evaluation.add_part(report, "matching captions", _matches)
    test = evaluation.inputs("test", _JUDGED)
    captions, _ = captions_of(evaluation, "test", _JUDGED)
    report.prompt = captions[0][0]
    samples = np.array(model.generate([c[0] for c in captions], seed=1))
    evaluation.add_part(
        report, "sample quality", add_sample_quality, samples, test
    )
    if model.style_encoder:
        _styles(report, model, [c[0] for c in captions])
    report.metrics["num_parameters"] = sum(
        network.count_params() for network in model.networks.values()
    )
    alarms = find_alarms(evaluation.history, is_critic=has_critic(model))
    report.metrics["alarms"] = [alarm.name for alarm in alarms]
    report.notes += [str(alarm) for alarm in alarms]
    _pictures(report, evaluation, test)
    report.add_curves(
        evaluation.history,
        ["d_loss", "g_loss", "real_accuracy", "fake_accuracy"]
        + ["mismatch_accuracy"] * model.matching_aware,
        "nats; shares",
    )
    return report


evaluate_text_to_image.kinds = ("captions",)
evaluate_text_to_image.needs_judges = True


def _matches(report, evaluation):
    """How often the discriminator holds a true caption for the better one."""
    model = evaluation.model
    captions, classes = captions_of(evaluation, "test", _JUDGED)
    if len(np.unique(classes)) < 2:
        raise ValueError("All test images are of one class.")
    images = evaluation.inputs("test", _JUDGED)
    first = [each[0] for each in captions]
    right = np.array(model.discriminate(images, first)["logits"])
    z = np.array(model.text_encoder.encode(first))
    # The next image of another class lends its caption.
    others = [_next_other(classes, i) for i in range(len(classes))]
    chosen = {"mismatch": ("another one's", others)}
    nearest = _nearest_others(z, first, classes)
    if nearest is not None:
        words = "that of another class nearest to it"
        chosen["nearest"] = (words, nearest)
    for name, (words, rows) in chosen.items():
        wrong = model.discriminate(images, [first[i] for i in rows])["logits"]
        share = float((right > np.array(wrong)).mean())
        report.add(
            f"the true caption of a test image is ranked above {words}",
            f"**{share:.1%}**",
            "",
            f"by the discriminator; {len(classes):,} pairs, 50 % by chance",
        )
        report.metrics[f"ranked_above_{name}"] = share


def _next_other(classes, i):
    following = np.roll(np.arange(len(classes)), -i)
    return following[np.flatnonzero(classes[following] != classes[i])[0]]


def _nearest_others(z, captions, classes):
    """Of each caption the nearest of another class, in other words.

    None where a caption has no such other.
    """
    squares = np.square(z).sum(1)
    distances = squares[:, None] + squares[None, :] - 2.0 * z @ z.T
    for each in (classes, np.array(captions, object)):
        distances[each[:, None] == each[None, :]] = np.inf
    if np.isinf(distances).all(1).any():
        return None
    return distances.argmin(1)


def _styles(report, model, captions):
    """How much of the noise the style encoder reads off generated images."""
    z = np.array(model.sample_latents(np.arange(len(captions), dtype="int32")))
    images = images_of(model, z, captions)
    error = float(np.square(z - np.array(model.encode(images))).mean())
    report.add(
        "mean square error of the style encoder",
        f"{error:.3f}",
        "",
        f"of the noise of {len(z):,} generated images; "
        f"{np.square(z).mean():.3f} if it told nothing",
    )
    report.metrics["style_error"] = error


def images_of(model, z, captions):
    """Images of noise and captions.

    Args:
        model: `TextToImageGAN`.
        z: `(num_images, latent_dim)`.
        captions: list of str, or their embeddings.

    Returns:
        `(num_images, height, width, channels)` array.
    """
    if isinstance(captions[0], str):
        captions = np.array(model.text_encoder.encode(captions))
    return np.array(model.images_of_latents(z, captions))


def _pictures(report, evaluation, test):
    model = evaluation.model
    for name, (captions, _) in caption_sets(evaluation, 10 * _SHOWN).items():
        different = list(dict.fromkeys(captions))
        shown = different[:: max(1, len(different) // _SHOWN)][:_SHOWN]
        report.add_figure(
            f"captions_{'_'.join(name.split())}",
            f"Eight images of each caption, {name}: {'; '.join(shown)}",
            caption_grid(model, shown),
        )
    captions, _ = captions_of(evaluation, "test", 2 * _SHOWN)
    captions = [each[0] for each in captions]
    ends = captions[1::2] or captions
    starts = captions[::2][: len(ends)]
    z = np.array(model.sample_latents(np.arange(2 * len(ends), dtype="int32")))
    between = spherical_interpolation(z[: len(ends)], z[len(ends) :], _SHOWN)
    report.add_figure(
        "noise_interpolations",
        "From one noise to another, a caption a row",
        _grid_of_rows(model, between, np.repeat(starts, _SHOWN).tolist()),
    )
    texts = [
        np.array(model.text_encoder.encode(each)) for each in (starts, ends)
    ]
    between = linear_interpolation(*texts, _SHOWN)
    report.add_figure(
        "caption_interpolations",
        "From one caption to another, one noise a row",
        _grid_of_rows(
            model,
            np.repeat(z[: len(ends), None], _SHOWN, axis=1),
            np.reshape(between, (-1, model.text_dim)),
        ),
    )
    if model.style_encoder:
        report.add_figure(
            "styles",
            "Test images (first column), and images of captions in the style "
            f"of each: {'; '.join(starts)}",
            style_grid(model, test[: len(starts)], starts),
        )


def _grid_of_rows(model, z, captions):
    """Rows of images, of `(rows, columns, latent_dim)` noise."""
    z = np.asarray(z)
    images = images_of(model, z.reshape(-1, z.shape[-1]), captions)
    return figures.enlarged_grid(images, z.shape[1])


def caption_grid(model, captions, columns=_SHOWN, seed=0):
    """A row of images for each caption, each column of one noise.

    Args:
        model: `TextToImageGAN`.
        captions: list of str.
        columns: int.
        seed: int.

    Returns:
        `(height, width, C)` array in [0, 1].
    """
    seeds = np.tile(np.arange(columns) + seed, len(captions)).astype("int32")
    images = model.generate(np.repeat(captions, columns).tolist(), seed=seeds)
    return figures.enlarged_grid(np.array(images), columns)


def style_grid(model, x, captions):
    """Images, and beside each what captions become in its style.

    Args:
        model: `TextToImageGAN` with a style encoder.
        x: `(rows, height, width, channels)` array.
        captions: list of str, one for each column.

    Returns:
        `(height, width, C)` array in [0, 1].
    """
    rows = []
    for image in x:
        same = np.repeat(image[None], len(captions), axis=0)
        rows += [image[None], np.array(model.transfer_style(same, captions))]
    return figures.enlarged_grid(np.concatenate(rows), len(captions) + 1)


def shown_captions(model, dataset):
    """A row of images for each of a few test captions, as training goes on.

    Args:
        model: `TextToImageGAN`.
        dataset: `Dataset` with captions.

    Returns:
        `(height, width, C)` array in [0, 1].
    """
    rows = dataset.splits["test"].take(_SHOWN).as_numpy_iterator()
    return caption_grid(model, [row["captions"][0].decode() for row in rows])
