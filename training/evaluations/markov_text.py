"""Markov chains over characters: nats per character, order by order."""

import math

import numpy as np

from keras_genseq.models import SparseMarkovModel
from keras_genseq.models.autoregressive.sparse_markov_model import num_contexts
from training.markdown import fenced
from training.report import Report

_ORDERS = range(7)
_ADDITIVE = (0.01, 0.1, 1.0)
_SCORED_AT_ONCE = 16


def evaluate_markov_text(evaluation):
    """Reports a chain of characters, compared with other orders, smoothings.

    Every order is counted on the training split; validation chooses, and the
    test split is scored once more for each, so that the choice can be judged.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title="Markov chain of characters")
    parts = {s: evaluation.inputs(s) for s in ("train", "valid", "test")}
    _headline(report, evaluation, parts)
    _orders(report, evaluation, parts)
    report.notes.append("Samples (seeds of seed 0), between lines:")
    length = evaluation.at_most(400)
    for text in sample_texts(evaluation, num_samples=3, length=length):
        report.notes.append(fenced(text))
    return report


evaluate_markov_text.kinds = ("text",)


def sample_texts(evaluation, num_samples, length, seed=0, temperature=1.0):
    """Draws texts.

    Args:
        evaluation: `training.evaluation.Evaluation` of a model over tokens.
        num_samples: int.
        length: int. Characters of each.
        seed: int.
        temperature: float.

    Returns:
        list of str.
    """
    ids = evaluation.model.sample(
        num_samples, length=length, seed=seed, temperature=temperature
    ).numpy()
    return [evaluation.dataset.text(row) for row in ids]


def nats_per_symbol(model, x):
    """Mean over all symbols that are no padding."""
    scores = model.log_prob(x, batch_size=_SCORED_AT_ONCE).numpy()
    return -scores.sum(dtype="float64") / np.sum(x >= 0)


def _headline(report, evaluation, parts):
    model = evaluation.model
    test = parts["test"]
    nats = nats_per_symbol(model, test)
    report.add(
        "test, nats per character",
        f"**{nats:.4f}**",
        "",
        f"order {model.order}; all {np.sum(test >= 0):,} characters, the "
        f"first of each run of {test.shape[1]:,} with shorter contexts",
    )
    report.add("test, bits per character", f"{nats / math.log(2.0):.4f}")
    report.add("test perplexity", f"{math.exp(nats):.3f}")
    held_out = np.concatenate([parts["valid"], test])
    last_tenth = nats_per_symbol(model, held_out)
    theirs, source = evaluation.paper("last_tenth")
    report.add(
        "last 10 % (valid and test), nats per character",
        f"{last_tenth:.4f}",
        theirs,
        f"{np.sum(held_out >= 0):,} characters. {source}",
    )
    uniform = math.log(model.num_states)
    report.add(
        "baseline: uniform",
        f"{uniform:.4f}",
        "",
        f"{model.num_states} different characters",
    )
    report.metrics.update(
        test_nats=nats,
        last_tenth_nats=last_tenth,
        uniform_nats=uniform,
        num_parameters=model.count_params(),
    )


def _orders(report, evaluation, parts):
    results = {}
    num_states = evaluation.model.num_states
    for order in _ORDERS:
        model = SparseMarkovModel(
            num_states,
            num_contexts(parts["train"], num_states, order),
            order=order,
        )
        for smoothing in ("witten_bell", *_ADDITIVE):
            model.adapt(parts["train"], smoothing)
            results[order, smoothing] = (
                nats_per_symbol(model, parts["valid"]),
                nats_per_symbol(model, parts["test"]),
            )
    weights = [np.sum(parts[s] >= 0) for s in ("valid", "test")]
    chosen = min(results, key=lambda key: results[key][0])
    for order in _ORDERS:
        ours = {s: results[order, s] for s in ("witten_bell", *_ADDITIVE)}
        additive = min(_ADDITIVE, key=lambda s: ours[s][0])
        for smoothing in (additive, "witten_bell"):
            both = np.average(ours[smoothing], weights=weights)
            valid, test = ours[smoothing]
            is_additive = smoothing != "witten_bell"
            key = f"order_{order}_{'additive' if is_additive else smoothing}"
            word = f"additive {smoothing}" if is_additive else "Witten-Bell"
            mark = " (chosen)" if (order, smoothing) == chosen else ""
            report.add(
                f"order {order}, {word}{mark}, last 10 %",
                f"{both:.4f}",
                evaluation.paper(key)[0],
                f"valid {valid:.4f}, test {test:.4f}"
                + ("; unigram baseline" if order == 0 else ""),
            )
            report.metrics[f"{key}_last_tenth"] = both
    report.metrics["unigram_nats"] = results[0, "witten_bell"][1]
