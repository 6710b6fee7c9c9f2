"""Trains a recipe in a run folder, from the start or from where it stopped."""

import contextlib
import dataclasses
import math
import os
import pathlib
import shutil
import tempfile
import time

import keras
import tensorflow as tf

from keras_genseq.export import atomic
from training.callbacks import AveragedWeights
from training.callbacks import RunProgress
from training.checkpoints import CheckpointStore
from training.data import evaluation_batches
from training.data import load_dataset
from training.data import model_examples
from training.data import model_inputs
from training.data.service import service_workers
from training.displays import displays
from training.factory import make
from training.fitting import prepared
from training.initial_weights import start_from
from training.opening import opening
from training.overrides import phases_of
from training.query import sentence_of
from training.rehearsal import rehearse
from training.resolve import as_kept
from training.resolve import build_model
from training.resolve import steps_per_epoch
from training.run_batches import run_batches
from training.run_copies import BackgroundCopies
from training.run_copies import RunCopies
from training.run_folder import RunFolder
from training.stages import stages_of
from training.stages import with_stages
from training.strategies import make_strategy
from training.token_data import with_tokens
from training.worker_group import WorkerGroup
from training.worker_group import worker_lost

_NOTHING_SAVED = "Nothing was trained yet, and nothing of it is left behind."


def train(
    recipe,
    run_dir,
    *,
    config,
    strategy="auto",
    devices=None,
    profile=False,
    copy_to=None,
    data_service=None,
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
        copy_to: optional `RemoteFolder` that gets a copy of every checkpoint,
            and from which a run goes on where `run_dir` has nothing.
        data_service: optional str, `host:port` of a dispatcher of tf.data's
            service, whose workers make the batches of training.

    Returns:
        `RunFolder` with `model.keras`: the weights with the best monitored
        metric, the last ones if nothing was monitored, or the mean of the last
        checkpoints where the recipe says so. None to the workers of a group
        that are not its chief, which write nothing.

    Raises:
        BlockingIOError: if another process trains in the folder.
        OSError: if the disk refuses, or at the start `copy_to` or
            `data_service`. A copy that fails later is told and tried again.
        WorkerLostError: if another worker of the group is gone.
    """
    run = RunFolder(pathlib.Path(run_dir))
    if isinstance(strategy, str):
        strategy = make_strategy(strategy, devices)
    if data_service is not None:
        service_workers(data_service)
    group = WorkerGroup(strategy)
    tf.config.experimental.enable_op_determinism()
    started = time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            setup = _Setup(strategy, group, profile, data_service)
            if group.is_chief:
                copies = None
                if copy_to is not None:
                    copy_to.check_writable()
                    copies = _copies(recipe, run, copy_to)
                stack.enter_context(_new_or_gone(run, config, copies))
                if copies is not None:
                    background = stack.enter_context(BackgroundCopies(copies))
                    setup = setup.replace(after_save=background.ask)
            former = run.read_metrics()
            models = stack.enter_context(tempfile.TemporaryDirectory())
            recipe = _with_trained_stages(recipe, run, setup, models)
            phases = phases_of(recipe)
            if len(phases) == 1:
                _train_phase(phases[0], run, setup)
            else:
                _train_phases(phases, run, setup)
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


@dataclasses.dataclass(frozen=True)
class _Setup:
    """What is the same for all that a run trains."""

    strategy: tf.distribute.Strategy
    group: WorkerGroup
    profile: bool = False
    data_service: str | None = None
    after_save: object = None

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)


def copy_run(recipe, run, remote):
    """Copies what a run that has ended holds.

    Args:
        recipe: `Recipe`.
        run: `RunFolder`.
        remote: `RemoteFolder`.

    Raises:
        OSError: if the store refuses.
    """
    try:
        _copies(recipe, run, remote).write()
    except OSError as error:
        raise OSError(
            f"{error}. {run.path} has all; the same command with --run-dir "
            f"{run.path} copies what is missing."
        ) from error


def _copies(recipe, run, remote):
    depths = [p.schedule.average_checkpoints or 1 for p in phases_of(recipe)]
    return RunCopies(run, remote, depth=max(depths))


@contextlib.contextmanager
def _new_or_gone(run, config, copies=None):
    """Holds a run's folder; of a start that saves nothing no new one stays."""
    is_new = not run.path.exists()
    with run.in_use():
        had_config = run.config.exists()
        try:
            if copies is not None:
                copies.fetch(config)
            run.write_config(config)
            yield
        except (Exception, KeyboardInterrupt) as error:
            if run.has_progress:
                raise
            if is_new:
                shutil.rmtree(run.path, ignore_errors=True)
            elif not had_config:
                run.config.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    run.figures.rmdir()
            if isinstance(error, KeyboardInterrupt):
                raise type(error)(_NOTHING_SAVED) from error
            raise


def _with_trained_stages(recipe, run, setup, models):
    """Trains what comes before a recipe, and tells the recipe where it is.

    Hosts that do not see the run get its models in a folder `models`.
    """
    stages, group = stages_of(recipe), setup.group
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
        unprofiled = setup.replace(profile=False)
        _train_phase(stage, before, unprofiled, is_reported=False)
    return with_stages(
        recipe, run, at=lambda path: group.file_of_chief(path, models)
    )


def _train_phases(phases, run, setup):
    before, group = None, setup.group
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
        _train_phase(recipe, phase, setup)
        if group.is_chief:
            _join_metrics(run, number)
    if group.is_chief and not run.model.exists():
        atomic.write_bytes(str(run.model.absolute()), before.model.read_bytes())
    if setup.after_save is not None:
        setup.after_save()


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


def _train_phase(recipe, run, setup, is_reported=True):
    """Trains a recipe without phases; leaves its `model.keras`."""
    strategy, group = setup.strategy, setup.group
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
        after_save=setup.after_save,
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
            for line in opening(
                run, recipe, dataset, size, updates, type(model).__name__
            ):
                print(line)
            if progress.state["step"]:
                print(f"Going on after update {progress.state['step']}.")
        learned = with_tokens(model, dataset)
        try:
            model.fit(
                run_batches(
                    recipe,
                    learned,
                    steps_per_epoch=num_steps,
                    start=(epoch, step),
                    service=setup.data_service,
                    num_hosts=group.num_workers,
                ),
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
                        displays(
                            run, recipe, dataset, model, progress, setup.profile
                        )
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
    if setup.after_save is not None:
        setup.after_save()


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


def _prepare(model, recipe, dataset):
    """What comes before the first update."""
    if recipe.init_from is not None:
        start_from(model, recipe.init_from)
    if recipe.schedule.adapt is not None:
        inputs = model_inputs(dataset.splits["train"])
        batches = inputs.batch(recipe.schedule.global_batch_size)
        model.adapt(batches, **make(recipe.schedule.adapt))
