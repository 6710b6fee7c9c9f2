"""The classifier whose features measure samples: found, or trained."""

import dataclasses
import hashlib
import json
import os
import pathlib

from keras_genseq.models import ImageClassifier
from training.evaluations.classifier import right_answers
from training.evaluations.classifier import weights_hash

# Data sets with fewer training images take the recipe for small ones.
_FEWEST_OF_PAPER = 10_000
_RECIPE = "classifier"


@dataclasses.dataclass(frozen=True)
class Extractor:
    """A trained classifier and what must be said of it.

    Attributes:
        model: `ImageClassifier`.
        accuracy: float. On the test images of its data.
        weights_hash: str.
    """

    model: ImageClassifier
    accuracy: float
    weights_hash: str

    def __str__(self):
        return (
            f"classifier {self.weights_hash}, right on {self.accuracy:.2%} of "
            "the test images"
        )


def find_extractor(evaluation):
    """The classifier of a run's data, trained by the recipe `classifier`.

    It is trained once and kept below `$KERAS_GENSEQ_CACHE` (or
    `~/.cache/keras_genseq`), in a run folder of its own.

    Args:
        evaluation: `training.evaluate.Evaluation`.

    Returns:
        `Extractor`, or None if the data have no labels, or the model's images
        are not those of the source.
    """
    # Evaluations are named in recipes, which `training.train` looks up.
    from training.evaluate import load_run
    from training.train import resolve_run
    from training.train import train

    dataset, shape = evaluation.dataset, evaluation.model.image_shape
    is_labelled = "label" in dataset.splits["train"].element_spec
    if not is_labelled or tuple(dataset.element_shape) != tuple(shape):
        return None
    is_small = dataset.size("train") < _FEWEST_OF_PAPER
    recipe, config = resolve_run(
        _RECIPE,
        "demo" if is_small else "paper",
        [f"data={evaluation.recipe.data}"],
    )
    text = json.dumps(config["recipe_values"], sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = cache_folder() / "classifiers" / name
    if not (folder / "model.keras").exists():
        print(f"Training the classifier of {evaluation.recipe.data} once.")
        train(recipe, folder, config=config, strategy="one_device")
    found = load_run(folder)
    right = right_answers(found.model, found.dataset.splits["test"])
    return Extractor(
        found.model, float(right.mean()), weights_hash(found.model)
    )


def cache_folder():
    """Where what evaluations train is kept: a path."""
    default = pathlib.Path.home() / ".cache" / "keras_genseq"
    return pathlib.Path(os.environ.get("KERAS_GENSEQ_CACHE") or default)
