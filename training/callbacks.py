"""What happens around the steps of a run: checkpoints, weights, pictures."""

import contextlib
import math
import signal
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.export import atomic
from training.worker_group import ALONE


class AveragedWeights(keras.callbacks.Callback):
    """Validates with the optimizers' moving averages, where they keep them."""

    def on_test_begin(self, logs=None):
        self._swap = averaged_weights(self.model)
        self._swap.__enter__()

    def on_test_end(self, logs=None):
        self._swap.__exit__(None, None, None)


@contextlib.contextmanager
def averaged_weights(model):
    """Puts moving averages in the place of the weights for a while.

    The weights come back bit for bit, which Keras's `SwapEMAWeights` (adding
    and subtracting) does not do. Optimizers without `use_ema` change nothing.
    """
    kept = []
    for optimizer, variables in model.optimizer_groups.values():
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if optimizer is None or not optimizer.use_ema:
            continue
        averages = optimizer._model_variables_moving_average
        for variable, average in zip(variables, averages, strict=True):
            kept.append((variable, keras.ops.convert_to_numpy(variable)))
            variable.assign(keras.ops.convert_to_numpy(average))
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)


class RunProgress(keras.callbacks.Callback):
    """Checkpoints a run, keeps its best weights, and takes it up again.

    Args:
        run: `RunFolder`.
        store: `CheckpointStore` of the model's training state.
        steps_per_epoch: int.
        monitor: str. The lower this metric, the better the weights; None for
            adversarial training, where no loss tells.
        patience: optional int. Epochs without a new best before training stops.
        total_steps: optional int. Updates after which training stops.
        checkpoint_every: optional int. Updates between checkpoints, beside
            those at the end of every epoch.
        checkpoint_seconds: optional float. Seconds after which the next update
            is saved, too.
        group: `WorkerGroup`, whose workers stop and save after the same update.
            Its chief alone writes.
        after_save: optional callable, called when a checkpoint is written.
    """

    def __init__(
        self,
        run,
        store,
        *,
        steps_per_epoch,
        monitor,
        patience=None,
        total_steps=None,
        checkpoint_every=None,
        checkpoint_seconds=None,
        group=ALONE,
        after_save=None,
    ):
        super().__init__()
        self.run = run
        self.store = store
        self.steps_per_epoch = steps_per_epoch
        self.monitor = monitor
        self.patience = patience
        self.total_steps = total_steps
        self.checkpoint_every = checkpoint_every
        self.checkpoint_seconds = checkpoint_seconds
        self.group = group
        self.after_save = after_save
        self.state = {
            "epoch": 0,
            "step": 0,
            "best": math.inf,
            "best_epoch": None,
            "history": [],
        }
        self._signal = None
        self._agreement = Agreement(group)

    def restore(self):
        """Reads the newest checkpoint.

        Returns:
            Epoch and step within it at which training goes on.
        """
        self.state.update(self.store.restore() or {})
        if self._step_in_epoch() < 0:
            # An earlier version took an epoch cut short for a whole one.
            self.state["epoch"] -= 1
            self.state["history"].pop()
        return self.state["epoch"], self._step_in_epoch()

    @property
    def finished(self):
        """Whether the restored run had ended by itself."""
        return self._out_of_patience() or self._out_of_steps()

    def on_train_begin(self, logs=None):
        self._check_monitor()
        self._saved_at = time.monotonic()
        self._resumed = self._step_in_epoch() > 0
        self._former = {
            number: signal.signal(number, self._stop)
            for number in (signal.SIGTERM, signal.SIGINT)
        }

    def on_train_end(self, logs=None):
        self._end_of_signals()
        stop, _ = self._agreement.reached(self._signal, False, at_once=True)
        if stop is not None:
            self._exit(stop)

    def _end_of_signals(self):
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def on_epoch_begin(self, epoch, logs=None):
        function = self.model.train_function
        if self.total_steps:
            function.end_after(self.total_steps - epoch * self.steps_per_epoch)
        if self._resumed:
            # `fit` has just reset the metrics of the epoch that was broken.
            self.store.restore()
            function.skip(self._step_in_epoch())
            self._resumed = False

    def on_train_batch_end(self, batch, logs=None):
        step = self.state["epoch"] * self.steps_per_epoch + batch + 1
        if step <= self.state["step"]:
            return
        before, self.state["step"] = self.state["step"], step
        due = self.checkpoint_every and (
            step // self.checkpoint_every > before // self.checkpoint_every
        )
        seconds = time.monotonic() - self._saved_at
        is_late = bool(
            self.checkpoint_seconds and seconds >= self.checkpoint_seconds
        )
        stop, is_late = self._agreement.reached(self._signal, is_late)
        due = due or is_late
        if (
            stop is not None
            or self._is_cut_short()
            or (due and self._step_in_epoch())
        ):
            self._save(logs)
        if stop is not None:
            self._exit(stop)
        if self._out_of_steps():
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        logs = {name: float(value) for name, value in (logs or {}).items()}
        self._check_finite(logs)
        score = logs.get(self.monitor, math.inf)
        if score < self.state["best"]:
            self.state.update(best=score, best_epoch=epoch)
            if self.group.is_chief:
                self._save_best()
        is_cut_short = self._is_cut_short()
        self.state["history"].append({"epoch": epoch, **logs})
        self.state["epoch"] = epoch + 1
        if self.group.is_chief:
            self.run.write_metrics(self.state["history"])
        if not is_cut_short:
            # Else the last update is saved, from which more steps go on.
            self._save(logs)
        if self._out_of_patience():
            self.model.stop_training = True

    def _save(self, logs):
        self._check_finite(logs)
        self.store.save(self.state["step"], self.state)
        if self.after_save is not None:
            self.after_save()
        self._saved_at = time.monotonic()

    def _check_monitor(self):
        names = [metric.name for metric in self.model.metrics]
        if self.monitor and self.monitor.removeprefix("val_") not in names:
            raise ValueError(
                "`monitor` must be a metric, with `val_` before it of the "
                f"validation data, or None. There are: {', '.join(names)}. "
                f"Received: monitor={self.monitor!r}"
            )

    def _check_finite(self, logs):
        losses = (float(logs.get(name, 0.0)) for name in ("loss", "val_loss"))
        wrong = [loss for loss in losses if not math.isfinite(loss)]
        if wrong:
            saved = max(self.store.steps, default=0)
            raise RuntimeError(
                f"The loss is {wrong[0]} after update "
                f"{self.state['step']}: the run has diverged, and nothing of "
                f"it was saved after update {saved}. "
                "Lower the learning rate, or clip gradients, in a new run."
            )

    def _stop(self, number, frame):
        """Lets the present update end; a second Ctrl-C does not wait."""
        self._signal = number
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _exit(self, number):
        self._end_of_signals()
        if self.group.is_chief:
            print(
                f"\nStopped after update {self.state['step']}, which is saved. "
                f"The same command with `--run-dir {self.run.path}` goes on "
                "from it.",
                file=sys.stderr,
            )
        raise SystemExit(128 + number)

    def _step_in_epoch(self):
        return self.state["step"] - self.state["epoch"] * self.steps_per_epoch

    def _is_cut_short(self):
        """Whether the last step lies within an epoch."""
        is_whole = self._step_in_epoch() >= self.steps_per_epoch
        return self._out_of_steps() and not is_whole

    def _out_of_patience(self):
        if self.patience is None or self.state["best_epoch"] is None:
            return False
        since = self.state["epoch"] - 1 - self.state["best_epoch"]
        return since >= self.patience

    def _out_of_steps(self):
        return bool(self.total_steps) and self.state["step"] >= self.total_steps

    def _save_best(self):
        path = self.run.best_weights
        beside = path.with_name(".best.weights.h5")
        with averaged_weights(self.model), atomic.disk_errors(str(path)):
            try:
                self.model.save_weights(beside)
                beside.rename(path)
            finally:
                beside.unlink(missing_ok=True)


class Agreement:
    """When the workers of a group stop or save: after the same update.

    Asking each other costs a little; so they do it about once a second.

    Args:
        group: `WorkerGroup`.
        seconds: float. About how long until they ask again.
    """

    def __init__(self, group, seconds=1.0):
        self.group = group
        self.seconds = seconds
        self._updates = self._left = 1
        self._asked_at = time.monotonic()

    def reached(self, signal_number, is_late, at_once=False):
        """What all workers do now; each of them asks after every update.

        Args:
            signal_number: the signal that tells this worker to stop, or None.
            is_late: bool. Whether a checkpoint is due, by the chief's clock.
            at_once: bool. Whether they ask each other now.

        Returns:
            The signal that stops all of them, or None, and whether they save.
        """
        if self.group.num_workers == 1:
            return signal_number, is_late
        self._left -= 1
        if self._left > 0 and not at_once:
            return None, False
        since = time.monotonic() - self._asked_at
        # The first updates are traced, and tell little of the others.
        most = min(2 * self._updates, 1000)
        pace = int(np.clip(self._updates * self.seconds / since, 1, most))
        signals = (signal.SIGTERM, signal.SIGINT)
        votes = [signal_number == each for each in signals]
        votes += [is_late, pace] if self.group.is_chief else [False, 0]
        *told, is_late, pace = self.group.sum(np.array(votes, "int64")).tolist()
        self._updates = self._left = pace
        self._asked_at = time.monotonic()
        heard = [n for n, count in zip(signals, told, strict=True) if count]
        return (heard[0] if heard else None), bool(is_late)


class SampleGrids(keras.callbacks.Callback):
    """Writes a grid of samples to TensorBoard after every epoch.

    The seeds are the same every time, so that one picture grows out of the one
    before.

    Args:
        log_dir: path of the event files.
        grid: callable `model -> (height, width, channels)` image in [0, 1].
    """

    def __init__(self, log_dir, grid):
        super().__init__()
        self.grid = grid
        self._writer = tf.summary.create_file_writer(str(log_dir))

    def on_epoch_end(self, epoch, logs=None):
        with averaged_weights(self.model):
            image = self.grid(self.model)
        with self._writer.as_default(step=epoch):
            tf.summary.image("samples", image[None])
        self._writer.flush()


class SampleTexts(keras.callbacks.Callback):
    """Writes texts that a model draws to TensorBoard after every epoch.

    Args:
        log_dir: path of the event files.
        texts: callable `model -> list of str`.
    """

    def __init__(self, log_dir, texts):
        super().__init__()
        self.texts = texts
        self._writer = tf.summary.create_file_writer(str(log_dir))

    def on_epoch_end(self, epoch, logs=None):
        with averaged_weights(self.model):
            texts = self.texts(self.model)
        with self._writer.as_default(step=epoch):
            tf.summary.text("samples", texts)
        self._writer.flush()
