"""Adversarial autoencoders: samples, how codes match their prior, pictures."""

import numpy as np

from training import latent_plots
from training.evaluations import adversarial
from training.evaluations import categories
from training.evaluations.density import add_probe
from training.evaluations.latent import add_classes_of_codes
from training.evaluations.latent import add_interpolations
from training.evaluations.sample_quality import add_classes
from training.report import Report


def evaluate_adversarial_autoencoder(evaluation):
    """Reports an `AdversarialAutoencoder`.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title="AdversarialAutoencoder: samples and codes")
    model = evaluation.model
    if model.num_categories:
        evaluation.add_part(report, "categories", categories.add_categories)
    test = evaluation.inputs("test")
    samples, _ = evaluation.sample(adversarial.num_samples(test))
    evaluation.add_part(
        report, "Parzen windows", adversarial.add_parzen, samples, test
    )
    _codes(report, evaluation, test)
    evaluation.add_part(report, "classes of samples", add_classes, samples)
    evaluation.add_part(report, "linear probe", _probe)
    _pictures(report, evaluation)
    return report


evaluate_adversarial_autoencoder.needs_extractor = True
evaluate_adversarial_autoencoder.kinds = ("images",)


def _probe(report, evaluation):
    splits = evaluation.dataset.splits
    if "label" in splits["train"].element_spec:
        add_probe(
            report,
            splits["train"],
            splits["test"],
            lambda x: evaluation.model.encode(x).numpy(),
        )


def _codes(report, evaluation, test):
    """How the codes of test images lie, compared with samples of the prior."""
    model = evaluation.model
    z = _parts_z(model, test)
    drawn = np.array(model.prior.draw(np.arange(10_000, dtype="int32")))
    for name, ours, theirs in (
        ("mean", z.mean(0), drawn.mean(0)),
        ("deviation", z.std(0), drawn.std(0)),
    ):
        report.add(
            f"{name} of the codes' dimensions",
            f"{ours.min():.2f} to {ours.max():.2f}",
            "",
            f"of the prior's draws {theirs.min():.2f} to {theirs.max():.2f}",
        )
        report.metrics[f"code_{name}_range"] = [
            float(ours.min()),
            float(ours.max()),
        ]
    again = model.reconstruct(test, **evaluation.condition("test"))
    error = np.square(again - test).sum((1, 2, 3)).mean()
    report.add("test reconstruction, squared error of an image", f"{error:.3f}")
    mean = evaluation.inputs("train").mean(0)
    baseline = float(np.square(test - mean).sum((1, 2, 3)).mean())
    report.metrics["reconstruction_error"] = float(error)
    report.metrics["mean_image_squared_error"] = baseline
    if report.comparison is None:
        report.comparison = (
            float(error),
            "squared error of a reconstruction",
            {"the mean image": baseline},
        )


def _parts_z(model, x, batch_size=1000):
    """The parts z of the codes of images: what the prior is the law of."""
    starts = range(0, len(x), batch_size)
    parts = [model.codes.of_images(x[i : i + batch_size])[0] for i in starts]
    return np.concatenate(parts)


def _pictures(report, evaluation):
    model = evaluation.model
    examples, condition = evaluation.shown(48)
    report.add_figure(
        "samples", "Samples (seeds of seed 0)", evaluation.sample_grid()
    )
    report.add_figure(
        "reconstructions",
        "Pairs of a test image and its reconstruction",
        latent_plots.reconstruction_grid(model, examples, condition),
    )
    if model.num_classes is None:
        _interpolations(report, evaluation, examples)
    report.add_curves(
        evaluation.history, ["reconstruction", "d_loss", "g_loss"], "losses"
    )


def _interpolations(report, evaluation, examples):
    """Figures of codes that are decoded without a class."""
    model = evaluation.model
    variances = latent_plots.codes_of(model, examples).var(0)
    # Categories, if any, stand behind z; they are not interpolated.
    variances[model.latent_dim :] = -1.0
    prior = np.array(model.prior.draw(np.arange(1_000, dtype="int32")))
    extent = 3.0 * float(prior.std())
    evaluation.add_part(report, "interpolations", add_interpolations, examples)
    report.add_figure(
        "traversals",
        "Traversals at the code of a test example: a row per dimension, those "
        f"of the largest variance, from {-extent:.1f} to {extent:.1f}",
        latent_plots.traversal_grid(
            model,
            examples[:1],
            variances,
            num_rows=min(10, model.latent_dim),
            extent=extent,
        ),
    )
    evaluation.add_part(report, "classes of codes", add_classes_of_codes)
