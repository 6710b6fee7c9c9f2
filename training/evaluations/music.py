"""Models of polyphonic music: nats per step, compared with two baselines."""

import numpy as np

from training import figures
from training.report import Report


def evaluate_music(evaluation):
    """Reports a model of notes, compared with two baselines.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model = evaluation.model
    report = Report(title=f"{type(model).__name__}: {model.cell}")
    train = evaluation.inputs("train")
    frequencies, after = _rates(train)
    for split, word in (("test", "test"), ("valid", "validation")):
        x = evaluation.inputs(split)
        steps = _steps(x)
        nats = -model.log_prob(x).numpy().sum(dtype="float64") / steps.sum()
        theirs, source = evaluation.paper(f"{split}_nats")
        report.add(
            f"{word}, nats per step",
            f"**{nats:.3f}**",
            theirs,
            f"{len(x)} pieces, {steps.sum():,} steps of {x.shape[-1]} notes. "
            + source,
        )
        independent = _nats(x, np.broadcast_to(frequencies, x.shape))
        last = np.maximum(np.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1], 0.0)
        held = _nats(x, np.where(last > 0.0, after[1], after[0]))
        report.add(
            f"baseline: independent notes, {word}",
            f"{independent:.3f}",
            "",
            "each note as often as in training",
        )
        report.add(
            f"baseline: each note given itself a step before, {word}",
            f"{held:.3f}",
            "",
            "a Markov chain for every note",
        )
        report.metrics.update(
            {
                f"{split}_nats": nats,
                f"{split}_independent_nats": independent,
                f"{split}_note_chain_nats": held,
            }
        )
    report.comparison = (
        report.metrics["test_nats"],
        "nats per step",
        {
            "independent notes": report.metrics["test_independent_nats"],
            "a chain for each note": report.metrics["test_note_chain_nats"],
        },
    )
    report.metrics["num_parameters"] = model.count_params()
    report.add("parameters", f"{model.count_params():,}")
    test = evaluation.inputs("test", limit=3)
    report.add_figure("test", "Test pieces", _rolls(test))
    report.add_figure(
        "samples", "Samples (seeds of seed 0)", picture_of_rolls(model)
    )
    report.add_curves(
        evaluation.history,
        ["nll_per_step", "val_nll_per_step"],
        "nats per step",
        {"test": report.metrics["test_nats"]},
        "Training (with dropout)",
    )
    return report


evaluate_music.kinds = ("notes",)


def picture_of_rolls(model, count=3, length=64, seed=0):
    """Draws pieces of a model as piano rolls, the same seeds every time.

    Args:
        model: has `sample(num_samples, length=, seed=)`.
        count: int.
        length: int. Steps of each.
        seed: int.

    Returns:
        `(height, width, 1)` array in [0, 1]: time goes right, pitch goes up.
    """
    return _rolls(model.sample(count, length=length, seed=seed).numpy())


def _rolls(x):
    images = np.maximum(x, 0.0).transpose(0, 2, 1)[:, ::-1, :, None]
    return figures.grid(1.0 - images, 1, scale=4)


def _rates(x):
    """How often each note sounds, anywhere and after itself off and on."""
    real = x[..., 0] >= 0.0
    # One sighting of either kind keeps every rate inside (0, 1).
    frequencies = (x[real].sum(0) + 1.0) / (real.sum() + 2.0)
    last = np.pad(x, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    rates = []
    for state in (0.0, 1.0):
        where = real[..., None] & (last == state)
        seen = (where & (x == 1.0)).sum((0, 1))
        rates.append((seen + 1.0) / (where.sum((0, 1)) + 2.0))
    return frequencies, rates


def _nats(x, rates):
    real = x[..., 0] >= 0.0
    terms = np.where(x > 0.0, np.log(rates), np.log1p(-rates))
    return float(-terms[real].sum(dtype="float64") / real.sum())


def _steps(x):
    return (x[..., 0] >= 0.0).sum(1)
