"""From the name of a recipe to its numbers, its data and its model."""

import contextlib
import dataclasses
import math
import pathlib

import keras

from training.data import bucket_steps
from training.data import load_dataset
from training.data import model_examples
from training.data import model_inputs
from training.data import stream_steps
from training.data.labelled_images import labelled
from training.data.streams import joined
from training.factory import Factory
from training.factory import make
from training.overrides import given_names
from training.overrides import override
from training.recipe import Replacement
from training.recipes import find_recipe
from training.report import command_line


def resolve(name, preset="demo", assignments=()):
    """Finds a recipe and applies overrides.

    Args:
        name: str. One of `training.recipes.RECIPES`.
        preset: `"demo"` or `"paper"`.
        assignments: sequence of `path=value`.

    Returns:
        `Recipe`; where its source was replaced, with a `Replacement`.
    """
    own = recipe = find_recipe(name, preset)
    for assignment in assignments:
        recipe = override(recipe, assignment)
    if recipe.data.source == own.data.source:
        return recipe
    return recipe.replace(replaced=Replacement(own, given_names(assignments)))


def resolve_run(name, preset="demo", assignments=()):
    """Finds a recipe, and what a run folder keeps of how it was found.

    Args:
        name: as for `resolve`.
        preset: as for `resolve`.
        assignments: as for `resolve`.

    Returns:
        `Recipe` and the `config` that `train` takes.
    """
    recipe = resolve(name, preset, assignments)
    phases = _phases_of_data(recipe)
    if phases != recipe.schedule.phases:
        assignments = [*assignments, f"phases={phases!r}"]
        recipe = resolve(name, preset, assignments)
    words = ["train", name, "--preset", preset]
    for assignment in assignments:
        words += ["--set", assignment]
    return recipe, {
        "command": command_line(words),
        "recipe": name,
        "preset": preset,
        "overrides": list(assignments),
        "directory": str(pathlib.Path.cwd()),
        "recipe_values": recipe.describe(),
    }


# What learning rates are called: constants, and in schedules.
_RATES = ("learning_rate", "initial_learning_rate", "warmup_target", "scale")
# What grows with the replicas; of buckets of texts, tokens.
_BATCHES = ("global_batch_size", "tokens_per_batch")


def scaled_to(name, preset, assignments, num_replicas):
    """Overrides of a recipe for batches that grow with the replicas.

    Each replica then works off as many examples as one alone would, and the
    learning rates grow in proportion (Goyal et al., 2017): with momentum and
    small enough rates, epochs do about the same. Warm-up, if any, is the
    recipe's.

    Args:
        name: as for `resolve`.
        preset: as for `resolve`.
        assignments: as for `resolve`.
        num_replicas: int.

    Returns:
        list of `path=value`.

    Raises:
        ValueError: if an optimizer of the recipe does not name its rate.
    """
    recipe = resolve(name, preset, assignments)
    found = [
        f"{batch}={size * num_replicas}"
        for batch in _BATCHES
        if (size := getattr(recipe.schedule, batch))
    ]
    for part, optimizer in recipe.compile.items():
        if not part.endswith("optimizer"):
            continue
        rates = list(_rates(optimizer, part))
        if not rates:
            raise ValueError(
                f"The learning rate of `{part}` is not among the recipe's "
                "values, so that it cannot be scaled. Set it: `--set "
                f"{part}.learning_rate=...`."
            )
        found += [f"{path}={rate * num_replicas!r}" for path, rate in rates]
    return found


def _rates(factory, path):
    """Paths of the learning rates in a factory, with their values."""
    if not isinstance(factory, Factory):
        return
    for name, value in {**factory.parameters(), **factory.arguments}.items():
        if isinstance(value, (int, float)) and name in _RATES:
            yield f"{path}.{name}", value
        else:
            yield from _rates(value, f"{path}.{name}")


def _phases_of_data(recipe):
    """The phases of a recipe: those that the user's data want, if they do."""
    schedule, replaced = recipe.schedule, recipe.replaced
    if schedule.grow is None or replaced is None or "phases" in replaced.given:
        return schedule.phases
    dataset = load_dataset(recipe.data.source)
    if dataset.kind not in ("images", "captions"):
        # They will be refused.
        return schedule.phases
    return make(schedule.grow, {"image_shape": dataset.element_shape})


def transformed(recipe, dataset):
    """Gives a recipe's data their tokenizer, and applies its transforms.

    Args:
        recipe: `Recipe`. If its model is conditional (`model.num_classes`) and
            no transform has made targets, the labels are the targets.
        dataset: `Dataset`.

    Returns:
        `Dataset` whose elements are still dicts.

    Raises:
        ValueError: if the data do not fit the transforms, or have no labels
            for a conditional model.
    """
    if recipe.data.tokenizer is not None:
        tokenizer = make(recipe.data.tokenizer, {"dataset": dataset})
        dataset = dataclasses.replace(dataset, tokenizer=tokenizer)
    for transform in recipe.data.transforms:
        dataset = _transformed(dataset, make(transform))
    is_conditional = recipe.model.arguments.get("num_classes") is not None
    if is_conditional and "y" not in dataset.splits["train"].element_spec:
        dataset = _transformed(dataset, labelled)
    return dataset


def _transformed(dataset, transform):
    if getattr(transform, "takes_dataset", False):
        return transform(dataset)
    splits = {n: transform(s) for n, s in dataset.splits.items()}
    return dataclasses.replace(dataset, splits=splits)


def build_model(recipe, dataset):
    """Makes and compiles a recipe's model, inside the present strategy.

    Args:
        recipe: `Recipe`. `model.num_classes="data"` stands for the number of
            classes that the data have.
        dataset: `Dataset`, transformed.

    Returns:
        Compiled model.
    """
    train = dataset.splits["train"]
    shape = model_inputs(train).element_spec.shape
    target = train.element_spec.get("y")
    attributes = train.element_spec.get("attributes")
    vocabulary = dataset.vocabulary
    schedule = recipe.schedule
    context = {
        "input_dim": math.prod(shape),
        "image_shape": tuple(shape),
        "target_shape": tuple(getattr(target, "shape", ())),
        "num_states": len(vocabulary),
        "vocabulary_size": len(vocabulary),
        "vocabulary": [piece for piece in vocabulary if piece],
        "tokenizer": dataset.tokenizer,
        "stateful_batch_size": schedule.global_batch_size,
        "channels": shape[-1] if shape.rank == 2 else None,
        "num_notes": shape[-1],
        "num_labels": dataset.num_classes,
        "num_domains": attributes.shape[0]
        if attributes is not None
        else dataset.num_classes,
        "labels": "classes" if attributes is None else "attributes",
        "decay_steps": schedule.steps
        or max(1, schedule.epochs * steps_per_epoch(recipe, dataset)),
    }
    factory = recipe.model
    if factory.arguments.get("num_classes") == "data":
        factory = factory.replace("num_classes", dataset.num_classes)
    with _dtype_policy(recipe.dtype_policy):
        try:
            model = factory(**context)
        except TypeError as error:
            if "argument" not in str(error):
                raise
            raise ValueError(f"`model` refuses a value: {error}.") from error
    model.compile(**{k: make(v, context) for k, v in recipe.compile.items()})
    return model


def as_kept(model, recipe, dataset):
    """A trained model as it is kept: in float32, in the units of the data.

    Args:
        model: trained model.
        recipe: `Recipe`.
        dataset: `Dataset`, transformed.

    Returns:
        `model`, or a copy of it.
    """
    config, changes = model.get_config(), {}
    if recipe.dtype_policy != "float32":
        changes["dtype"] = "float32"
    if dataset.scale is not None and "data_scale" in config:
        mean, deviation = (part.tolist() for part in dataset.scale)
        changes |= {"data_mean": mean, "data_scale": deviation}
    if not changes:
        return model
    copy = type(model).from_config({**config, **changes})
    if not copy.built:
        copy.build_from_config(model.get_build_config())
    copy.compile_from_config(model.get_compile_config())
    copy.set_weights(model.get_weights())
    return copy


def steps_per_epoch(recipe, dataset):
    """Updates of an epoch.

    Args:
        recipe: `Recipe`.
        dataset: `Dataset`, transformed.

    Raises:
        ValueError: if the data do not fill a batch.
    """
    schedule = recipe.schedule
    examples = model_examples(dataset.splits["train"])
    if schedule.tokens_per_batch:
        steps = bucket_steps(examples, schedule.tokens_per_batch)
        if steps == 0:
            raise ValueError(
                f"The data do not fill a batch of {schedule.tokens_per_batch} "
                "tokens. Set a smaller `tokens_per_batch`, or give more data."
            )
        return steps
    if schedule.stream_window:
        return stream_steps(
            len(joined(examples)),
            schedule.global_batch_size,
            schedule.stream_window,
        )
    num_examples = int(examples.cardinality())
    steps = num_examples // schedule.global_batch_size
    if steps == 0:
        raise ValueError(
            f"A batch of {schedule.global_batch_size} needs as many training "
            f"examples, but the data hold {num_examples}. Set a smaller "
            "`global_batch_size`."
        )
    return steps * schedule.passes_per_epoch


@contextlib.contextmanager
def _dtype_policy(policy):
    """Makes a policy the one of all layers made inside."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
