"""Trains a recipe in a run folder, from the start or from where it stopped."""

import contextlib
import math
import os
import pathlib
import shutil
import time

import keras
import tensorflow as tf

from keras_genseq.export import atomic
from keras_genseq.models import AdversarialModel
from training import figures
from training.callbacks import AveragedWeights
from training.callbacks import RunProgress
from training.callbacks import SampleGrids
from training.callbacks import SampleTexts
from training.checkpoints import CheckpointStore
from training.data import bucket_batches
from training.data import evaluation_batches
from training.data import load_dataset
from training.data import model_examples
from training.data import model_inputs
from training.data import stream_batches
from training.data import training_batches
from training.factory import make
from training.fitting import prepared
from training.gan_monitor import CollapseAlarm
from training.initial_weights import start_from
from training.opening import opening
from training.overrides import phases_of
from training.query import sentence_of
from training.rehearsal import rehearse
from training.resolve import as_kept
from training.resolve import build_model
from training.resolve import steps_per_epoch
from training.run_folder import RunFolder
from training.stages import stages_of
from training.stages import with_stages
from training.strategies import make_strategy
from training.token_data import with_tokens
from training.worker_group import WorkerGroup
from training.worker_group import worker_lost

# Of a profile: late enough that everything is traced, early enough to come.
_PROFILED_UPDATES = (6, 10)


def train(
    recipe,
    run_dir,
    *,
    config,
    strategy="auto",
    devices=None,
    profile=False,
):
    """Trains until the recipe's end, going on from the last checkpoint if any.

    Args:
        recipe: `Recipe`. Each of its phases has a run folder inside the run's,
            and starts from the model that the phase before left.
        run_dir: path of the run folder. Of a start that fails before it has
            saved anything, no new folder stays.
        config: JSON-ready dict that rebuilds the recipe; a folder that holds
            another one is refused, unless it only trains longer.
        strategy: name of a strategy, or a strategy.
        devices: optional int. Devices of `mirrored`.
        profile: bool. Whether TensorBoard gets a profile of some updates.

    Returns:
        `RunFolder` with `model.keras`: the weights with the best monitored
        metric, the last ones if nothing was monitored, or the mean of the last
        checkpoints where the recipe says so. None to the workers of a group
        that are not its chief, which write nothing.

    Raises:
        BlockingIOError: if another process trains in the folder.
        WorkerLostError: if another worker of the group is gone.
    """
    run = RunFolder(pathlib.Path(run_dir))
    if isinstance(strategy, str):
        strategy = make_strategy(strategy, devices)
    group = WorkerGroup(strategy)
    tf.config.experimental.enable_op_determinism()
    started, former = time.monotonic(), run.read_metrics()
    try:
        with _new_or_gone(run, config) if group.is_chief else _NOTHING:
            recipe = _with_trained_stages(recipe, run, strategy, group)
            phases = phases_of(recipe)
            if len(phases) == 1:
                _train_phase(phases[0], run, strategy, group, profile)
            else:
                _train_phases(phases, run, strategy, group, profile)
    except tf.errors.OpError as error:
        if group.lost(error):
            raise worker_lost() from error
        if "tfevents" in str(error):
            with atomic.disk_errors(str(run.logs)):
                raise
        raise
    if not group.is_chief:
        return None
    if run.read_metrics() == former:
        print(f"Nothing is left to train: {run.path}")
    else:
        print(f"Trained in {time.monotonic() - started:.0f} s: {run.path}")
    return run


_NOTHING = contextlib.nullcontext()


@contextlib.contextmanager
def _new_or_gone(run, config):
    """Holds a run's folder; of a start that saves nothing no new one stays."""
    is_new = not run.path.exists()
    with run.in_use():
        had_config = run.config.exists()
        try:
            run.write_config(config)
            yield
        except (Exception, KeyboardInterrupt):
            if is_new and not run.has_progress:
                shutil.rmtree(run.path, ignore_errors=True)
            elif not had_config and not run.has_progress:
                run.config.unlink(missing_ok=True)
            raise


def _with_trained_stages(recipe, run, strategy, group):
    """Trains what comes before a recipe, and tells the recipe where it is."""
    stages = stages_of(recipe)
    if stages:
        # What does not suit the recipe is refused before an hour of training.
        _data(recipe, group)
    for stage, config in stages.values():
        before = run.stage(config["recipe"])
        if group.is_chief:
            before.write_config(config)
        if group.told(before.model.exists()):
            continue
        if group.is_chief:
            print(f"First, {config['recipe']}: {before.path}")
        _train_phase(stage, before, strategy, group, is_reported=False)
    return with_stages(recipe, run)


def _train_phases(phases, run, strategy, group, profile):
    before = None
    for number, recipe in enumerate(phases, start=1):
        phase = run.phase(number)
        if before is not None:
            recipe = recipe.replace(init_from=str(before.model))
        before = phase
        if group.told(phase.model.exists()):
            continue
        if group.is_chief:
            print(f"Phase {number} of {len(phases)}.")
            phase.path.mkdir(parents=True, exist_ok=True)
        _train_phase(recipe, phase, strategy, group, profile)
        if group.is_chief:
            _join_metrics(run, number)
    if group.is_chief and not run.model.exists():
        atomic.write_bytes(str(run.model.absolute()), before.model.read_bytes())


def _join_metrics(run, num_phases):
    """Writes the metrics of all phases, their epochs counted through."""
    joined = []
    for number in range(1, num_phases + 1):
        rows = run.phase(number).read_metrics()
        first = len(joined)
        joined += [
            {**row, "epoch": first + i, "phase": number}
            for i, row in enumerate(rows)
        ]
    run.write_metrics(joined)


def _train_phase(recipe, run, strategy, group, profile=False, is_reported=True):
    """Trains a recipe without phases; leaves its `model.keras`."""
    recipe, dataset = _data(recipe, group)
    schedule = recipe.schedule
    if group.is_chief:
        for note in dataset.notes:
            print(note)
        is_new = recipe.replaced is not None and not run.has_progress
        if is_new and is_reported:
            rehearse(recipe, dataset)
    # Preparing a data set, which happens once, may draw numbers.
    keras.utils.set_random_seed(recipe.seed)
    num_steps = steps_per_epoch(recipe, dataset)
    if isinstance(strategy, tf.distribute.TPUStrategy):
        # It compiles the step itself.
        compiled = {**recipe.compile, "jit_compile": False}
        recipe = recipe.replace(compile=compiled)
    with strategy.scope():
        model = build_model(recipe, dataset)
    store = CheckpointStore(
        run.checkpoints,
        model.training_state,
        keep=max(3, schedule.average_checkpoints),
        group=group,
    )
    progress = RunProgress(
        run,
        store,
        steps_per_epoch=num_steps,
        monitor=schedule.monitor,
        patience=schedule.patience,
        total_steps=schedule.steps,
        checkpoint_every=schedule.checkpoint_every,
        checkpoint_seconds=schedule.checkpoint_seconds,
        group=group,
    )
    epoch, step = progress.restore()
    epochs = schedule.epochs
    if schedule.steps:
        epochs = math.ceil(schedule.steps / num_steps)
    if not progress.state["step"]:
        if group.is_chief:
            _prepare(model, recipe, dataset)
        store.share()
    if epoch < epochs and not progress.finished:
        if group.is_chief:
            updates = schedule.steps or epochs * num_steps
            size = model.count_params()
            for line in opening(run, recipe, dataset, size, updates):
                print(line)
            if progress.state["step"]:
                print(f"Going on after update {progress.state['step']}.")
        learned = with_tokens(model, dataset)
        try:
            model.fit(
                _training_batches(recipe, learned, num_steps, epoch, step),
                epochs=epochs,
                initial_epoch=epoch,
                steps_per_epoch=num_steps,
                shuffle=False,
                verbose="auto" if group.is_chief else 0,
                validation_data=evaluation_batches(
                    model_examples(learned.splits["valid"]),
                    batch_size=schedule.global_batch_size,
                ),
                callbacks=[
                    AveragedWeights(),
                    *(
                        _shown(run, recipe, dataset, model, progress, profile)
                        if group.is_chief
                        else []
                    ),
                    progress,
                ],
            )
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(sentence_of(error)) from error
    if not group.is_chief:
        return
    if schedule.average_checkpoints:
        store.average(schedule.average_checkpoints)
    elif run.best_weights.exists():
        model.load_weights(run.best_weights)
    _write_model(as_kept(model, recipe, dataset), run.model)


def _data(recipe, group):
    """The recipe fitted to its data, and the data.

    A data set is prepared once, by the chief; the others find it where they
    share the disk, and else prepare their own.
    """
    if not group.is_chief:
        group.wait()
    found = prepared(recipe, load_dataset(recipe.data.source))
    if group.is_chief:
        group.wait()
    return found


def _write_model(model, path):
    """Writes a `.keras` file that is whole or not there."""
    beside = path.with_name(f".{path.name}")
    with atomic.disk_errors(str(path)):
        try:
            model.save(beside)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def _shown(run, recipe, dataset, model, progress, profile):
    """Callbacks that show how training goes, before that which may end it."""
    return [
        keras.callbacks.TensorBoard(
            run.logs,
            write_graph=False,
            update_freq="epoch",
            profile_batch=_PROFILED_UPDATES if profile else 0,
        ),
        *_samples(run, recipe, dataset, model),
        *_alarms(model, progress),
    ]


def _prepare(model, recipe, dataset):
    """What comes before the first update."""
    if recipe.init_from is not None:
        start_from(model, recipe.init_from)
    if recipe.schedule.adapt is not None:
        inputs = model_inputs(dataset.splits["train"])
        batches = inputs.batch(recipe.schedule.global_batch_size)
        model.adapt(batches, **make(recipe.schedule.adapt))


def _samples(run, recipe, dataset, model):
    """The callback that shows what the model makes, if it makes any samples."""
    if recipe.evaluation.picture is None and not hasattr(model, "sample"):
        return []
    if recipe.evaluation.picture is not None or not dataset.vocabulary:

        def picture(model):
            return figures.picture(recipe.evaluation.picture, model, dataset)

        return [SampleGrids(run.logs, picture)]

    def texts(model):
        rows = model.sample(3, length=200, seed=0).numpy()
        return [dataset.text(row) for row in rows]

    return [SampleTexts(run.logs, texts)]


def _alarms(model, progress):
    """The callback that watches adversarial training."""
    if not isinstance(model, AdversarialModel):
        return []
    return [CollapseAlarm(progress.state["history"])]


def _training_batches(recipe, dataset, num_steps, epoch, step):
    """Batches from a step of an epoch on, as the recipe wants them."""
    schedule = recipe.schedule
    start = {"seed": recipe.seed, "start_epoch": epoch, "start_step": step}
    examples = model_examples(dataset.splits["train"])
    if schedule.tokens_per_batch:
        return bucket_batches(
            examples, tokens=schedule.tokens_per_batch, **start
        )
    start["batch_size"] = schedule.global_batch_size
    if schedule.stream_window:
        return stream_batches(examples, window=schedule.stream_window, **start)
    return training_batches(
        examples,
        steps_per_epoch=num_steps,
        augment_batch=make(
            recipe.data.augment, {"num_labels": dataset.num_classes}
        ),
        **start,
    )
