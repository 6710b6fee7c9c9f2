"""Language models: the whole of each text, states carried, and what they write.

Every token of a split is scored once, in order: by recurrent models with the
states carried from the first to the last, by Transformers in windows that
overlap by half. Nothing is predicted from a cold start but the start.
"""

import math

import numpy as np

from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.models import SparseMarkovModel
from keras_genseq.models.autoregressive.sparse_markov_model import num_contexts
from training.data import model_inputs
from training.data.streams import joined
from training.markdown import fenced
from training.report import Report

_MARKOV_ORDERS = (0, 3, 4, 5)
# Beyond this, tables of contexts are too sparse to compare with.
_MOST_MARKOV_STATES = 1000
_MARKOV_ROW = 8192
_GENERATED = 400
_PROMPT = 100


def evaluate_language(evaluation):
    """Reports a language model, compared with Markov chains.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    model, dataset = evaluation.model, evaluation.dataset
    kind = model.cell if _carries(model) else model.positions
    report = Report(title=f"{type(model).__name__}: {kind}")
    streams = {
        name: joined(model_inputs(split))[: evaluation.limit]
        for name, split in dataset.splits.items()
    }
    unit = "character" if max(map(len, dataset.vocabulary)) == 1 else "word"
    _likelihood(report, evaluation, streams, unit)
    if len(dataset.vocabulary) <= _MOST_MARKOV_STATES:
        _markov_chains(report, evaluation, streams)
    report.comparison = (
        report.metrics["test_nats"],
        f"nats per {unit}",
        {
            "the uniform distribution": report.metrics["uniform_nats"],
            **{
                f"the Markov chain of order {order}": report.metrics[key]
                for order in _MARKOV_ORDERS
                if (key := f"markov_{order}_test_nats") in report.metrics
            },
        },
    )
    report.add("trainable parameters", f"{_num_trainable(model):,}")
    _texts(report, evaluation, streams["test"])
    report.prompt = _two_words(dataset.text(streams["test"][:_PROMPT]))
    report.add_curves(
        evaluation.history,
        ["nll_per_step", "val_nll_per_step"],
        f"nats per {unit}",
        {"validation": report.metrics["valid_nats"]},
        "Training (with dropout)",
    )
    return report


evaluate_language.kinds = ("text",)


def stream_nats(model, tokens):
    """Nats per token of one long text, the states carried through it.

    Args:
        model: has `stream_log_prob`.
        tokens: `(time,)` int32 array.

    Returns:
        float.
    """
    return float(-model.stream_log_prob(tokens[None])[0] / len(tokens))


def _likelihood(report, evaluation, streams, unit):
    seen = (
        "states carried"
        if _carries(evaluation.model)
        else "in windows that overlap by half"
    )
    for split, word in (("valid", "validation"), ("test", "test")):
        tokens = streams[split]
        nats = stream_nats(evaluation.model, tokens)
        theirs, source = evaluation.paper(f"{split}_nats")
        report.add(
            f"{word}, nats per {unit}",
            f"**{nats:.4f}**",
            theirs,
            f"all {len(tokens):,} {unit}s, {seen}. {source}",
        )
        report.add(f"{word}, bits per {unit}", f"{nats / math.log(2.0):.4f}")
        theirs, source = evaluation.paper(f"{split}_perplexity")
        report.add(
            f"{word} perplexity", f"{math.exp(nats):.3f}", theirs, source
        )
        report.metrics[f"{split}_nats"] = nats
        report.metrics[f"{split}_perplexity"] = math.exp(nats)
        report.metrics[f"num_{split}_tokens"] = len(tokens)
    uniform = math.log(len(evaluation.dataset.vocabulary) - 1)
    report.add("baseline: uniform, nats", f"{uniform:.4f}")
    report.metrics["uniform_nats"] = uniform
    report.metrics["num_parameters"] = _num_trainable(evaluation.model)


def _markov_chains(report, evaluation, streams):
    """Interpolated chains of several orders, counted on the same text."""
    num_states = len(evaluation.dataset.vocabulary) - 1
    # Chains number their symbols from 0, and -1 fills up rows.
    rows = {
        name: np.pad(
            tokens - 1, (0, -len(tokens) % _MARKOV_ROW), constant_values=-1
        ).reshape(-1, _MARKOV_ROW)
        for name, tokens in streams.items()
    }
    for order in _MARKOV_ORDERS:
        size = num_contexts(rows["train"], num_states, order)
        chain = SparseMarkovModel(num_states, size, order=order)
        chain.adapt(rows["train"], "witten_bell")
        valid, test = (
            -chain.log_prob(rows[split], batch_size=16)
            .numpy()
            .sum(dtype="float64")
            / len(streams[split])
            for split in ("valid", "test")
        )
        report.add(
            f"baseline: Markov chain of order {order}, nats",
            f"{valid:.4f}",
            "",
            f"validation; test {test:.4f}; Witten-Bell",
        )
        report.metrics[f"markov_{order}_valid_nats"] = valid
        report.metrics[f"markov_{order}_test_nats"] = test


def _texts(report, evaluation, test):
    """Generated text, from nothing and after the first words of the test."""
    dataset = evaluation.dataset
    length = evaluation.at_most(_GENERATED)
    for temperature in (1.0, 0.7):
        for seed, prompt in enumerate((test[:0], test[:_PROMPT])):
            ids = evaluation.model.generate(
                prompt[None], length, seed=seed, temperature=temperature
            ).numpy()[0]
            given = dataset.text(prompt)
            report.notes.append(
                f"Generated at temperature {temperature}, seed {seed}, "
                + (f"after {given!r}:" if given else "from nothing:")
                + f"\n\n{fenced(dataset.text(ids))}"
            )


def _two_words(text):
    """Two whole words of a text, or where it has none its beginning."""
    words = " ".join(text.split()[1:3])
    return words if words and words in text else text[:10]


def _carries(model):
    return isinstance(model, RecurrentLanguageModel)


def _num_trainable(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)
