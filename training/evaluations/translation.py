"""Translators: how good their answers are, and what they say."""

import importlib

import numpy as np

from training import figures
from training.data.examples import model_examples
from training.markdown import markdown_table
from training.report import Report

_JUDGED, _SHOWN, _DRAWN = 500, 20, 2
_BEAM_WIDTHS = (1, 4)


def evaluate_translation(evaluation):
    """Reports answers that are right to the letter, and a table of some.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model, report = evaluation.model, _new_report(evaluation)
    x, y = _test_pairs(evaluation, _JUDGED)
    targets = _texts(model, y)
    for width in _BEAM_WIDTHS:
        answers = answers_of(model, x, width)
        right = np.mean([a == b for a, b in zip(answers, targets, strict=True)])
        report.add(
            f"answers right to the letter, beam of {width}",
            f"**{right:.4f}**",
            "",
            f"the first {len(targets)} test pairs",
        )
        report.metrics[f"accuracy_beam_{width}"] = float(right)
    return _finished(report, evaluation, x, y, answers)


evaluate_translation.kinds = ("pairs",)


def evaluate_bleu(evaluation):
    """Reports BLEU and chrF of all test sentences, and a table of some.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.

    Raises:
        ImportError: if sacrebleu is not installed.
    """
    metrics = _sacrebleu()
    bleu, cased = metrics.BLEU(lowercase=True), metrics.BLEU()
    chrf = metrics.CHRF()
    model, report = evaluation.model, _new_report(evaluation)
    x, y = _test_pairs(evaluation)
    references = [_texts(model, y)]
    for width in _BEAM_WIDTHS:
        answers = answers_of(model, x, width)
        score = bleu.corpus_score(answers, references).score
        report.add(
            f"BLEU, lower-cased, beam of {width}",
            f"**{score:.2f}**",
            *evaluation.paper("bleu"),
        )
        report.metrics[f"bleu_lowercase_beam_{width}"] = score
    for name, metric in (("BLEU, cased", cased), ("chrF", chrf)):
        score = metric.corpus_score(answers, references).score
        report.add(f"{name}, beam of {width}", f"{score:.2f}")
        report.metrics[f"{name.split(',')[0].lower()}_cased"] = score
    signatures = [str(m.get_signature()) for m in (bleu, cased, chrf)]
    report.notes.append(
        f"All {len(answers):,} test sentences, detokenised, by sacreBLEU: "
        + ", ".join(f"`{signature}`" for signature in signatures)
        + f". Length penalty 0.6; {model.count_params():,} parameters."
    )
    return _finished(report, evaluation, x, y, answers)


evaluate_bleu.kinds = ("pairs",)


def _new_report(evaluation):
    return Report(title=type(evaluation.model).__name__)


def _test_pairs(evaluation, limit=None):
    limit = evaluation.at_most(limit)
    pairs = model_examples(evaluation.dataset.splits["test"])
    pairs = pairs if limit is None else pairs.take(limit)
    return next(iter(pairs.batch(int(pairs.cardinality()))))


def _texts(model, token_ids):
    return [t.decode() for t in model.tokenizer.decode(token_ids).numpy()]


def answers_of(model, x, beam_width):
    """Translations as in Vaswani et al., 2017: at most 50 tokens longer.

    Args:
        model: `SequenceToSequenceModel` of texts.
        x: `(num_texts, time)` int32 tensor of sources.
        beam_width: int.

    Returns:
        list of str.
    """
    most = min(x.shape[1] + 50, model.max_sequence_length)
    return _texts(model, model.translate(x, most, beam_width=beam_width))


def _finished(report, evaluation, x, y, answers):
    """Adds what every report of translations has."""
    model = evaluation.model
    nats = -model.score(x, y).numpy()
    steps = (y.numpy() > 0).sum(axis=1) + 1
    per_token = float(nats.sum(dtype="float64") / steps.sum())
    report.add("nats per token, end included", f"{per_token:.4f}")
    report.metrics["test_nll_per_step"] = per_token
    sources = _texts(model, x)
    report.prompt = sources[0]
    rows = zip(sources, answers, _texts(model, y), strict=True)
    header = ["source", "answer", "target"]
    shown = list(rows)[:_SHOWN]
    report.notes.append(markdown_table(header, shown, "lll"))
    _add_attention_maps(report, evaluation, x, y)
    report.add_curves(
        evaluation.history,
        ["nll_per_step", "val_nll_per_step"],
        "nats per token",
        caption="Training (with dropout)",
    )
    return report


def _add_attention_maps(report, evaluation, x, y):
    """Draws cross-attention weights of the last block, heads averaged."""
    model = evaluation.model
    x, y = x[:_DRAWN], y[:_DRAWN]
    maps = model.attention_maps(x, y).numpy()[-1].mean(axis=1)
    columns, rows = (
        [_pieces(model, r) for r in side.numpy()] for side in (x, y)
    )
    rows = [[*row, "END"] for row in rows]
    maps = [
        weights[: len(row), : len(column)]
        for weights, row, column in zip(maps, rows, columns, strict=True)
    ]
    report.add_figure(
        "attention",
        "Attention of the last block to sources (heads averaged)",
        figures.attention_maps(maps, columns, rows),
    )


def _pieces(model, row):
    pieces = model.tokenizer.pieces
    return [
        pieces[i - 1].decode(errors="replace").replace(" ", "\u00b7")
        for i in row
        if i > 0
    ]


def _sacrebleu():
    try:
        return importlib.import_module("sacrebleu.metrics")
    except ImportError as error:
        raise ImportError(
            "BLEU needs the package 'sacrebleu': "
            "`pip install 'keras-genseq[text]'`, then `python -m training "
            "evaluate RUN`."
        ) from error
