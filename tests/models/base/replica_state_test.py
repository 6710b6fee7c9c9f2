import contextlib
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import RecurrentLanguageModel
from training.callbacks import RunProgress
from training.checkpoints import CheckpointStore
from training.data import stream_batches
from training.run_folder import RunFolder

ROWS, WINDOW = 4, 5


def model(strategy=None, **kwargs):
    keras.utils.set_random_seed(1)
    options = {"stateful_batch_size": ROWS, "num_layers": 2, **kwargs}
    with strategy.scope() if strategy else contextlib.nullcontext():
        made = RecurrentLanguageModel(6, 5, **options)
        made.compile(keras.optimizers.Adam(0.01))
    return made


def windows(count=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 6, (count, ROWS, WINDOW)).astype("int32")


def fit(made, x, **kwargs):
    data = tf.data.Dataset.from_tensor_slices(x)
    made.fit(data, verbose=0, **kwargs)


def carried(made):
    return [np.array(v.numpy()) for v in made.carry.variables]


def assert_equal(a, b, atol=0.0):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=0.0, atol=atol)


def test_states_go_on_from_batch_to_batch():
    made = model()
    made.optimizer.learning_rate.assign(0.0)
    x = windows()
    fit(made, x)
    _, carry = made.window(np.concatenate(x, axis=1), made.initial_carry(ROWS))
    assert_equal(carried(made), carry, atol=1e-6)


def test_rows_of_an_array_are_not_shuffled():
    x = windows()
    by_array, by_batch = model(), model()
    by_array.fit(np.concatenate(x), verbose=0)
    fit(by_batch, x)
    assert_equal(by_array.get_weights(), by_batch.get_weights(), atol=1e-6)
    assert_equal(carried(by_array), carried(by_batch), atol=1e-6)
    turned = model()
    fit(turned, x[::-1])
    assert any(
        np.abs(a - b).max() > 1e-3
        for a, b in zip(carried(turned), carried(by_batch), strict=True)
    )


def test_the_loss_is_that_of_the_whole_text():
    made = model()
    made.optimizer.learning_rate.assign(0.0)
    x = windows()
    history = made.fit(tf.data.Dataset.from_tensor_slices(x), verbose=0)
    nll = -made.log_prob(np.concatenate(x, axis=1)).numpy().mean()
    steps = len(x) * WINDOW
    assert history.history["nll_per_step"][0] == pytest.approx(nll / steps)


def test_gradients_stop_at_the_border_of_batches():
    made, x = model(), windows(2)
    carry = made.initial_carry(ROWS)
    _, carry = made.window(x[0], carry)
    expected = RecurrentLanguageModel.from_config(made.get_config())
    expected.set_weights(made.get_weights())
    expected.compile(keras.optimizers.SGD(0.5))
    made.compile(keras.optimizers.SGD(0.5))
    for variable, part in zip(made.carry.variables, carry, strict=True):
        variable.assign(part)
    made.train_on_batch(x[1])
    with tf.GradientTape() as tape:
        constants = [tf.constant(np.asarray(c)) for c in carry]
        logits, _ = expected.window(x[1], constants, training=True)
        nll = -expected.log_prob_from_logits(x[1], logits)
        loss = tf.reduce_mean(nll) / WINDOW
    variables = expected.trainable_variables
    gradients = tape.gradient(loss, variables)
    for variable, gradient, own in zip(
        variables, gradients, made.trainable_variables, strict=True
    ):
        after = variable - 0.5 * tf.convert_to_tensor(gradient)
        np.testing.assert_allclose(after, own, atol=1e-6)


def test_rows_begin_new_texts_in_turn():
    made = model(stateful_windows=3)
    made.optimizer.learning_rate.assign(0.0)
    x = windows(5)
    fit(made, x)
    # Row r began anew at the last update u where u + r is a multiple of 3.
    for row, update in enumerate([3, 2, 4, 3]):
        text = np.concatenate(x[update:, row])[None]
        _, carry = made.window(text, made.initial_carry(1))
        own = [part[row : row + 1] for part in carried(made)]
        assert_equal(own, carry, atol=1e-6)


def test_every_epoch_begins_new_texts():
    made, x = model(), windows(1)
    made.optimizer.learning_rate.assign(0.0)
    fit(made, x, epochs=3)
    after_three = carried(made)
    fit(made, x)
    assert_equal(after_three, carried(made))
    made.train_on_batch(x[0])
    assert any(
        (a != b).any() for a, b in zip(after_three, carried(made), strict=True)
    )
    made.reset_carried_states()
    assert not any(part.any() for part in carried(made))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_validation_leaves_the_training_states_alone(jit_compile):
    with_validation, without = model(), model()
    for made in (with_validation, without):
        made.compile(keras.optimizers.Adam(0.01), jit_compile=jit_compile)
    x, valid = windows(), windows(1, seed=5)[0, :3]
    fit(without, x, epochs=2)
    logs = with_validation.fit(
        tf.data.Dataset.from_tensor_slices(x),
        epochs=2,
        validation_data=valid,
        validation_freq=1,
        verbose=0,
    ).history
    assert_equal(with_validation.get_weights(), without.get_weights())
    nll = -without.log_prob(valid).numpy().mean()
    assert logs["val_nll"][-1] == pytest.approx(nll, rel=1e-5)


def test_evaluation_takes_any_batch_size():
    made = model()
    x = windows(1)[0]
    logs = made.evaluate(x, batch_size=3, verbose=0, return_dict=True)
    nll = -made.log_prob(x).numpy().mean()
    assert logs["nll"] == pytest.approx(nll, rel=1e-5)


def test_resumed_in_the_middle_of_a_text_equals_uninterrupted(tmp_path):
    """Stopped at update 4 of 6 in the second epoch, and taken up again."""
    tokens = np.random.default_rng(3).integers(1, 6, 137).astype("int32")
    examples = tf.data.Dataset.from_tensors(tokens)

    def run(folder, total_steps=None):
        made = model(dropout=0.2)
        progress = RunProgress(
            RunFolder(folder),
            CheckpointStore(folder / "checkpoints", made.training_state),
            steps_per_epoch=6,
            monitor="loss",
            total_steps=total_steps,
            checkpoint_every=1,
        )
        epoch, step = progress.restore()
        batches = stream_batches(
            examples,
            batch_size=ROWS,
            window=WINDOW,
            seed=0,
            start_epoch=epoch,
            start_step=step,
        )
        made.fit(
            batches,
            epochs=3,
            initial_epoch=epoch,
            steps_per_epoch=6,
            verbose=0,
            callbacks=[progress],
        )
        return made

    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    whole = run(tmp_path / "whole")
    with pytest.raises(SystemExit):
        interrupted(run, tmp_path / "broken", at=10)
    resumed = run(tmp_path / "broken")
    assert_equal(whole.get_weights(), resumed.get_weights())
    assert int(resumed.optimizer.iterations) == 18


def interrupted(run, folder, at):
    """A run that is told to end after so many updates."""
    original = RunProgress.on_train_batch_end

    def ending(self, batch, logs=None):
        if self.state["step"] + 1 >= at:
            self._signal = signal.SIGTERM
        original(self, batch, logs)

    RunProgress.on_train_batch_end = ending
    try:
        run(folder)
    finally:
        RunProgress.on_train_batch_end = original


@pytest.mark.parametrize("parts", [1, 2], ids=["whole", "accumulated"])
def test_two_replicas_equal_one(two_replicas, parts):
    one, two = [
        model(strategy, stateful_windows=3) for strategy in (None, two_replicas)
    ]
    x = windows()
    for made in (one, two):
        with made.distribute_strategy.scope():
            optimizer = keras.optimizers.SGD(0.5)
        made.compile(optimizer, gradient_accumulation_steps=parts)
        fit(made, x, epochs=2)
    assert_equal(one.get_weights(), two.get_weights(), atol=1e-6)
    assert all(part.any() for part in carried(two))


@pytest.mark.parametrize(
    "batch, words",
    [
        (np.ones((3, 5), "int32"), "states of 4 rows.*Received: 3 rows"),
        ((np.ones((4, 5), "int32"), np.ones((4,))), "takes no targets"),
    ],
    ids=["rows", "targets"],
)
def test_other_batches_are_refused(batch, words):
    made = model()
    with pytest.raises(ValueError, match=words):
        made.fit(tf.data.Dataset.from_tensors(batch), verbose=0)


def test_a_text_has_at_least_one_window():
    with pytest.raises(ValueError, match="Received: stateful_windows=0"):
        model(stateful_windows=0)


def test_a_model_without_a_batch_size_carries_nothing():
    made = RecurrentLanguageModel(6, 5)
    assert made.carry is None and not made.non_trainable_weights


def test_a_last_smaller_batch_of_an_array_is_refused():
    x = np.concatenate(windows())[:10]
    with pytest.raises(ValueError, match="Drop a last, smaller batch"):
        model().fit(x, batch_size=ROWS, verbose=0)
