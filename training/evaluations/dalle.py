"""Images of captions: what they agree in, and what their tokens keep."""

import math

import numpy as np

from keras_genseq.metrics import CodebookUsage
from training import figures
from training import latent_plots
from training.evaluations.caption_agreement import agreement
from training.evaluations.caption_agreement import caption_sets
from training.evaluations.caption_agreement import report_agreement
from training.report import Report

_NUM_CAPTIONS = 10
_IMAGES_OF_A_CAPTION = 8
_CANDIDATES = 16
_RANKED_CAPTIONS = 100


def evaluate_dalle(evaluation):
    """Reports a `DALLE`: both stages, and whether images show their captions.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title="DALLE: images of captions")
    model, test = evaluation.model, evaluation.inputs("test")
    _likelihood(report, evaluation)

    def generate(captions):
        return model.generate(captions, seed=0)

    report_agreement(report, evaluation, generate)
    if evaluation.judges and model.ranker is not None:
        _best_of(report, evaluation)
    again = _tokens(report, evaluation, test)
    labels = evaluation.labels("test")
    if evaluation.judges and labels is not None:
        found = agreement(evaluation.judges, again, labels)
        report.add(
            "agreement of reconstructed test images",
            f"{found['all']:.1%}",
            "",
            "what tokens and classifiers allow",
        )
        report.metrics["agreement_reconstructed"] = found["all"]
    evaluation.add_part(report, "pictures", _pictures)
    return report


evaluate_dalle.kinds = ("captions",)
evaluate_dalle.needs_judges = True


def caption_grid(model, dataset):
    """Images of captions of validation, a row for each, the same every time."""
    captions = [
        row["captions"][0].decode()
        for row in dataset.splits["valid"]
        .take(_NUM_CAPTIONS)
        .as_numpy_iterator()
    ]
    return _rows_of(model, captions)


def _rows_of(model, captions, count=_IMAGES_OF_A_CAPTION):
    images = model.generate(captions, num_images=count, seed=0).numpy()
    return figures.enlarged_grid(images.reshape(-1, *images.shape[2:]), count)


def _likelihood(report, evaluation):
    model = evaluation.model
    examples = evaluation.dataset.splits["test"]
    captions = np.stack([y[0] for y in _targets(examples)])
    logs = model.evaluate(
        evaluation.inputs("test"),
        captions,
        batch_size=64,
        verbose=0,
        return_dict=True,
    )
    uniform = math.log(model.discrete_vae.num_tokens)
    report.add(
        "test image, nats per token",
        f"**{logs['image_nats']:.3f}**",
        "",
        f"given the first caption; uniform {uniform:.3f}",
    )
    report.add("test caption, nats per word", f"{logs['text_nats']:.3f}")
    report.comparison = (
        logs["image_nats"],
        "nats per token",
        {"uniform tokens": uniform},
    )
    report.metrics.update(
        test_image_nats=logs["image_nats"],
        test_text_nats=logs["text_nats"],
        num_parameters=sum(math.prod(w.shape) for w in model.trainable_weights),
    )


def _best_of(report, evaluation):
    """Whether the image that the ranker prefers is the better one."""
    model = evaluation.model
    for name, (captions, labels) in caption_sets(
        evaluation, _RANKED_CAPTIONS
    ).items():
        found = {}
        for count in (1, _CANDIDATES):
            images = model.generate(captions, seed=0, best_of=count).numpy()
            found[count] = agreement(evaluation.judges, images, labels)
        one, best = found[1], found[_CANDIDATES]
        parts = ", ".join(
            f"{key} {best[key]:.1%} ({one[key]:.1%})"
            for key in best
            if key != "all"
        )
        report.add(
            f"agreement of the best of {_CANDIDATES}, {name}",
            f"{best['all']:.1%}",
            "",
            f"{len(captions)} captions, chosen by the ranker; one sample of "
            f"each: {one['all']:.1%}. {parts[:1].upper()}{parts[1:]}",
        )
        word = "_".join(name.split())
        report.metrics[f"agreement_best_of_{_CANDIDATES}_{word}"] = best["all"]
        report.metrics[f"agreement_one_sample_{word}"] = one["all"]


def _targets(examples):
    return (row["y"] for row in examples.as_numpy_iterator())


def _tokens(report, evaluation, test):
    """What the first stage keeps; returns the reconstructed test images."""
    vae = evaluation.model.discrete_vae
    again = vae.reconstruct(test).numpy()
    error = float(np.square(test - again).mean())
    psnr = -10.0 * math.log10(error)
    rows, columns = vae.tokens_shape
    report.add(
        "reconstruction through tokens, PSNR in dB",
        f"{psnr:.2f}",
        "",
        f"{rows} x {columns} tokens out of {vae.num_tokens}",
    )
    tokens = vae.encode_tokens(test).numpy()
    usage = CodebookUsage(vae.num_tokens)
    usage.update_state(tokens)
    used, perplexity = len(np.unique(tokens)), float(usage.result())
    report.add(
        "tokens in use",
        f"{used} of {vae.num_tokens}",
        "",
        f"perplexity of their counts {perplexity:.1f}",
    )
    report.metrics.update(
        psnr=psnr, tokens_in_use=used, codebook_perplexity=perplexity
    )
    return again


def _pictures(report, evaluation):
    sets = caption_sets(evaluation, _NUM_CAPTIONS)
    share = _NUM_CAPTIONS // len(sets)
    captions = [c for some, _ in sets.values() for c in _spread(some, share)]
    report.prompt = captions[0]
    count = evaluation.at_most(_IMAGES_OF_A_CAPTION)
    report.add_figure(
        "captions",
        "; ".join(captions),
        _rows_of(evaluation.model, captions, count),
    )
    examples, _ = evaluation.shown(24)
    report.add_figure(
        "reconstructions",
        "Pairs of a test image and what its tokens keep",
        latent_plots.reconstruction_grid(
            evaluation.model.discrete_vae, examples
        ),
    )
    report.add_curves(
        evaluation.history,
        ["image_nats", "val_image_nats", "text_nats", "val_text_nats"],
        "nats per token",
    )


def _spread(values, count):
    step = max(1, len(values) // count)
    return values[::step][:count]
