"""Classifiers of a run's data, which measure samples."""

import dataclasses

from keras_genseq.export import atomic
from keras_genseq.models import ImageClassifier
from training.data import load_dataset
from training.data.captioned_digits import ATTRIBUTES
from training.data.captioned_digits import NAME as CAPTIONED_DIGITS
from training.data.domains import NAMES as DOMAINS
from training.data.domains import source_of_domain
from training.evaluation import load_run
from training.evaluations.classifier import right_answers
from training.evaluations.classifier import weights_hash
from training.resolve import resolve_run
from training.run_folder import shared_run
from training.train import train

# Data sets with fewer training images take the recipe for small ones.
_FEWEST_OF_PAPER = 5_000
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


def feature_classifier(evaluation):
    """Trains the classifier that measures a run's samples, or finds it.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Extractor`, or None if the data have no labels, or the model's images
        are not those of the source.
    """
    dataset, shape = evaluation.dataset, evaluation.model.image_shape
    source = evaluation.recipe.data.source
    is_labelled = "label" in dataset.splits["train"].element_spec
    if not is_labelled or load_dataset(source).element_shape != tuple(shape):
        return None
    return trained_classifier(evaluation, source)


def caption_judges(evaluation):
    """Trains the classifiers that judge images made of captions, or finds them.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        dict of attribute to `Extractor`: digit, form and place of captioned
        digits, the class of other images with classes, none without.
    """
    source = evaluation.recipe.data.source
    if source == CAPTIONED_DIGITS:
        return {
            name: trained_classifier(evaluation, f"{source}:{name}")
            for name in ATTRIBUTES
        }
    judge = feature_classifier(evaluation)
    return {} if judge is None else {"class": judge}


def domain_judges(evaluation):
    """Trains a classifier of each of two domains, or finds it.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        dict of `"a"` and `"b"` to `Extractor`; empty where a domain has no
        labels.
    """
    source = evaluation.recipe.data.source
    splits = load_dataset(source).splits["train"]
    if not all("label" in splits[n].element_spec for n in DOMAINS):
        return {}
    return {
        name: trained_classifier(evaluation, source_of_domain(source, name))
        for name in DOMAINS
    }


def trained_classifier(evaluation, source):
    """Trains a classifier of any labelled images, or finds it.

    It is a run of the recipe `classifier` in a folder beside a run's, named
    after its data: all runs beside each other share it.

    Args:
        evaluation: `training.evaluation.Evaluation` of the run.
        source: str. Images with labels, as `--data` takes them.

    Returns:
        `Extractor`.
    """
    is_small = load_dataset(source).size("train") < _FEWEST_OF_PAPER
    recipe, config = resolve_run(
        _RECIPE, "demo" if is_small else "paper", [f"data={source}"]
    )
    run = shared_run(evaluation.run, config, source)
    lock = run.path.absolute().with_name(f".{run.path.name}.lock")
    # Of two evaluations at once, the second waits for the first one's.
    with atomic.locked(str(lock)):
        if run.model.exists():
            print(f"Samples are measured by the classifier of {run.path}.")
        else:
            print(f"Training the classifier that measures samples: {run.path}")
            train(recipe, run.path, config=config, strategy="one_device")
    found = load_run(run.path)
    right = right_answers(found.model, found.dataset.splits["test"])
    return Extractor(
        found.model, float(right.mean()), weights_hash(found.model)
    )
