"""Draws samples from the model of a run."""

import pathlib

import numpy as np

from keras_genseq.export import atomic
from keras_genseq.ops.checks import as_int
from training import figures
from training.evaluation import load_run

_PRINTED = 3


def sample(
    run_dir,
    num_samples=None,
    seed=0,
    temperature=1.0,
    output=None,
    prompt=None,
    length=None,
):
    """Writes samples of a run's model to a file; texts are printed, too.

    Args:
        run_dir: path of the run folder; its data may have moved since.
        num_samples: optional int. Of a conditional model of each class in
            turn. None draws 64, or 3 texts.
        seed: int.
        temperature: float.
        output: optional path, `.png` (a grid; `.txt` of a model of text) or
            `.npy`; by default `samples.png` in the run folder.
        prompt: optional str. What texts begin with, what is translated, or
            what images are to show.
        length: int. Tokens of a text; None is 200.

    Returns:
        Path of the file.

    Raises:
        ValueError: if `output` ends otherwise, or the model draws nothing.
    """
    num_samples = as_int(num_samples, "num_samples", minimum=1, optional=True)
    evaluation = load_run(run_dir, needs_data=False)
    model, run = evaluation.model, evaluation.run
    writes_text = getattr(model, "tokenizer", None) is not None
    if writes_text and prompt is not None and hasattr(model, "translate"):
        return _write_texts([model.translate(prompt)], output, run)
    makes_images = hasattr(model, "image_shape")
    if makes_images and hasattr(model, "generate"):
        return _draw_captioned(
            evaluation, num_samples or 64, seed, temperature, output, prompt
        )
    if prompt is not None and not (writes_text and hasattr(model, "generate")):
        raise ValueError(
            f"`--prompt` is for models of text. Received: {prompt!r} for "
            f"{type(model).__name__}"
        )
    if length is not None and not writes_text:
        raise ValueError(
            f"`--length` is of texts. Received: {length} for "
            f"{type(model).__name__}"
        )
    if not hasattr(model, "sample"):
        raise ValueError(
            f"A {type(model).__name__} draws no samples: it predicts. "
            "`evaluate` and `export` its run instead; one that translates "
            "takes `--prompt`."
        )
    if writes_text and hasattr(model, "generate") and not _is_npy(output):
        texts = model.generate(
            [prompt or ""] * (num_samples or _PRINTED),
            200 if length is None else length,
            seed=seed,
            temperature=temperature,
        )
        texts = [(prompt or "") + text for text in texts]
        return _write_texts(texts, output, run)
    return _draw(evaluation, num_samples or 64, seed, temperature, output)


def _draw(evaluation, num_samples, seed, temperature, output):
    """Samples of a model without a prompt: pictures, arrays, or tokens."""
    model, dataset, condition = evaluation.model, evaluation.dataset, {}
    is_text = dataset is not None and bool(dataset.vocabulary)
    if not is_text:
        _check_ending(output, ".png")
    num_classes = figures.num_conditions(model)
    columns = num_classes or int(np.ceil(np.sqrt(num_samples)))
    if num_classes is not None:
        classes = np.arange(num_samples, dtype="int32") % num_classes
        condition = {"condition": classes}
    samples = model.sample(
        num_samples, seed=seed, temperature=temperature, **condition
    ).numpy()
    if is_text and not _is_npy(output):
        texts = [dataset.text(row) for row in samples]
        return _write_texts(texts, output, evaluation.run)
    output = pathlib.Path(output or evaluation.run.path / "samples.png")
    picture = evaluation.recipe.evaluation.picture
    if _is_npy(output):
        figures.write_array(output, samples)
    elif picture is None:
        shape = getattr(dataset, "element_shape", None)
        images = figures.as_images(samples, shape)
        figures.write_image(output, figures.enlarged_grid(images, columns))
    else:
        image = figures.picture(picture, model, dataset)
        figures.write_image(output, image)
    print(f"{num_samples} samples: {output}")
    return output


def _draw_captioned(evaluation, num_samples, seed, temperature, output, prompt):
    """Images of a caption."""
    model = evaluation.model
    if prompt is None:
        raise ValueError(
            f"A {type(model).__name__} draws images of captions: give one, as "
            "`--prompt 'a small bird'`."
        )
    _check_ending(output, ".png")
    images = model.generate(
        [prompt] * num_samples, seed=seed, temperature=temperature
    ).numpy()
    output = pathlib.Path(output or evaluation.run.path / "samples.png")
    if _is_npy(output):
        figures.write_array(output, images)
    else:
        columns = int(np.ceil(np.sqrt(num_samples)))
        figures.write_image(output, figures.enlarged_grid(images, columns))
    print(f"{num_samples} samples: {output}")
    return output


def _write_texts(texts, output, run):
    _check_ending(output, ".txt")
    output = pathlib.Path(output or run.path / "samples.txt")
    text = "\n\n---\n\n".join(texts)
    atomic.write_text(str(output.absolute()), text)
    print("\n\n---\n\n".join(texts[:_PRINTED]))
    print(f"\n{len(texts)} texts: {output}")
    return output


def _is_npy(output):
    return output is not None and pathlib.Path(output).suffix == ".npy"


def _check_ending(output, suffix):
    if output is not None and pathlib.Path(output).suffix not in (
        suffix,
        ".npy",
    ):
        raise ValueError(
            f"`output` must end in {suffix} or .npy. Received: {output}"
        )
