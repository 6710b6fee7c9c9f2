"""Trains a recipe in a run folder, from the start or from where it stopped."""

import contextlib
import dataclasses
import math
import pathlib
import time

import keras
import tensorflow as tf

from keras_genseq.models import AdversarialModel
from training.callbacks import AveragedWeights
from training.callbacks import RunProgress
from training.callbacks import SampleGrids
from training.callbacks import SampleTexts
from training.checkpoints import CheckpointStore
from training.data import bucket_batches
from training.data import bucket_steps
from training.data import evaluation_batches
from training.data import load_dataset
from training.data import model_examples
from training.data import model_inputs
from training.data import stream_batches
from training.data import stream_steps
from training.data import training_batches
from training.data.streams import joined
from training.figures import sample_grid
from training.gan_monitor import CollapseAlarm
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
    """Gives a recipe's data their tokenizer, and applies its transforms.

    Args:
        recipe: `Recipe`.
        dataset: `Dataset`.

    Returns:
        `Dataset` whose elements are still dicts.
    """
    if recipe.tokenizer is not None:
        tokenizer = make(recipe.tokenizer, {"dataset": dataset})
        dataset = dataclasses.replace(dataset, tokenizer=tokenizer)
    for transform in recipe.transforms:
        transform = make(transform)
        if getattr(transform, "takes_dataset", False):
            dataset = transform(dataset)
            continue
        splits = {n: transform(s) for n, s in dataset.splits.items()}
        dataset = dataclasses.replace(dataset, splits=splits)
    return dataset


def build_model(recipe, dataset):
    """Makes and compiles a recipe's model, inside the present strategy.

    Args:
        recipe: `Recipe`.
        dataset: `Dataset`, transformed.

    Returns:
        Compiled model.
    """
    shape = model_inputs(dataset.splits["train"]).element_spec.shape
    vocabulary = dataset.vocabulary
    steps_per_epoch = _steps_per_epoch(recipe, dataset)
    context = {
        "input_dim": math.prod(shape),
        "image_shape": tuple(shape),
        "num_states": len(vocabulary),
        "vocabulary_size": len(vocabulary),
        "vocabulary": [piece for piece in vocabulary if piece],
        "tokenizer": dataset.tokenizer,
        "stateful_batch_size": recipe.global_batch_size,
        "channels": shape[-1] if shape.rank == 2 else None,
        "num_notes": shape[-1],
        "num_labels": dataset.num_classes,
        "decay_steps": recipe.steps or recipe.epochs * steps_per_epoch,
    }
    with _dtype_policy(recipe.dtype_policy):
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
        metric, the last ones if nothing was monitored, or the mean of the last
        checkpoints where the recipe says so.
    """
    run = RunFolder(pathlib.Path(run_dir))
    run.path.mkdir(parents=True, exist_ok=True)
    run.write_config(config)
    strategy = make_strategy(strategy, devices)
    tf.config.experimental.enable_op_determinism()
    dataset = transformed(recipe, load_dataset(recipe.data))
    # Preparing a data set, which happens once, may draw numbers.
    keras.utils.set_random_seed(recipe.seed)
    steps_per_epoch = _steps_per_epoch(recipe, dataset)
    with strategy.scope():
        model = build_model(recipe, dataset)
    store = CheckpointStore(
        run.checkpoints,
        model.training_state,
        keep=max(3, recipe.average_checkpoints),
    )
    progress = RunProgress(
        run,
        store,
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
        inputs = model_inputs(dataset.splits["train"])
        batches = inputs.batch(recipe.global_batch_size)
        model.adapt(batches, **make(recipe.adapt))
    if epoch < epochs and not progress.finished:
        if progress.state["step"]:
            print(f"Going on after update {progress.state['step']}.")
        batches = _training_batches(
            recipe, dataset, steps_per_epoch, epoch, step
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
    if recipe.average_checkpoints:
        store.average(recipe.average_checkpoints)
    elif run.best_weights.exists():
        model.load_weights(run.best_weights)
    if recipe.dtype_policy != "float32":
        model = _in_float32(model)
    model.save(run.model)
    print(f"Trained in {time.monotonic() - started:.0f} s: {run.path}")
    return run


@contextlib.contextmanager
def _dtype_policy(policy):
    """Makes a policy the one of all layers made inside."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _in_float32(model):
    """A copy of a trained model that computes in float32."""
    config = {**model.get_config(), "dtype": "float32"}
    copy = type(model).from_config(config)
    if not copy.built:
        copy.build_from_config(model.get_build_config())
    copy.compile_from_config(model.get_compile_config())
    copy.set_weights(model.get_weights())
    return copy


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


def _training_batches(recipe, dataset, steps_per_epoch, epoch, step):
    """Batches from a step of an epoch on, as the recipe wants them."""
    start = {"seed": recipe.seed, "start_epoch": epoch, "start_step": step}
    examples = model_examples(dataset.splits["train"])
    if recipe.tokens_per_batch:
        return bucket_batches(examples, tokens=recipe.tokens_per_batch, **start)
    start["batch_size"] = recipe.global_batch_size
    if recipe.stream_window:
        return stream_batches(examples, window=recipe.stream_window, **start)
    return training_batches(
        examples,
        steps_per_epoch=steps_per_epoch,
        augment_batch=make(recipe.augment),
        **start,
    )


def _steps_per_epoch(recipe, dataset):
    examples = model_examples(dataset.splits["train"])
    if recipe.tokens_per_batch:
        return bucket_steps(examples, recipe.tokens_per_batch)
    if recipe.stream_window:
        return stream_steps(
            len(joined(examples)),
            recipe.global_batch_size,
            recipe.stream_window,
        )
    num_examples = int(examples.cardinality())
    steps = num_examples // recipe.global_batch_size
    if steps == 0:
        raise ValueError(
            f"A batch of {recipe.global_batch_size} needs as many training "
            f"examples, but the data hold {num_examples}. Set a smaller "
            "`global_batch_size`."
        )
    return steps * recipe.passes_per_epoch
