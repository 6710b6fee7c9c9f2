import json
import math
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import NADE
from training.callbacks import Agreement
from training.callbacks import AveragedWeights
from training.callbacks import RunProgress
from training.callbacks import averaged_weights
from training.checkpoints import CheckpointStore
from training.run_folder import RunFolder

X = np.random.default_rng(0).integers(0, 2, (24, 5)).astype("float32")
STEPS = 3


def make_model(learning_rate=0.5, **kwargs):
    keras.utils.set_random_seed(0)
    # In few operations: a trace of the scan takes longer than the training.
    model = NADE(5, 3, implementation="full")
    model.compile(
        keras.optimizers.SGD(learning_rate, use_ema=True, ema_momentum=0.9)
    )
    return model


def make_progress(folder, model, **kwargs):
    return RunProgress(
        RunFolder(folder),
        CheckpointStore(folder / "checkpoints", model.training_state),
        steps_per_epoch=STEPS,
        **{"monitor": "val_nll", **kwargs},
    )


def fit(model, progress, epochs, callbacks=()):
    batches = tf.data.Dataset.from_tensor_slices(X).batch(8)
    return model.fit(
        batches,
        validation_data=batches,
        epochs=epochs,
        verbose=0,
        callbacks=[*callbacks, progress],
    ).history


def weights(model):
    return np.concatenate([w.numpy().ravel() for w in model.weights])


def test_averages_take_the_weights_place_for_a_while(tmp_path):
    model = make_model()
    model.fit(X, batch_size=8, verbose=0, epochs=0)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) / 3.0)
    raw = weights(model)
    averages = model.optimizer._model_variables_moving_average
    with averaged_weights(model):
        inside = weights(model)
    expected = np.concatenate([a.numpy().ravel() for a in averages])
    np.testing.assert_array_equal(inside, expected)
    np.testing.assert_array_equal(weights(model), raw)
    assert (inside != raw).any()


def test_validation_sees_the_averages(tmp_path):
    model = make_model()
    history = fit(model, make_progress(tmp_path, model), 1, [AveragedWeights()])
    # `fit` ends by putting the averages in place for good.
    nll = -model.log_prob(X).numpy().mean()
    assert history["val_nll"][0] == pytest.approx(nll, rel=1e-5)
    best = make_model()
    best.load_weights(tmp_path / "best.weights.h5")
    np.testing.assert_array_equal(weights(best), weights(model))


def test_keeps_the_best_and_stops_when_patience_ends(tmp_path):
    model = make_model(learning_rate=0.0)
    progress = make_progress(tmp_path, model, patience=2)
    history = fit(model, progress, 10)
    assert len(history["nll"]) == 3 and progress.finished
    assert progress.state["best_epoch"] == 0
    rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert len(rows) == 4
    again = make_progress(tmp_path, make_model())
    again.patience = 2
    assert again.restore() == (3, 0) and again.finished


def test_stops_after_the_updates_asked_for(tmp_path):
    model = make_model()
    progress = make_progress(tmp_path, model, total_steps=4)
    fit(model, progress, 10)
    assert int(model.optimizer.iterations) == progress.state["step"] == 4
    assert progress.finished


def test_goes_on_in_the_middle_of_an_epoch(tmp_path):
    def run(folder, total_steps):
        model = make_model()
        progress = make_progress(
            folder, model, total_steps=total_steps, checkpoint_every=2
        )
        epoch, step = progress.restore()
        batches = tf.data.Dataset.from_tensor_slices(X).batch(8).repeat()
        model.fit(
            batches.skip(epoch * STEPS + step),
            initial_epoch=epoch,
            steps_per_epoch=STEPS,
            epochs=4,
            verbose=0,
            callbacks=[progress],
        )
        return model, progress

    whole, _ = run(tmp_path / "whole", None)
    stopped = tmp_path / "stopped"
    run(stopped, 5)
    # The end of the broken epoch is as if it had not been.
    folders = sorted((stopped / "checkpoints").iterdir())
    progress = json.loads((folders[-2] / "progress.json").read_text())
    assert (progress["epoch"], progress["step"]) == (1, 4)
    for path in folders[-1].iterdir():
        path.unlink()
    with pytest.warns(UserWarning, match="is damaged"):
        resumed, progress = run(stopped, None)
    assert int(resumed.optimizer.iterations) == 12
    np.testing.assert_array_equal(weights(whole), weights(resumed))
    assert len(progress.state["history"]) == 4


def test_a_diverged_run_is_named_and_not_saved(tmp_path):
    model = make_model()
    progress = make_progress(tmp_path, model)
    fit(model, progress, 1)
    model.kernel.assign(np.full((5, 3), math.nan))
    with pytest.raises(RuntimeError, match=r"loss is nan.*after update 3"):
        fit(model, progress, 1)
    assert progress.store.steps == [3]


def test_a_monitor_that_is_no_metric_is_named(tmp_path):
    """Else no weights would ever be the best."""
    model = make_model()
    progress = make_progress(tmp_path, model, monitor="val_nothing")
    with pytest.raises(ValueError, match=r"There are: loss, .*'val_nothing'"):
        fit(model, progress, 1)
    for monitor in ("loss", "val_bits_per_dim", None):
        fit(model, make_progress(tmp_path, model, monitor=monitor), 1)


def test_weights_that_validation_finds_spoiled_are_no_success(tmp_path):
    """The last update of a run may be the one that spoils them."""
    model = make_model()
    progress = make_progress(tmp_path, model)
    logs = {"loss": 1.0, "val_loss": math.nan, "val_nll": math.nan}
    progress.set_model(model)
    with pytest.raises(RuntimeError, match="The loss is nan after update 0"):
        progress.on_epoch_end(0, logs)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_very_update(tmp_path, capsys, number):
    class Stopper(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1:
                signal.raise_signal(number)

    former = signal.getsignal(number)
    model = make_model()
    progress = make_progress(tmp_path, model)
    with pytest.raises(SystemExit) as stopped:
        fit(model, progress, 3, [Stopper()])
    assert stopped.value.code == 128 + number
    assert progress.store.steps == [2]
    assert signal.getsignal(number) is former
    error = capsys.readouterr().err
    assert "after update 2, which is saved" in error
    assert f"--run-dir {tmp_path}" in error


@pytest.mark.parametrize(
    "seconds, saved", [(None, [3, 6]), (1e-9, [1, 2, 3, 4, 5, 6])]
)
def test_an_update_is_saved_after_so_many_seconds(tmp_path, seconds, saved):
    model = make_model()
    progress = make_progress(tmp_path, model, checkpoint_seconds=seconds)
    progress.store.keep = 9
    fit(model, progress, epochs=2)
    assert progress.store.steps == saved


class Chief:
    """A group of two, of which the other one votes as it is told."""

    num_workers, is_chief = 2, True

    def __init__(self, others):
        self.others = others
        self.votes = []

    def sum(self, votes):
        self.votes.append(votes.tolist())
        return votes + self.others.get(len(self.votes), 0)


def test_workers_agree_on_the_update_after_which_they_stop():
    group = Chief({3: np.array([0, 1, 0, 0])})
    agreement = Agreement(group, seconds=0.02)
    asked, heard = [], []
    for _ in range(60):
        before = len(group.votes)
        # This one is told, too, but it is the vote that counts.
        told = signal.SIGTERM if len(group.votes) > 3 else None
        heard.append(agreement.reached(told, is_late=len(group.votes) == 1))
        asked.append(len(group.votes) > before)
        time.sleep(0.001)
    # They ask at the first update, and about every 20 ms from then on.
    assert asked[0] and 4 <= sum(asked) < 40
    pairs = list(zip(heard, asked, strict=True))
    answers = [each for each, was_asked in pairs if was_asked]
    assert answers[0] == (None, False) and answers[1] == (None, True)
    assert answers[2] == (signal.SIGINT, False)
    assert answers[4] == (signal.SIGTERM, False)
    silent = {each for each, was_asked in pairs if not was_asked}
    assert silent == {(None, False)}
    count = len(group.votes)
    assert agreement.reached(None, False, at_once=True) == (None, False)
    assert len(group.votes) == count + 1
