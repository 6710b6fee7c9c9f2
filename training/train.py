"""Trains a recipe in a run folder, from the start or from where it stopped."""

import dataclasses
import math
import pathlib
import time

import keras
import tensorflow as tf

from keras_genseq.models import AdversarialModel
from training.alarms import CollapseAlarm
from training.callbacks import AveragedWeights
from training.callbacks import RunProgress
from training.callbacks import SampleGrids
from training.callbacks import SampleTexts
from training.checkpoints import CheckpointStore
from training.data import evaluation_batches
from training.data import load_dataset
from training.data import model_examples
from training.data import model_inputs
from training.data import stream_batches
from training.data import stream_steps
from training.data import training_batches
from training.data.streams import joined
from training.figures import sample_grid
from training.query import sentence_of
from training.recipe import make
from training.recipe import override
from training.recipes import find_recipe
from training.report import command_line
from training.run_folder import RunFolder
from training.strategies import make_strategy


def resolve(name, preset="demo", assignments=()):
    """Finds a recipe and applies overrides.

    Args:
        name: str. One of `training.recipes.RECIPES`.
        preset: `"demo"` or `"paper"`.
        assignments: sequence of `path=value`.

    Returns:
        `Recipe`.
    """
    recipe = find_recipe(name, preset)
    for assignment in assignments:
        recipe = override(recipe, assignment)
    return recipe


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
    words = ["train", name, "--preset", preset]
    for assignment in assignments:
        words += ["--set", assignment]
    return recipe, {
        "command": command_line(words),
        "recipe": name,
        "preset": preset,
        "overrides": list(assignments),
        "recipe_values": recipe.describe(),
    }


def transformed(recipe, dataset):
    """Applies a recipe's transforms to every split.

    Args:
        recipe: `Recipe`.
        dataset: `Dataset`.

    Returns:
        `Dataset` whose elements are still dicts.
    """
    for transform in recipe.transforms:
        transform = make(transform)
        if getattr(transform, "takes_dataset", False):
            dataset = transform(dataset)
            continue
        splits = {n: transform(s) for n, s in dataset.splits.items()}
        dataset = dataclasses.replace(dataset, splits=splits)
    return dataset


def build_model(recipe, inputs, vocabulary=(), num_labels=None):
    """Makes and compiles a recipe's model, inside the present strategy.

    Args:
        recipe: `Recipe`.
        inputs: data set of unbatched model inputs.
        vocabulary: tuple of str. What tokens stand for.
        num_labels: int, or None. Classes of the data.

    Returns:
        Compiled model.
    """
    shape = inputs.element_spec.shape
    steps_per_epoch = _steps_per_epoch(recipe, inputs)
    context = {
        "input_dim": math.prod(shape),
        "image_shape": tuple(shape),
        "num_states": len(vocabulary),
        "vocabulary_size": len(vocabulary),
        "vocabulary": [piece for piece in vocabulary if piece],
        "stateful_batch_size": recipe.global_batch_size,
        "channels": shape[-1] if shape.rank == 2 else None,
        "num_notes": shape[-1],
        "num_labels": num_labels,
        "decay_steps": recipe.steps or recipe.epochs * steps_per_epoch,
    }
    model = recipe.model(**context)
    model.compile(**{k: make(v, context) for k, v in recipe.compile.items()})
    return model


def train(recipe, run_dir, *, config, strategy="auto", devices=None):
    """Trains until the recipe's end, going on from the last checkpoint if any.

    Args:
        recipe: `Recipe`.
        run_dir: path of the run folder.
        config: JSON-ready dict that rebuilds the recipe; a folder that holds
            another one is refused.
        strategy: name of a strategy.
        devices: optional int. Devices of `mirrored`.

    Returns:
        `RunFolder` with `model.keras`: the weights with the best monitored
        metric, or the last ones if nothing was monitored.
    """
    run = RunFolder(pathlib.Path(run_dir))
    run.path.mkdir(parents=True, exist_ok=True)
    run.write_config(config)
    strategy = make_strategy(strategy, devices)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.seed)

    dataset = transformed(recipe, load_dataset(recipe.data))
    inputs = model_inputs(dataset.splits["train"])
    steps_per_epoch = _steps_per_epoch(recipe, inputs)
    with strategy.scope():
        model = build_model(
            recipe, inputs, dataset.vocabulary, dataset.num_classes
        )
    progress = RunProgress(
        run,
        CheckpointStore(run.checkpoints, model.training_state),
        steps_per_epoch=steps_per_epoch,
        monitor=recipe.monitor,
        patience=recipe.patience,
        total_steps=recipe.steps,
        checkpoint_every=recipe.checkpoint_every,
    )
    epoch, step = progress.restore()
    epochs = recipe.epochs
    if recipe.steps:
        epochs = math.ceil(recipe.steps / steps_per_epoch)
    started = time.monotonic()
    if recipe.adapt is not None and not progress.state["step"]:
        batches = inputs.batch(recipe.global_batch_size)
        model.adapt(batches, **make(recipe.adapt))
    if epoch < epochs and not progress.finished:
        if progress.state["step"]:
            print(f"Going on after update {progress.state['step']}.")
        options = {
            "batch_size": recipe.global_batch_size,
            "seed": recipe.seed,
            "start_epoch": epoch,
            "start_step": step,
        }
        batches = (
            stream_batches(inputs, window=recipe.stream_window, **options)
            if recipe.stream_window
            else training_batches(
                model_examples(dataset.splits["train"]),
                steps_per_epoch=steps_per_epoch,
                augment_batch=make(recipe.augment),
                **options,
            )
        )
        try:
            model.fit(
                batches,
                epochs=epochs,
                initial_epoch=epoch,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,
                validation_data=evaluation_batches(
                    model_examples(dataset.splits["valid"]),
                    batch_size=recipe.global_batch_size,
                ),
                callbacks=[
                    AveragedWeights(),
                    keras.callbacks.TensorBoard(
                        run.logs, write_graph=False, update_freq="epoch"
                    ),
                    *_samples(run, recipe, dataset, model),
                    # Before the progress, which ends a run that diverged.
                    *_alarms(model, progress),
                    progress,
                ],
            )
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(sentence_of(error)) from error
    if run.best_weights.exists():
        model.load_weights(run.best_weights)
    model.save(run.model)
    print(f"Trained in {time.monotonic() - started:.0f} s: {run.path}")
    return run


def _samples(run, recipe, dataset, model):
    """The callback that shows what the model draws, if it draws any."""
    if not hasattr(model, "sample"):
        return []
    if not dataset.vocabulary or recipe.picture:
        return [SampleGrids(run.logs, recipe.picture or sample_grid)]

    def texts(model):
        rows = model.sample(3, length=200, seed=0).numpy()
        return [dataset.text(row) for row in rows]

    return [SampleTexts(run.logs, texts)]


def _alarms(model, progress):
    """The callback that watches a game, if the model is one."""
    if not isinstance(model, AdversarialModel):
        return []
    return [CollapseAlarm(progress.state["history"])]


def _steps_per_epoch(recipe, inputs):
    if recipe.stream_window:
        return stream_steps(
            len(joined(inputs)), recipe.global_batch_size, recipe.stream_window
        )
    num_examples = int(inputs.cardinality())
    steps = num_examples // recipe.global_batch_size
    if steps == 0:
        raise ValueError(
            f"A batch of {recipe.global_batch_size} needs as many training "
            f"examples, but the data hold {num_examples}. Set a smaller "
            "`global_batch_size`."
        )
    return steps * recipe.passes_per_epoch
