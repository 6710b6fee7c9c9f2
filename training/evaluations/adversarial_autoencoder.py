"""Adversarial autoencoders: samples, how codes match their prior, pictures."""

import numpy as np

from training import figures
from training import latent_plots
from training.data import as_array
from training.data import model_inputs
from training.evaluations import adversarial
from training.evaluations import categories
from training.evaluations.density import add_probe
from training.evaluations.extractor import find_extractor
from training.evaluations.latent import add_classes_of_codes
from training.evaluations.sample_quality import add_classes
from training.report import Report

_MAPPED_EXAMPLES = 5_000


def evaluate_adversarial_autoencoder(evaluation):
    """Reports an `AdversarialAutoencoder`.

    Args:
        evaluation: `training.evaluate.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title="AdversarialAutoencoder: samples and codes")
    model = evaluation.model
    if model.num_categories:
        categories.add_categories(report, evaluation)
    samples = np.array(model.sample(adversarial.NUM_SAMPLES, seed=0))
    test = evaluation.inputs("test")
    adversarial.add_parzen(report, evaluation, samples, test)
    _codes(report, model, test)
    add_classes(report, evaluation, samples, find_extractor(evaluation))
    splits = evaluation.dataset.splits
    if "label" in splits["train"].element_spec:
        add_probe(
            report,
            splits["train"],
            splits["test"],
            lambda x: model.encode(x).numpy(),
        )
    _pictures(report, evaluation, test)
    return report


def _codes(report, model, test):
    """How the codes of test images lie, beside draws of the prior."""
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
    error = np.square(model.reconstruct(test) - test).sum((1, 2, 3)).mean()
    report.add("test reconstruction, squared error of an image", f"{error:.3f}")
    report.metrics["reconstruction_error"] = float(error)


def _parts_z(model, x, batch_size=1000):
    """The parts z of the codes of images: what the prior is the law of."""
    starts = range(0, len(x), batch_size)
    parts = [model.code_of(x[i : i + batch_size])[0] for i in starts]
    return np.concatenate(parts)


def _pictures(report, evaluation, test):
    model, folder = evaluation.model, evaluation.run.figures
    examples = test[:: max(1, len(test) // 48)][:48]
    for name, caption, image in (
        (
            "samples.png",
            "Samples (seeds of seed 0)",
            figures.sample_grid(model),
        ),
        (
            "reconstructions.png",
            "Pairs of a test image and its reconstruction",
            latent_plots.reconstruction_grid(model, examples),
        ),
    ):
        figures.write_image(folder / name, image)
        report.figures.append((caption, name))
    if model.num_classes is None:
        _ways(report, evaluation, examples)
    if evaluation.history:
        figures.write_curves(
            folder / "curves.png",
            evaluation.history,
            ["reconstruction", "d_loss", "g_loss"],
            ylabel="losses",
        )
        report.figures.append(("Training", "curves.png"))


def _ways(report, evaluation, examples):
    """Pictures of ways through codes that no class is told beside."""
    model, folder = evaluation.model, evaluation.run.figures
    variances = latent_plots.codes_of(model, examples).var(0)
    # Categories, if any, stand behind z; they are no dimensions to pass along.
    variances[model.latent_dim :] = -1.0
    drawn = np.array(model.prior.draw(np.arange(1_000, dtype="int32")))
    extent = 3.0 * float(drawn.std())
    for name, caption, image in (
        (
            "interpolations.png",
            "From one test example to another: on the straight line (odd "
            "rows) and on the arc (even rows)",
            latent_plots.interpolation_grid(model, examples[:10]),
        ),
        (
            "traversals.png",
            "Traversals at the code of a test example: a row per dimension, "
            f"those of the largest variance, from {-extent:.1f} to "
            f"{extent:.1f}",
            latent_plots.traversal_grid(
                model,
                examples[:1],
                variances,
                num_rows=min(10, model.latent_dim),
                extent=extent,
            ),
        ),
    ):
        figures.write_image(folder / name, image)
        report.figures.append((caption, name))
    split = evaluation.dataset.splits["test"]
    if "label" in split.element_spec:
        x = as_array(model_inputs(split), _MAPPED_EXAMPLES)
        labels = as_array(split.map(lambda e: e["label"]), _MAPPED_EXAMPLES)
        add_classes_of_codes(report, evaluation, x, labels)
