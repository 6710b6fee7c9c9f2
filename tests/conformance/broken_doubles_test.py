"""Every promise fails for a model that breaks it.

A table that sees nothing would let anything pass. Here each promise meets the
double of a model with one fault.
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import models
from tests.conformance import condition_promises
from tests.conformance import promises
from tests.conformance import serving_promises
from tests.conformance import training_promises
from tests.conformance.bad_requests import vector_requests
from tests.conformance.batches import BATCH
from tests.conformance.batches import categories
from tests.conformance.case import ModelCase
from tests.conformance.conditional import conditional
from tests.conformance.instances import ask
from tests.conformance.instances import awake
from tests.conformance.instances import compiled
from tests.conformance.instances import counted_traces
from tests.conformance.serving import requests_of


class Whole(models.FullHistoryModel):
    """Four binary values, each promise kept."""

    def __init__(self, num_categories=2, **kwargs):
        super().__init__(
            **{"input_dim": 4, **kwargs, "num_categories": num_categories}
        )


class ZerosInGraphs(Whole):
    def call(self, x):
        zero = 1.0 if tf.executing_eagerly() else 0.0
        return zero * super().call(x)


class ConstantOutputs(Whole):
    def call(self, x):
        return 1e-6 * super().call(x)


class ZerosInSixteenBits(Whole):
    def call(self, x):
        is_full = self.dtype_policy.name == "float32"
        return float(is_full) * super().call(x)


class WrongSymbols(Whole):
    def compute_output_shape(self, input_shape):
        return (None, 4)


class ForgetfulConfig(Whole):
    def get_config(self):
        config = super().get_config()
        del config["num_categories"]
        return config


class IgnoredSeed(Whole):
    def draw(self, x, mask, seeds, temperature):
        return super().draw(x, mask, 0 * seeds + 1, temperature)


class SeedOfTheBatch(Whole):
    def draw(self, x, mask, seeds, temperature):
        return super().draw(x, mask, seeds + tf.shape(seeds), temperature)


class HiddenValuesShow(Whole):
    def complete(self, x, mask, **kwargs):
        return (super().complete(x, mask, **kwargs) + x * ~mask) % 2.0


class ShownValuesGo(Whole):
    def draw(self, x, mask, seeds, temperature):
        return super().draw(x, tf.zeros_like(mask), seeds, temperature)


class TracedAgain(Whole):
    def sample(self, num_samples, **kwargs):
        tf.function(lambda: tf.zeros(num_samples))()
        return super().sample(num_samples, **kwargs)


class StandsStill(Whole):
    def example_losses(self, x, y, *, training):
        losses, terms = super().example_losses(x, y, training=training)
        if training:
            losses = tf.stop_gradient(losses) + 0.0 * losses
        return losses, terms


class NoGradients(Whole):
    def example_losses(self, x, y, *, training):
        losses, terms = super().example_losses(x, y, training=training)
        return tf.stop_gradient(losses), terms


@keras.saving.register_keras_serializable(package="tests")
class UnsavedState(Whole):
    """Counts its updates where neither Keras nor a checkpoint looks."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.__dict__["count"] = tf.Variable(0.0, trainable=False)

    def example_losses(self, x, y, *, training):
        losses, terms = super().example_losses(x, y, training=training)
        if training:
            losses *= self.count.assign_add(1.0)
        return losses, terms


@keras.saving.register_keras_serializable(package="tests")
class UnsavedScale(Whole):
    """Multiplies by a number of its own that no file holds."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.__dict__["scale"] = np.random.uniform(1.0, 2.0)

    def call(self, x):
        return self.scale * super().call(x)


class LocalMeans(Whole):
    """Weighs an example by the share of the batch that it happens to be in."""

    def example_losses(self, x, y, *, training):
        losses, terms = super().example_losses(x, y, training=training)
        return losses / tf.cast(tf.shape(x)[0], losses.dtype), terms


class LetsAllPass(Whole):
    def check_inputs(self, x, name="x"):
        return tf.convert_to_tensor(x)


class OtherSamplesInPython(Whole):
    def sample(self, num_samples, **kwargs):
        return 1.0 - super().sample(num_samples, **kwargs)


class FreeKnob(Whole):
    def endpoints(self):
        endpoints = super().endpoints()
        inputs = dict(endpoints["sample"].inputs)
        knob = dataclasses.replace(inputs["temperature"], maximum=None)
        inputs["temperature"] = knob
        sample = dataclasses.replace(endpoints["sample"], inputs=inputs)
        return {**endpoints, "sample": sample}


def row(double):
    return ModelCase(
        make=double,
        batch=lambda size: categories(size, 4, 2),
        bad_requests=vector_requests(4),
    )


WHOLE = row(Whole)


def assert_seen(promise, double, make=None):
    """Asserts that a promise fails for a double.

    Args:
        promise: callable of a model and its row.
        double: class of the double.
        make: callable of a row that makes its model; by default awake.
    """
    case = row(double)
    model = make(case) if make else awake(case.make())
    with pytest.raises(AssertionError):
        promise(model, case)


@pytest.mark.parametrize(
    "promise, double",
    [
        (promises.agrees_in_every_mode, ZerosInGraphs),
        (promises.agrees_in_every_mode, ConstantOutputs),
        (promises.symbols_tell_the_outputs, WrongSymbols),
        (promises.keeps_its_config, ForgetfulConfig),
        (promises.draws_from_its_seed, IgnoredSeed),
        (promises.completes_what_is_hidden, HiddenValuesShow),
        (promises.completes_what_is_hidden, ShownValuesGo),
        (promises.bounds_its_knobs, FreeKnob),
    ],
)
def test_a_wrong_answer_is_seen(promise, double):
    assert_seen(promise, double)


def test_an_argument_at_its_default_is_seen():
    with pytest.raises(AssertionError, match="leaves an argument"):
        promises.leaves_no_default(Whole(), WHOLE)
    promises.leaves_no_default(Whole(num_categories=3), WHOLE)


def test_a_copy_that_shares_weights_is_seen():
    with pytest.raises(AssertionError):
        promises.is_copied_whole(awake(Whole()), WHOLE, lambda model: model)


def test_weights_that_no_file_holds_are_seen(tmp_path):
    def promise(model, case):
        promises.takes_weights_before_it_is_asked(model, case, tmp_path)

    assert_seen(promise, UnsavedScale)


def test_another_trace_is_seen():
    def promise(model, case):
        traced = []
        with counted_traces(traced):
            ask(model, case, 5)
            promises.is_not_traced_again(model, case, traced)

    assert_seen(promise, TracedAgain)


@pytest.mark.parametrize("double", [StandsStill, NoGradients])
def test_absent_gradients_are_seen(double):
    def promise(model, case):
        training_promises.gradients_are_everywhere(
            model.trainable_variables,
            lambda: training_promises.mean_loss(model, case),
        )

    assert_seen(promise, double)


def test_a_loss_that_stands_still_is_seen():
    assert_seen(training_promises.loss_falls, StandsStill, compiled)


def test_zeros_in_sixteen_bits_are_seen():
    def promise(model, case):
        full = awake(case.make())
        training_promises.is_near_full_precision(model, full, case)

    assert_seen(
        promise,
        ZerosInSixteenBits,
        lambda case: awake(case.make(dtype="mixed_bfloat16")),
    )


def test_state_that_a_file_forgets_is_seen(tmp_path):
    def promise(model, case):
        path = tmp_path / "model.keras"
        training_promises.keras_file_keeps_all(model, case, path)

    assert_seen(promise, UnsavedState, compiled)


def test_state_that_a_checkpoint_forgets_is_seen(tmp_path):
    def promise(model, case):
        folder = tmp_path / type(model).__name__
        training_promises.resumes(model, compiled(case), case, folder)

    assert_seen(promise, UnsavedState, compiled)


def test_losses_that_depend_on_the_share_are_seen(two_replicas):
    def promise(model, case):
        two = compiled(case, two_replicas)
        training_promises.trains_alike_on_two_replicas(model, two, case)

    assert_seen(promise, LocalMeans, compiled)


def test_another_step_is_seen():
    one, two = compiled(WHOLE), compiled(row(LocalMeans))
    with pytest.raises(AssertionError):
        training_promises.takes_equal_steps(one, two, WHOLE)


def answers(model, case):
    """As `serving.served`, within this process."""
    signatures, found = model.serving_signatures(), {}
    for name, request in requests_of(signatures, case.bad_requests):
        tensors = {k: tf.constant(v) for k, v in request.items()}
        try:
            answer = signatures[name].function(**tensors)
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            answer = str(error)
        found.setdefault(name, []).append((request, answer))
    return found


@pytest.mark.parametrize(
    "promise, double",
    [
        (serving_promises.answers_rows_alone_and_together_alike, IgnoredSeed),
        (
            serving_promises.answers_rows_alone_and_together_alike,
            SeedOfTheBatch,
        ),
        (serving_promises.refuses_bad_requests, LetsAllPass),
    ],
)
def test_a_wrong_served_answer_is_seen(promise, double):
    def asked(model, case):
        arguments = (answers(model, case), case)
        is_of_rows = promise is not serving_promises.refuses_bad_requests
        promise(*arguments[:1] if is_of_rows else arguments)

    assert_seen(asked, double)


def test_a_python_answer_that_is_not_the_served_one_is_seen():
    def promise(model, case):
        found = answers(awake(Whole()), case)
        serving_promises.samples_as_served(found, model, case)

    assert_seen(promise, OtherSamplesInPython)


def test_a_served_answer_that_is_not_pythons_is_seen():
    def promise(model, case):
        found = answers(awake(Whole()), case)
        serving_promises.answers_as_python(found, model)

    assert_seen(promise, ConstantOutputs)


class DroppedClass(models.GatedPixelCNN):
    def call(self, x, condition=None):
        return super().call(x, 0 * condition)


class NeedsNoClass(models.GatedPixelCNN):
    def log_prob(self, x, *, condition=0, **kwargs):
        return super().log_prob(x, condition=condition, **kwargs)

    def fit(self, x, y=None, **kwargs):
        y = np.zeros(BATCH, "int32")
        return super().fit(np.zeros((BATCH, 4, 4, 1), "float32"), y, **kwargs)


class TakesAnyClass(Whole):
    def sample(self, num_samples, *, condition=None, **kwargs):
        return super().sample(num_samples, **kwargs)


def told(model_class, **kwargs):
    return conditional(
        lambda **more: model_class(
            (4, 4, 1), filters=2, num_layers=1, head_filters=2, **more
        ),
        (4, 4, 1),
        **kwargs,
    )


def test_a_dropped_class_is_seen():
    case = told(DroppedClass)
    model = awake(case.make(), 1.0)
    with pytest.raises(AssertionError):
        condition_promises.hears_its_condition(model, case, "log_prob")


def test_a_class_that_need_not_be_there_is_seen():
    case = told(NeedsNoClass)
    model = compiled(case)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        condition_promises.needs_its_condition(model, case, "log_prob")
    for fit in ("fit arrays", "fit tf.data"):
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            condition_promises.refuses_data_without_condition(
                model, case, condition_promises.FITS[fit]
            )


def test_a_class_that_nobody_hears_is_seen():
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        condition_promises.takes_no_condition(TakesAnyClass(), WHOLE)
