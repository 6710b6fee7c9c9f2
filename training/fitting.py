"""A recipe fitted to data that took the place of its own.

A recipe's model is for any data of its kind; its sizes, transforms, batches,
horizons and comparisons were chosen for its own. Where the user named other
data, what does not fit them is replaced or left out, one sentence each, before
anything is trained. Values that the user gave stay as they are.
"""

import dataclasses

from training.data import load_dataset
from training.fitting_images import IMAGE_RULES
from training.fitting_images import resized_shape
from training.fitting_schedule import SCHEDULE_RULES
from training.resolve import transformed

# A recipe for each kind of data.
_RECIPE_OF = {
    "images": "vae",
    "vectors": "rnade",
    "pairs": "translate_multi30k",
    "text": "char_lstm",
    "series": "latent_ar",
    "notes": "chorales_lstm",
    "captions": "text2image",
}


def prepared(recipe, dataset):
    """Fits a recipe to its data, and applies its transforms.

    Args:
        recipe: `Recipe`. One with its own data stays as it is.
        dataset: `Dataset`, as it was loaded.

    Returns:
        `Recipe`, and `Dataset` whose `notes` tell what was changed.

    Raises:
        ValueError: if the recipe learns no data of this kind.
    """
    if recipe.replaced is None:
        return recipe, transformed(recipe, dataset)
    check_kind(recipe, dataset)
    for rule in _RULES:
        recipe, dataset = rule(recipe, dataset)
    dataset = transformed(recipe, dataset)
    _check_classes(dataset)
    if dataset.kind in ("images", "captions"):
        shape = resized_shape(recipe, dataset.element_shape)
        dataset = dataclasses.replace(dataset, element_shape=shape)
    for rule in SCHEDULE_RULES:
        recipe, dataset = rule(recipe, dataset)
    return recipe, dataset


def check_kind(recipe, dataset):
    """Checks that a recipe can learn a data set, by what its report takes.

    Raises:
        ValueError: if it cannot; a recipe that can is named.
    """
    kinds = getattr(recipe.evaluation.evaluate, "kinds", None)
    if kinds is None:
        return
    if "image_shape" in recipe.model.parameters():
        kinds = tuple(kind for kind in kinds if kind != "vectors")
    found = dataset.kind
    if found == "captions" and found not in kinds:
        found = "images"
    if found in kinds:
        return
    remedy = ""
    if dataset.kind in _RECIPE_OF:
        command = (
            f"train {_RECIPE_OF[dataset.kind]} --data {recipe.data.source}"
        )
        remedy = f" `python -m training {command}` learns them."
    raise ValueError(
        f"This recipe learns {' or '.join(map(_spoken, kinds))}, but "
        f"{dataset.name!r} holds {_spoken(dataset.kind)}.{remedy}"
    )


def _check_classes(dataset):
    """Refuses to tell apart the examples of one class."""
    has_targets = "y" in dataset.splits["train"].element_spec
    if dataset.kind == "images" and dataset.num_classes == 1 and has_targets:
        raise ValueError(
            "This recipe learns what tells classes apart, but all examples of "
            f"{dataset.name!r} are of one. Give examples of another class; "
            f"`python -m training train vae --data {dataset.name}` "
            "learns them without classes."
        )


def _spoken(kind):
    return kind.replace("pairs_of_arrays", "tasks of memory").replace("_", " ")


def _without_captions(recipe, dataset):
    kinds = getattr(recipe.evaluation.evaluate, "kinds", ())
    if dataset.kind != "captions" or "captions" in kinds:
        return recipe, dataset

    def without(example):
        return {k: v for k, v in example.items() if k != "captions"}

    splits = {n: split.map(without) for n, split in dataset.splits.items()}
    dataset = dataclasses.replace(dataset, kind="images", splits=splits)
    return recipe, dataset.noting(
        "Captions left out: images alone are learned."
    )


def _comparisons(recipe, dataset):
    """Leaves out sets that are compared with the recipe's own data."""
    for name, words in (
        ("out_of_distribution", "out-of-distribution row"),
        ("probe_data", "linear probe on other data"),
        ("comparison", "score of other data"),
    ):
        source = getattr(recipe.data, name)
        if source is None or name in recipe.replaced.given:
            continue
        # Those that are not inside the package may have to be downloaded.
        reason = f"`{source}` belongs to the recipe's own data"
        if ":" not in source:
            shape = load_dataset(source).element_shape
            if shape == dataset.element_shape:
                continue
            reason = (
                f"{_size(shape)} images do not compare with yours, "
                f"{_size(dataset.element_shape)}"
            )
        recipe = recipe.replace(**{name: None})
        dataset = dataset.noting(f"{words.capitalize()} left out: {reason}.")
    if recipe.evaluation.paper and "paper" not in recipe.replaced.given:
        recipe = recipe.replace(paper={})
        dataset = dataset.noting(
            "The paper's numbers left out: they are of other data."
        )
    return recipe, dataset


def _size(shape):
    if len(shape) == 1:
        return f"vectors of {shape[0]}"
    return "x".join(map(str, shape))


def _series(recipe, dataset):
    """Orders, horizons and histories that the series is long enough for."""
    if dataset.kind != "series":
        return recipe, dataset
    lengths = {
        name: sum(len(e["x"]) for e in split.as_numpy_iterator())
        for name, split in dataset.splits.items()
    }
    order = recipe.model.arguments.get("order")
    # Half of the training steps are left to be predicted of the others.
    most = max(1, lengths["train"] // (2 * max(1, len(dataset.columns))))
    if order and order > most and "model.order" not in recipe.replaced.given:
        recipe = recipe.replace(model=recipe.model.replace("order", most))
        dataset = dataset.noting(
            f"The order is {most} in place of {order}: there are "
            f"{lengths['train']:,} training steps of {len(dataset.columns)} "
            "columns."
        )
    history = recipe.evaluation.history
    past = lengths["train"] + lengths["valid"]
    if history and "history" not in recipe.replaced.given:
        history = min(history, past // 2, dataset.window_length or history)
        recipe = recipe.replace(history=history)
    horizons = recipe.evaluation.horizons
    if not horizons or "horizons" in recipe.replaced.given:
        return recipe, dataset
    # Of the test split a half is left for points at which forecasts begin.
    most = max(1, lengths["test"] // 2)
    fitting = tuple(h for h in horizons if h <= most)
    if fitting != horizons:
        fitting = tuple(dict.fromkeys((*fitting, most)))
        recipe = recipe.replace(horizons=fitting)
        dataset = dataset.noting(
            f"Forecasts reach {', '.join(map(str, fitting))} steps ahead: the "
            f"test split has {lengths['test']:,}."
        )
    return recipe, dataset


_RULES = (_without_captions, *IMAGE_RULES, _comparisons, _series)
