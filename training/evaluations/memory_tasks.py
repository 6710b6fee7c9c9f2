"""Synthetic tasks of memory: errors compared with remembering nothing."""

import numpy as np

from training.data.memory_tasks import NUM_COPIED
from training.data.memory_tasks import copy_baseline
from training.report import Report

# Of the sum of two numbers from U[0, 1].
_VARIANCE_OF_SUM = 1.0 / 6.0


def evaluate_adding(evaluation):
    """Reports the mean squared error of a regression of the sum.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    x, y = _test_pairs(evaluation)
    model = evaluation.model
    point = model.forecast(x)["point"].numpy()
    mse = float(np.mean((point - y) ** 2))
    guess = float(np.mean((y - 1.0) ** 2))
    solved = float(np.mean(np.abs(point - y) < 0.04))
    report = Report(title=f"Adding problem over {x.shape[1]} steps")
    report.add(
        "test MSE",
        f"**{mse:.5f}**",
        "",
        f"`{model.cell}`, {model.units} units, {model.count_params():,} "
        f"parameters; {len(x):,} sequences",
    )
    report.add(
        "baseline: always 1, MSE",
        f"{guess:.4f}",
        f"{_VARIANCE_OF_SUM:.4f}",
        "the variance of the sum, 1/6",
    )
    report.add("sums within 0.04 of the truth", f"{solved:.3f}")
    report.comparison = (mse, "MSE", {"always 1": guess})
    report.metrics.update(mse=mse, guess_mse=guess, solved=solved)
    report.add_curves(
        evaluation.history,
        ["mse", "val_mse"],
        "MSE",
        {"always 1": _VARIANCE_OF_SUM},
    )
    return report


evaluate_adding.kinds = ("pairs_of_arrays",)


def evaluate_copy(evaluation):
    """Reports cross-entropy and accuracy of the repeated symbols.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    x, y = _test_pairs(evaluation)
    model = evaluation.model
    probabilities = model.classify(x)["probabilities"].numpy()
    chosen = np.take_along_axis(probabilities, y[..., None], axis=-1)[..., 0]
    nats = -np.log(np.maximum(chosen, 1e-30))
    right = probabilities.argmax(-1) == y
    length = x.shape[1] - 2 * NUM_COPIED
    guess = copy_baseline(length)
    report = Report(title=f"Copy memory task, T = {length}")
    report.add(
        "test cross-entropy, nats per step",
        f"**{nats.mean():.5f}**",
        "",
        f"`{model.cell}`, {model.units} units, {model.count_params():,} "
        f"parameters; {len(x):,} sequences of {x.shape[1]} steps",
    )
    report.add(
        "baseline: blanks, then a guess, nats per step",
        f"{guess:.5f}",
        f"{guess:.5f}",
        f"10 ln 8 / {x.shape[1]}",
    )
    recalled = float(right[:, -NUM_COPIED:].mean())
    whole = float(right.all(axis=1).mean())
    report.add("symbols recalled", f"{recalled:.3f}", "", "a guess: 0.125")
    report.add("whole sequences right", f"{whole:.3f}")
    report.comparison = (
        float(nats.mean()),
        "nats per step",
        {"remembering nothing": guess},
    )
    report.metrics.update(
        cross_entropy=float(nats.mean()),
        guess_cross_entropy=guess,
        symbols_recalled=recalled,
        sequences_right=whole,
    )
    report.add_curves(
        evaluation.history,
        ["nll_per_step", "val_nll_per_step"],
        "nats per step",
        {"a guess": guess},
    )
    return report


evaluate_copy.kinds = ("pairs_of_arrays",)


def _test_pairs(evaluation):
    rows = list(evaluation.dataset.splits["test"].as_numpy_iterator())
    return [np.stack([row[key] for row in rows]) for key in ("x", "y")]
