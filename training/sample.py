"""Draws samples from the model of a run."""

import pathlib

import numpy as np

from training import figures
from training.evaluation import load_run


def sample(run_dir, num_samples=64, seed=0, temperature=1.0, output=None):
    """Writes samples of a run's model to a file.

    Args:
        run_dir: path of the run folder.
        num_samples: int. Of a conditional model of each class in turn.
        seed: int.
        temperature: float.
        output: optional path, `.png` (a grid; `.txt` of a model of text) or
            `.npy`; by default `samples.png` in the run folder.

    Returns:
        Path of the file.

    Raises:
        ValueError: if `output` ends otherwise, or the model draws nothing.
    """
    evaluation = load_run(run_dir)
    if not hasattr(evaluation.model, "sample"):
        raise ValueError(
            f"A {type(evaluation.model).__name__} draws no samples: it "
            "predicts. `evaluate` and `export` its run instead."
        )
    is_text = bool(evaluation.dataset.vocabulary)
    suffix = ".txt" if is_text else ".png"
    output = pathlib.Path(output or evaluation.run.path / f"samples{suffix}")
    if output.suffix not in (suffix, ".npy"):
        raise ValueError(
            f"`output` must end in {suffix} or .npy. Received: {output}"
        )
    model, condition = evaluation.model, {}
    num_classes = figures.num_conditions(model)
    columns = num_classes or int(np.ceil(np.sqrt(num_samples)))
    if num_classes is not None:
        classes = np.arange(num_samples, dtype="int32") % num_classes
        condition = {"condition": classes}
    samples = model.sample(
        num_samples, seed=seed, temperature=temperature, **condition
    ).numpy()
    picture = evaluation.recipe.evaluation.picture
    if output.suffix == ".npy":
        np.save(output, samples)
    elif is_text:
        texts = [evaluation.dataset.text(row) for row in samples]
        output.write_text("\n\n---\n\n".join(texts), encoding="utf-8")
    else:
        if picture is None:
            images = figures.as_images(
                samples, evaluation.dataset.element_shape
            )
            image = figures.enlarged_grid(images, columns)
        else:
            image = figures.picture(picture, model, evaluation.dataset)
        figures.write_image(output, image)
    print(f"{num_samples} samples: {output}")
    return output
