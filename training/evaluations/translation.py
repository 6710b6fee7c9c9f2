"""Translators: how often they are right, and what they say."""

import numpy as np

from training import figures
from training.data.examples import model_examples
from training.report import Report

_JUDGED, _SHOWN = 500, 20
_BEAM_WIDTHS = (1, 4)


def evaluate_translation(evaluation):
    """Reports answers that are right to the letter, and a table of some.

    Args:
        evaluation: `training.evaluate.Evaluation`.

    Returns:
        `Report`.
    """
    model = evaluation.model
    report = Report(title=type(model).__name__)
    pairs = model_examples(evaluation.dataset.splits["test"]).take(_JUDGED)
    x, y = next(iter(pairs.batch(_JUDGED)))
    decode = model.tokenizer.decode
    sources, targets = (
        [text.decode() for text in decode(ids).numpy()] for ids in (x, y)
    )
    most = y.shape[1] + 4
    for width in _BEAM_WIDTHS:
        answers = model.translate(x, most, beam_width=width).numpy()
        answers = [text.decode() for text in decode(answers).numpy()]
        right = np.mean([a == b for a, b in zip(answers, targets, strict=True)])
        report.add(
            f"answers right to the letter, beam of {width}",
            f"**{right:.4f}**",
            "",
            f"the first {len(targets)} test pairs",
        )
        report.metrics[f"accuracy_beam_{width}"] = float(right)
    nats = -model.score(x, y).numpy()
    steps = (y.numpy() > 0).sum(axis=1) + 1
    per_token = float(nats.sum(dtype="float64") / steps.sum())
    report.add("nats per token, end included", f"{per_token:.4f}")
    report.metrics["test_nll_per_step"] = per_token
    rows = zip(sources, answers, targets, strict=True)
    lines = [f"| {a} | {b} | {c} |" for a, b, c in list(rows)[:_SHOWN]]
    report.notes.append(
        "\n".join(["| source | answer | target |", "|---|---|---|", *lines])
    )
    if evaluation.history:
        figures.write_curves(
            evaluation.run.figures / "curves.png",
            evaluation.history,
            ["nll_per_step", "val_nll_per_step"],
            ylabel="nats per token",
        )
        report.figures.append(("Training (with dropout)", "curves.png"))
    return report
