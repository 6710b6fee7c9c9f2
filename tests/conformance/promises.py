"""What every model promises of its answers, each promise a plain function.

They take a model and its row, so that the tables' tests, and models that break
a promise on purpose (`broken_doubles_test.py`), go through the same lines.
"""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.batches import BATCH
from tests.conformance.batches import LENGTH
from tests.conformance.instances import ask
from tests.conformance.instances import channels_first
from tests.conformance.instances import without_values


def arguments_of(model):
    """dict: argument of the constructor -> its default."""
    arguments = inspect.signature(type(model).__init__).parameters.values()
    return {
        a.name: a.default
        for a in arguments
        if a.kind is not a.VAR_KEYWORD and a.name != "self"
    }


def keeps_its_config(model, case):
    """A config tells all arguments, and makes the same model again."""
    config = model.get_config()
    assert arguments_of(model).keys() <= config.keys()
    with without_values():
        again = type(model).from_config(config)
    assert again.get_config() == config
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def takes_no_word_for_a_flag(layer):
    """Words are true to Python, whatever they say."""
    config = layer.get_config()
    flags = {name for name, value in config.items() if type(value) is bool}
    for name in flags - {"trainable"}:
        with pytest.raises(
            (TypeError, ValueError), match=f"`{name}` must be True or False"
        ):
            type(layer).from_config({**config, name: "no"})


def leaves_no_default(model, case):
    """A row says another value than the default for every argument.

    Else a config that forgets one would not show.
    """
    config, own = model.get_config(), arguments_of(model)
    required = {k for k, v in own.items() if v is inspect._empty}
    with without_values():
        plain = type(model)(**{k: config[k] for k in required}).get_config()
    unchanged = {k for k in own if plain[k] == config[k]}
    assert unchanged - required == set(case.at_defaults), (
        "the table's row leaves an argument at its default"
    )


def refuses_other_shapes(model, case):
    """A call of examples of another shape is no silent other answer."""
    x, *others = case.tensors(BATCH)
    others = [] if case.num_classes is None else others
    wider = tf.concat([x, x[..., :1]], -1)
    spec = model.input_spec
    is_free = spec is not None and spec.shape[-1] is None
    for other in (x[0],) if is_free else (x[0], wider):
        with pytest.raises(ValueError, match="incompatible with the layer"):
            model(other, *others)


def agrees_in_every_mode(model, case):
    """Eager, graph and XLA give the same outputs, which are no constants."""
    eager = keras.tree.flatten(case.outputs(model, BATCH))
    assert_awake(eager)
    for jit in (False, True):
        run = tf.function(
            lambda: case.outputs(model, BATCH), jit_compile=jit, autograph=False
        )
        for a, b in zip(eager, keras.tree.flatten(run()), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def assert_awake(outputs):
    """Outputs that hardly differ would agree with any constant."""
    assert all(np.ptp(np.asarray(x)) > 1e-2 for x in outputs)


def symbols_tell_the_outputs(model, case):
    """A call on symbols knows number, shapes and dtypes of the outputs."""
    x, _ = case.pair(BATCH)
    inputs = [x, *case.condition(BATCH).values()]
    symbols = [keras.Input(v.shape[1:], dtype=str(v.dtype)) for v in inputs]
    told = keras.tree.flatten(model(*symbols))
    outputs = keras.tree.flatten(case.outputs(model, BATCH))
    assert len(told) == len(outputs)
    for symbol, output in zip(told, outputs, strict=True):
        assert symbol.dtype == output.dtype.name
        assert len(symbol.shape) == len(output.shape)
        for a, b in zip(symbol.shape, output.shape, strict=True):
            assert a in (None, b), (symbol.shape, output.shape)


def is_copied_whole(model, case, copy):
    """A copy answers alike and shares no weight with the model."""
    again = copy(model)
    expected = keras.tree.flatten(case.outputs(model, BATCH))
    for v in model.trainable_variables:
        v.assign(tf.zeros_like(v))
    outputs = keras.tree.flatten(case.outputs(again, BATCH))
    for a, b in zip(expected, outputs, strict=True):
        np.testing.assert_array_equal(a, b)


def has_its_channels_last(model, case):
    """What it answers does not depend on Keras's format of images."""
    expected = keras.tree.flatten(case.outputs(model, BATCH))
    with channels_first():
        again = type(model).from_config(model.get_config())
        again.set_weights(model.get_weights())
        outputs = keras.tree.flatten(case.outputs(again, BATCH))
    for a, b in zip(expected, outputs, strict=True):
        np.testing.assert_array_equal(a, b)


def takes_weights_before_it_is_asked(model, case, folder):
    """An instance that was never asked or compiled takes those of another, by
    every file that there is, and is itself kept."""
    expected = keras.tree.flatten(case.outputs(model, BATCH))
    weights, file = folder / "model.weights.h5", folder / "model.keras"
    model.save_weights(weights)
    path = tf.train.Checkpoint(model=model).write(str(folder / "checkpoint"))
    by_weights, by_checkpoint = case.make(), case.make()
    by_weights.load_weights(weights)
    by_weights.save(file)
    status = tf.train.Checkpoint(model=by_checkpoint).read(path)
    status.assert_existing_objects_matched().expect_partial()
    for other in (by_weights, by_checkpoint, keras.models.load_model(file)):
        outputs = keras.tree.flatten(case.outputs(other, BATCH))
        for a, b in zip(expected, outputs, strict=True):
            np.testing.assert_array_equal(a, b)


def answers_in_float32(model):
    """Whatever dtype Keras computes in, signatures are traced to the end."""
    for signature in model.serving_signatures().values():
        function = tf.function(signature.function, autograph=False)
        traced = function.get_concrete_function(**signature.inputs)
        outputs = traced.structured_outputs.values()
        dtypes = {x.dtype for x in outputs if x.dtype.is_floating}
        assert dtypes <= {tf.float32}, dtypes


def is_not_traced_again(model, case, traced):
    """Requests of other sizes, seeds and knobs run what the first traced."""
    count = len(traced)
    assert count > 0
    for size in (6, 7, 8):
        ask(model, case, size)
    assert len(traced) == count, traced


def draws_from_its_seed(model, case):
    """A sample depends on its seed and its place alone, and on both."""
    condition = case.condition(1)
    condition = {k: int(v[0]) for k, v in condition.items()}
    eight = np.asarray(model.sample(8, seed=3, **condition))
    again = np.asarray(model.sample(5, seed=3, **condition))
    np.testing.assert_array_equal(eight[:5], again)
    other = np.asarray(model.sample(8, seed=4, **condition))
    assert (eight != other).any()
    assert (eight != eight[:1]).any()


def completes_what_is_hidden(model, case):
    """Hidden values do not matter to a completion, shown ones stay."""
    inputs = model.serving_signatures()["complete"].inputs
    x, _ = case.pair(5)
    if inputs["x"].shape[1] is None:
        x = x[:, :LENGTH]
    steps = x.shape[: inputs["mask"].shape.rank]
    mask = np.random.default_rng(4).random(steps) < 0.5
    # Padding stays where it is.
    mask |= (x < 0).reshape(*steps, -1).any(-1)
    shown = mask.reshape(*steps, *[1] * (x.ndim - mask.ndim))
    spoiled = np.where(shown, x, x[::-1])
    assert (spoiled != x).any()
    condition = case.condition(5)
    first = np.asarray(model.complete(x, mask, seed=1, **condition))
    second = np.asarray(model.complete(spoiled, mask, seed=1, **condition))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(np.where(shown, first, x), x)
    assert (first != x).any()


def bounds_its_knobs(model, case):
    """Every number that a request sets has a range, but for seeds."""
    for endpoint in model.endpoints().values():
        for name, each in endpoint.inputs.items():
            dtype, rank = each.spec.dtype, each.spec.shape.rank
            is_number = dtype.is_integer or dtype.is_floating
            if each.served and is_number and rank == 1 and name != "seed":
                assert each.minimum is not None, name
                assert each.maximum is not None or each.is_size, name
