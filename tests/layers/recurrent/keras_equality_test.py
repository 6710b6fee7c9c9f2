"""Our recurrent layers equal Keras's, gradients included."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers
from tests.layers.recurrent.comparison import INPUTS
from tests.layers.recurrent.comparison import VARIANTS
from tests.layers.recurrent.comparison import assert_same
from tests.layers.recurrent.comparison import for_every_mask
from tests.layers.recurrent.comparison import initial_states
from tests.layers.recurrent.comparison import make
from tests.layers.recurrent.comparison import make_pair
from tests.layers.recurrent.comparison import mask_named
from tests.layers.recurrent.comparison import outputs_and_gradients

every_variant = pytest.mark.parametrize("variant", VARIANTS)
FULL = {"return_sequences": True, "return_state": True}


@every_variant
@pytest.mark.parametrize("name, how", [("inside", "eager"), ("none", "graph")])
def test_equals_keras(variant, name, how):
    ours, theirs = make_pair(variant, **FULL)
    arguments = {
        "mask": mask_named(name),
        "states": initial_states(ours),
        "training": how == "graph",
    }
    reference = outputs_and_gradients(theirs, **arguments)
    assert_same(outputs_and_gradients(ours, how=how, **arguments), reference)


@every_variant
def test_equals_keras_whatever_is_masked(variant):
    ours, theirs = make_pair(variant, **FULL)
    arguments = {"states": initial_states(ours), "training": True}
    reference = for_every_mask(theirs, **arguments)
    result = for_every_mask(ours, how="graph", **arguments)
    for name, expected in reference.items():
        assert_same(result[name], expected, words=f"mask {name}")


OPTIONS = [
    {"go_backwards": True, **FULL},
    {"zero_output_for_mask": True, **FULL},
    {"zero_output_for_mask": True, "return_state": True},
    {"use_bias": False},
]


def options_of_each_variant():
    """All pairs in eager code; in a graph, each variant and each option once.

    A graph's loop is compiled, which takes longest. The other graphs are slow.
    """
    for i, variant in enumerate(VARIANTS):
        for j, options in enumerate(OPTIONS):
            yield pytest.param(variant, options, "eager")
            marks = [pytest.mark.slow] if i != j else []
            yield pytest.param(variant, options, "graph", marks=marks)


@pytest.mark.parametrize(
    "variant, options, how", options_of_each_variant(), ids=str
)
def test_options_equal_keras(variant, options, how):
    ours, theirs = make_pair(variant, **options)
    arguments = {
        "mask": mask_named("inside"),
        "states": initial_states(ours),
        "training": True,
    }
    reference = outputs_and_gradients(theirs, **arguments)
    result = outputs_and_gradients(ours, how=how, **arguments)
    assert_same(result, reference)


@pytest.mark.parametrize(
    "options",
    [{"unroll": True}, {"activation": "relu"}, {"activation": "softsign"}],
    ids=str,
)
def test_rarer_options_equal_keras(options):
    ours, theirs = make_pair("gru", **options, **FULL)
    assert_same(outputs_and_gradients(ours), outputs_and_gradients(theirs))


@pytest.mark.parametrize("variant", ["lstm", "gru", "gru_reset_before"])
@pytest.mark.parametrize("gate", ["hard_sigmoid", "softplus"])
def test_recurrent_activations_equal_keras(variant, gate):
    ours, theirs = make_pair(variant, recurrent_activation=gate, **FULL)
    assert_same(outputs_and_gradients(ours), outputs_and_gradients(theirs))


@every_variant
def test_equals_keras_under_xla(variant):
    ours, theirs = make_pair(variant, **FULL)
    arguments = {"mask": mask_named("inside"), "states": initial_states(ours)}
    reference = outputs_and_gradients(theirs, **arguments)
    for training in (False, True):
        compiled = outputs_and_gradients(
            ours, how="xla", training=training, **arguments
        )
        assert_same(compiled, reference)


@every_variant
@pytest.mark.parametrize("jit_compile", ["auto", True])
def test_equals_keras_without_static_shapes(variant, jit_compile):
    ours, theirs = make_pair(variant, jit_compile=jit_compile, **FULL)
    states = initial_states(ours)
    reference = outputs_and_gradients(theirs, states=states)
    dynamic = outputs_and_gradients(
        ours, how="dynamic", states=states, training=True
    )
    assert_same(dynamic, reference)


@every_variant
@pytest.mark.parametrize(
    "rates", [(0.5, 0.0), (0.3, 0.4)], ids=["inputs", "both"]
)
def test_dropout_equals_keras(variant, rates):
    options = {"dropout": rates[0], "recurrent_dropout": rates[1], "seed": 7}
    ours, theirs = make_pair(variant, **options, **FULL)
    arguments = {"training": True, "mask": mask_named("inside")}
    for how in ("eager", "graph"):
        reference = outputs_and_gradients(theirs, **arguments)
        result = outputs_and_gradients(ours, how=how, **arguments)
        assert_same(result, reference)


@every_variant
@pytest.mark.parametrize("merge_mode", ["concat", "sum"])
def test_bidirectional_equals_keras(variant, merge_mode):
    wrapped = [
        keras.layers.Bidirectional(layer, merge_mode=merge_mode)
        for layer in make_pair(variant, return_sequences=True)
    ]
    mask = mask_named("right")
    reference = wrapped[1](INPUTS, mask=mask)
    wrapped[0].build(INPUTS.shape)
    wrapped[0].set_weights(wrapped[1].get_weights())
    assert_same([wrapped[0](INPUTS, mask=mask)], [reference])
    assert type(wrapped[0].forward_layer).__module__.startswith("keras_genseq")


@every_variant
def test_bidirectional_states_and_gradients_equal_keras(variant):
    wrapped = [
        keras.layers.Bidirectional(layer)
        for layer in make_pair(variant, **FULL)
    ]
    wrapped[0].build(INPUTS.shape)
    wrapped[1](INPUTS)
    wrapped[0].set_weights(wrapped[1].get_weights())
    # Tensors of their own for each direction, and so gradients of their own.
    first = initial_states(wrapped[0].forward_layer)
    states = [*first, *(-0.5 * state for state in first)]
    arguments = {"states": states, "training": True}
    reference = for_every_mask(wrapped[1], **arguments)
    result = for_every_mask(wrapped[0], how="graph", **arguments)
    for name, expected in reference.items():
        assert_same(result[name], expected, words=f"mask {name}")


@every_variant
@pytest.mark.parametrize("go_backwards", [False, True])
def test_states_carried_over_batches_equal_keras(variant, go_backwards):
    ours, theirs = make_pair(
        variant, stateful=True, go_backwards=go_backwards, **FULL
    )
    results = []
    for layer in (ours, theirs):
        arguments = {"mask": mask_named("inside"), "training": True}
        found = [outputs_and_gradients(layer, **arguments) for _ in range(3)]
        layer.reset_state()
        found.append(outputs_and_gradients(layer, **arguments))
        results.append(found)
    for mine, reference in zip(*results, strict=True):
        assert_same(mine, reference)
    first, second, _, again = results[0]
    assert_same(again, first, 1e-6)
    assert np.abs(second[0] - first[0]).max() > 1e-3


@every_variant
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    "name", [pytest.param("none", marks=pytest.mark.slow), "inside"]
)
def test_half_precision_is_near_keras(variant, policy, name):
    """Without a mask it is near float32, which the next test proves."""
    ours, theirs = make_pair(variant, dtype=policy, **FULL)
    arguments = {"mask": mask_named(name), "training": True}
    reference = outputs_and_gradients(theirs, **arguments)
    result = outputs_and_gradients(ours, how="graph", **arguments)
    assert [x.dtype for x in result] == [x.dtype for x in reference]
    result, reference = (
        [np.asarray(x, "float32") for x in arrays]
        for arrays in (result, reference)
    )
    assert_same(result, reference, 0.2 if policy == "mixed_bfloat16" else 0.03)


@every_variant
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_near_float32(variant, policy):
    reference = outputs_and_gradients(make(variant, **FULL), training=True)
    layer = make(variant, **FULL, dtype=policy)
    half = outputs_and_gradients(layer, training=True, how="graph")
    assert layer(INPUTS)[0].dtype == layer.compute_dtype
    assert layer.gates(INPUTS)["hidden_state"].dtype == "float32"
    assert_same(half, reference, 0.15 if policy == "mixed_bfloat16" else 0.03)


@every_variant
def test_float64_stays_float64(variant):
    ours, theirs = make_pair(variant, **FULL, dtype="float64")
    inputs = INPUTS.astype("float64")
    reference = outputs_and_gradients(theirs, inputs=inputs)
    assert_same(outputs_and_gradients(ours, inputs=inputs), reference, 1e-12)


@pytest.mark.parametrize(
    "variant",
    [
        "lstm",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("simple_rnn", "gru", "gru_reset_before")
        ),
    ],
)
def test_second_derivatives_equal_keras(variant):
    def penalty(layer, training):
        inputs = tf.constant(INPUTS[:, :3])
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                loss = tf.reduce_sum(layer(inputs, training=training) ** 2)
            slope = inner.gradient(loss, inputs)
            value = tf.reduce_sum(slope**2)
        return outer.gradient(value, layer.cell.recurrent_kernel.value)

    ours, theirs = make_pair(variant)
    graph = tf.function(penalty, autograph=False)
    reference = graph(theirs, False)
    for training in (False, True):
        result = graph(ours, training)
        np.testing.assert_allclose(result, reference, rtol=1e-4, atol=1e-4)


def test_a_function_as_activation_needs_no_name():
    def bent(x):
        return tf.tanh(x) + 0.1 * x

    ours, theirs = make_pair("lstm", activation=bent)
    assert_same(outputs_and_gradients(ours), outputs_and_gradients(theirs))


@pytest.mark.slow
@every_variant
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_grid_equals_keras(variant, return_sequences, go_backwards):
    ours, theirs = make_pair(
        variant,
        return_state=True,
        return_sequences=return_sequences,
        go_backwards=go_backwards,
        # Forwards, it is among the options above.
        zero_output_for_mask=go_backwards,
    )
    states = initial_states(ours)
    reference = for_every_mask(theirs, states=states)
    for how in ("graph", "xla", "dynamic"):
        for training in (False, True):
            result = for_every_mask(
                ours, how=how, states=states, training=training
            )
            for name, expected in reference.items():
                words = f"{how}, training={training}, mask {name}"
                assert_same(result[name], expected, words=words)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_configs_go_there_and_back(kind):
    theirs = getattr(keras.layers, kind)(
        4, return_sequences=True, dropout=0.2, seed=3, go_backwards=True
    )
    ours = getattr(layers, kind).from_config(theirs.get_config())
    again = type(theirs).from_config(ours.keras_config())
    for layer in (theirs, ours, again):
        layer.build((None, 5, 3))
        layer.set_weights(theirs.get_weights())
    assert again.get_config() == theirs.get_config()
    assert type(again) is type(theirs)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)
    np.testing.assert_array_equal(again(x), theirs(x))


def test_a_file_of_keras_layers_is_cloned_into_ours(tmp_path):
    path = tmp_path / "theirs.keras"
    theirs = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4)])
    theirs.save(path)
    kept = keras.models.load_model(path)

    def of_ours(layer):
        is_lstm = isinstance(layer, keras.layers.LSTM)
        kind = layers.LSTM if is_lstm else type(layer)
        return kind.from_config(layer.get_config())

    ours = keras.models.clone_model(kept, clone_function=of_ours)
    ours.set_weights(kept.get_weights())
    assert type(ours.layers[-1]) is layers.LSTM
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)
