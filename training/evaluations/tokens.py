"""Discrete autoencoders: bounds, tokens in use, pictures."""

import math

import numpy as np

from keras_genseq.metrics import CodebookUsage
from training import latent_plots
from training.evaluations.density import add_anomalies
from training.evaluations.density import add_probe
from training.evaluations.density import mean_with_interval
from training.evaluations.density import plus_minus
from training.evaluations.latent import add_reconstruction_errors
from training.evaluations.latent import bound_of
from training.report import Report

_NUM_CODES = 64


def evaluate_tokens(evaluation):
    """Reports a `DiscreteVAE`: what its tokens keep of the images.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title=f"{type(evaluation.model).__name__}: tokens")
    test = evaluation.inputs("test")
    add_reconstruction_errors(
        report, evaluation, test, "through the likeliest tokens"
    )
    _bounds(report, evaluation, test)
    _tokens(report, evaluation, test)
    scores = evaluation.model.log_prob(test).numpy()
    evaluation.add_part(report, "AUROC", add_anomalies, scores)
    evaluation.add_part(report, "linear probe", _probe)
    evaluation.add_part(report, "pictures", _pictures)
    return report


evaluate_tokens.kinds = ("images",)


def _probe(report, evaluation):
    splits = evaluation.dataset.splits
    if "label" in splits["train"].element_spec:
        add_probe(
            report,
            splits["train"],
            splits["test"],
            lambda x: _one_hot(evaluation.model, x),
        )


def _bounds(report, evaluation, test):
    model = evaluation.model
    num_codes = evaluation.at_most(_NUM_CODES)
    nll, interval = mean_with_interval(-bound_of(model, test, num_codes))
    report.add(
        f"test NLL by {num_codes} importance samples, nats",
        plus_minus(nll, interval),
        "",
        "of densities of grey levels: negative values are usual",
    )
    logs = model.evaluate(test, batch_size=50, verbose=0, return_dict=True)
    report.add(
        "test -ELBO, nats",
        f"{logs['negative_elbo']:.2f}",
        "",
        f"reconstruction {logs['reconstruction']:.2f}, KL {logs['kl']:.2f}",
    )
    report.metrics.update(
        test_nll=nll,
        test_nll_interval=interval,
        test_negative_elbo=logs["negative_elbo"],
        test_kl=logs["kl"],
        num_parameters=model.count_params(),
    )


def _tokens(report, evaluation, test):
    model = evaluation.model
    tokens = model.encode_tokens(test).numpy()
    usage = CodebookUsage(model.num_tokens)
    usage.update_state(tokens)
    used = len(np.unique(tokens))
    perplexity = float(usage.result())
    rows, columns = model.tokens_shape
    bits = rows * columns * math.log2(model.num_tokens)
    report.add(
        "tokens in use",
        f"{used} of {model.num_tokens}",
        "",
        f"perplexity of their counts {perplexity:.1f}",
    )
    report.add(
        "bits of a code",
        f"{bits:.0f}",
        "",
        f"{rows} x {columns} tokens, for an image of "
        f"{8 * math.prod(model.image_shape):,} bits",
    )
    report.metrics.update(tokens_in_use=used, codebook_perplexity=perplexity)


def _one_hot(model, x):
    tokens = model.encode_tokens(x).numpy()
    return np.eye(model.num_tokens, dtype="float32")[tokens].reshape(
        len(tokens), -1
    )


def _pictures(report, evaluation):
    model = evaluation.model
    examples, _ = evaluation.shown(48)
    report.add_figure(
        "reconstructions",
        "Reconstructions: pairs of a test example and its reconstruction",
        latent_plots.reconstruction_grid(model, examples),
    )
    report.add_figure(
        "samples",
        "Tokens sampled uniformly, decoded: the prior knows nothing of images, "
        "which is what the second stage of DALL-E is for",
        evaluation.sample_grid(),
    )
    report.add_curves(
        evaluation.history,
        ["negative_elbo", "val_negative_elbo", "reconstruction", "kl"],
        "nats",
    )
