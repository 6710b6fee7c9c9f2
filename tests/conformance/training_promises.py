"""What every model promises of its training, each promise a plain function."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.batches import BATCH
from tests.conformance.batches import ROWS
from tests.conformance.instances import awake
from tests.conformance.instances import eagerly
from tests.conformance.instances import steps
from tests.conformance.instances import weights
from tests.conformance.promises import assert_awake
from training.checkpoints import CheckpointStore


def loss_on_fixed_noise(model, case):
    """Mean loss of the batch as validation has it, the same at every call.

    Where that is an estimate, a dozen examples say little: the exact one then.
    """
    x, y = case.tensors(BATCH)
    if case.estimates_nll:
        return -float(tf.reduce_mean(model.log_prob(x)))
    losses, _ = model.example_losses(x, y, training=False)
    return float(tf.reduce_mean(losses))


def loss_falls(model, case):
    before = loss_on_fixed_noise(model, case)
    steps(model, case, 15)
    assert loss_on_fixed_noise(model, case) < before - 0.05


def gradients_are_everywhere(variables, mean_loss):
    with tf.GradientTape() as tape:
        loss = mean_loss()
    for gradient in tape.gradient(loss, variables):
        assert gradient is not None
        gradient = tf.convert_to_tensor(gradient)
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.0


def mean_loss(model, case):
    x, y = case.tensors(BATCH)
    losses, _ = model.example_losses(x, y, training=True)
    return tf.reduce_mean(losses)


def mean_loss_of_group(model, case, group):
    """A group's mean loss on the batch, with the noise of the first step."""
    batch = model.seeded_batch(case.tensors(BATCH), step=0)
    losses, _ = getattr(model, f"{group}_loss")(batch)
    return tf.reduce_mean(losses)


def variables_of(model, group):
    networks = model.group_networks[group]
    return [v for n in networks for v in n.trainable_variables]


def loss_of_a_group_falls(model, case, group):
    """A group learns while the others stand still."""
    awake(model, case.awake_scale)
    mine = variables_of(model, group)
    theirs = []
    for other in model.group_networks:
        if other != group:
            getattr(model, f"{other}_optimizer").learning_rate = 0.0
            theirs += variables_of(model, other)
    theirs = [v for v in theirs if not any(v is w for w in mine)]
    before = [v.numpy() for v in theirs]
    # Every step draws new noise; one draw is compared with itself.
    losses = [float(mean_loss_of_group(model, case, group))]
    steps(model, case, 20)
    losses.append(float(mean_loss_of_group(model, case, group)))
    assert losses[1] < losses[0] - 0.05
    for value, variable in zip(before, theirs, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())


def takes_equal_steps(one, two, case, rtol=1e-3):
    _wake(one, two, case)
    losses = [steps(m, case, 4) for m in (one, two)]
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(*losses, rtol=rtol)


def trains_under_its_policy(model, full, case):
    """Losses fall, densities and other outputs are float32 and as precise as
    the policy allows.

    Args:
        model: of any policy, compiled.
        full: another of the policy float32, whose weights may change.
        case: the row of both.
    """
    policy = model.dtype_policy.name
    if case.kind == "game":
        awake(model)
        losses = steps(model, case, 4)
        assert np.isfinite(losses).all()
        is_scaled = {
            isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            for optimizer, _ in model.optimizer_groups.values()
        }
        assert is_scaled == {policy == "mixed_float16"}
    elif case.kind == "supervised":
        losses = steps(model, case, 10)
        assert np.isfinite(losses).all() and losses[-1] < losses[0]
    else:
        losses = [loss_on_fixed_noise(model, case)]
        losses += [*steps(model, case, 10), loss_on_fixed_noise(model, case)]
        assert np.isfinite(losses).all() and losses[-1] < losses[0]
    full.set_weights(model.get_weights())
    is_near_full_precision(model, full, case)


@eagerly()
def is_near_full_precision(model, full, case):
    tolerance = {"atol": 0.05}
    if case.kind == "density":
        policy = model.dtype_policy.name
        rtol = 1e-5 if policy == "float32" else case.policy_rtol
        tolerance = {"rtol": rtol}
        x, _ = case.pair(ROWS)
        condition = case.condition(ROWS)
        outputs = [m.log_prob(x, **condition) for m in (model, full)]
    else:
        outputs = [case.outputs(m, BATCH) for m in (model, full)]
    assert outputs[0].dtype == tf.float32
    assert_awake(outputs)
    np.testing.assert_allclose(*outputs, **tolerance)


def assert_same_weights(a, b, atol=0.0):
    for x, y in zip(weights(a), weights(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=0.0, atol=atol)


def keras_file_keeps_all(model, case, path):
    """Outputs, and the next steps of training; returns the loaded model."""
    steps(model, case, 2)
    model.save(path)
    again = keras.models.load_model(path)
    outputs = [case.outputs(m, BATCH) for m in (model, again)]
    for a, b in zip(*map(keras.tree.flatten, outputs), strict=True):
        np.testing.assert_array_equal(a, b)
    before = weights(model)
    for each in (model, again):
        steps(each, case, 1)
    assert_same_weights(model, again)
    assert any(
        (a != b).any() for a, b in zip(before, weights(model), strict=True)
    )
    return again


def resumes(whole, resumed, case, folder):
    """Interrupted and resumed is uninterrupted, bit for bit."""
    steps(whole, case, 2)
    CheckpointStore(folder, whole.training_state).save(2, {})
    CheckpointStore(folder, resumed.training_state).restore()
    for model in (whole, resumed):
        steps(model, case, 2)
    assert_same_weights(whole, resumed)


def trains_alike_on_two_replicas(one, two, case):
    _wake(one, two, case)
    losses = [steps(m, case, 4) for m in (one, two)]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    assert_same_weights(one, two, atol=case.replica_atol)


def refuses_inputs_without_targets(model, case):
    x, _ = case.pair(BATCH)
    for data in (x, tf.data.Dataset.from_tensors(x)):
        with pytest.raises(ValueError, match="give pairs `\\(x, y\\)`"):
            model.fit(data, verbose=0)


def refuses_what_is_no_array(model, case):
    """A sentence tells what came, and not the inside of TensorFlow."""
    x, y = case.pair(BATCH)
    sparse = tf.sparse.from_dense(np.eye(BATCH, dtype="float32"))
    for bad in (sparse, {"image": x}, lambda: x, None):
        with pytest.raises(ValueError, match="`x` must be an array or a tens"):
            model.check_batch(bad, y)
    if y is None:
        return
    for bad in (sparse, lambda: y):
        with pytest.raises(ValueError, match="` must be an array or a tensor"):
            model.check_batch(x, bad)


def refuses_ints_of_more_bits(model, case):
    """Half of a number would be another token or class."""
    x, y = case.pair(BATCH)
    for name, value in (("x", x), ("y", y)):
        if value is None or np.asarray(value).dtype.kind != "i":
            continue
        wide = value.astype("int64") + 2**32
        batch = {"x": x, "y": y, name: wide}
        with pytest.raises(ValueError, match="must hold ints of 32 bits"):
            model.check_batch(**batch)


def weighs_by_finite_numbers(model, case):
    """A weight that is none would spoil all weights of the model."""
    x, y = case.pair(BATCH)
    for bad in (np.full(BATCH, np.nan), -np.ones(BATCH), np.ones(BATCH + 1)):
        with pytest.raises(
            ValueError, match=r"`sample_weight` must|leave the sample weig"
        ):
            model.check_batch(x, y, bad)


def _wake(one, two, case):
    """Gives both the same larger weights, where small ones tell nothing."""
    if case.compared_awake:
        awake(one)
        awake(two)
