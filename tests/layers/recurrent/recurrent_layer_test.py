"""What holds for every recurrent layer, and equality with Keras's."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers
from tests.layers.recurrent.comparison import BATCH
from tests.layers.recurrent.comparison import FEATURES
from tests.layers.recurrent.comparison import INPUTS
from tests.layers.recurrent.comparison import MASKS
from tests.layers.recurrent.comparison import TIME
from tests.layers.recurrent.comparison import UNITS
from tests.layers.recurrent.comparison import VARIANTS
from tests.layers.recurrent.comparison import assert_same
from tests.layers.recurrent.comparison import initial_states
from tests.layers.recurrent.comparison import make
from tests.layers.recurrent.comparison import make_pair
from tests.layers.recurrent.comparison import mask_named
from tests.layers.recurrent.comparison import outputs_and_gradients

every_variant = pytest.mark.parametrize("variant", VARIANTS)
FULL = {"return_sequences": True, "return_state": True}


@every_variant
def test_masked_steps_leave_the_states_as_they_were(variant):
    layer = make(variant, return_state=True)
    states = initial_states(layer)
    short = layer(INPUTS, initial_state=states)
    noise = np.full((BATCH, 3, FEATURES), 1e3, "float32")
    padded = np.concatenate([INPUTS, noise], axis=1)
    mask = np.arange(TIME + 3) < TIME
    mask = np.tile(mask, (BATCH, 1))
    assert_same(layer(padded, initial_state=states, mask=mask), short, 0)
    changed = layer(padded, initial_state=states)
    assert np.abs(changed[1] - short[1]).max() > 0.1


@every_variant
@pytest.mark.parametrize("name", ["left", "right", "inside"])
def test_mask_equals_leaving_the_steps_out(variant, name):
    layer = make(variant, return_state=True)
    mask = mask_named(name)
    states = initial_states(layer)
    masked = layer(INPUTS, initial_state=states, mask=mask)
    for b in range(BATCH):
        first = [s[b : b + 1] for s in states]
        row = [x[b : b + 1] for x in masked]
        kept = INPUTS[b : b + 1, mask[b]]
        if kept.shape[1] == 0:
            assert_same(row[1:], first, 0)
            np.testing.assert_array_equal(row[0], 0.0)
        else:
            assert_same(row, layer(kept, initial_state=first), 1e-6)


@every_variant
def test_outputs_see_only_earlier_inputs(variant):
    layer = make(variant, return_sequences=True)
    inputs = tf.constant(INPUTS)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = layer(inputs)[:, 2]
    influence = tf.reduce_max(tf.abs(tape.gradient(output, inputs)), (0, 2))
    assert np.all(influence[:3] > 0.0)
    np.testing.assert_array_equal(influence[3:], 0.0)


@every_variant
def test_stateful_chunks_equal_one_long_run(variant):
    layer = make(variant, **FULL)
    whole = layer(INPUTS)
    chunked = make(variant, **FULL, stateful=True)
    first = chunked(INPUTS[:, :2])
    rest = chunked(INPUTS[:, 2:])
    assert_same([np.concatenate([first[0], rest[0]], 1)], whole[:1], 1e-6)
    assert_same(rest[1:], whole[1:], 1e-6)
    chunked.reset_state()
    assert_same(chunked(INPUTS[:, :2]), first, 0)


@every_variant
@pytest.mark.parametrize(
    "name, how",
    [("inside", "eager"), *((name, "graph") for name in MASKS)],
)
def test_equals_keras(variant, name, how):
    ours, theirs = make_pair(variant, **FULL)
    arguments = {
        "mask": mask_named(name),
        "states": initial_states(ours),
        "training": how == "graph",
    }
    reference = outputs_and_gradients(theirs, how="graph", **arguments)
    assert_same(outputs_and_gradients(ours, how=how, **arguments), reference)


@every_variant
@pytest.mark.parametrize(
    "options",
    [
        {"go_backwards": True, **FULL},
        {"zero_output_for_mask": True, **FULL},
        {"zero_output_for_mask": True, "return_state": True},
        {"use_bias": False},
        {"activation": "relu", **FULL},
        {"activation": "softsign", **FULL},
    ],
    ids=str,
)
def test_options_equal_keras(variant, options):
    ours, theirs = make_pair(variant, **options)
    arguments = {
        "mask": mask_named("inside"),
        "states": initial_states(ours),
        "training": True,
        "how": "graph",
    }
    reference = outputs_and_gradients(theirs, **arguments)
    assert_same(outputs_and_gradients(ours, **arguments), reference)


def test_unrolled_equals_keras():
    ours, theirs = make_pair("gru", unroll=True, **FULL)
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
    "rates",
    [(0.5, 0.0), (0.0, 0.5), (0.3, 0.4)],
    ids=["inputs", "states", "both"],
)
def test_dropout_equals_keras(variant, rates):
    options = {"dropout": rates[0], "recurrent_dropout": rates[1], "seed": 7}
    ours, theirs = make_pair(variant, **options, **FULL)
    for _ in range(2):
        reference = outputs_and_gradients(theirs, training=True)
        assert_same(outputs_and_gradients(ours, training=True), reference)


def test_dropout_keeps_one_mask_for_all_steps():
    layer = make("simple_rnn", return_sequences=True, dropout=0.5, seed=1)
    layer.cell.recurrent_kernel.assign(tf.zeros((UNITS, UNITS)))
    steps = np.ones((500, TIME, FEATURES), "float32")
    outputs = layer(steps, training=True).numpy()
    # Equal inputs at all steps, and no memory: only the mask could differ.
    assert outputs.std(axis=1).max() < 1e-6
    assert outputs.std(axis=0).min() > 1e-2


def test_dropout_zeroes_the_rate_of_features_and_scales_the_rest():
    layer = layers.SimpleRNN(
        8, activation=None, kernel_initializer="identity", dropout=0.25, seed=3
    )
    kept = layer(np.ones((4000, 1, 8), "float32"), training=True).numpy()
    np.testing.assert_allclose(np.unique(kept.round(5)), [0.0, 1.33333])
    assert abs((kept == 0.0).mean() - 0.25) < 0.01


@every_variant
def test_inference_draws_no_noise(variant):
    layer = make(variant, dropout=0.5, recurrent_dropout=0.5)
    before = layer.cell.seed_generator.state.numpy()
    assert_same([layer(INPUTS)], [layer(INPUTS)], 0)
    np.testing.assert_array_equal(
        layer.cell.seed_generator.state.numpy(), before
    )
    noisy = [layer(INPUTS, training=True).numpy() for _ in range(2)]
    assert np.abs(noisy[0] - noisy[1]).max() > 1e-2


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
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_near_float32(variant, policy):
    reference = outputs_and_gradients(make(variant, **FULL), training=True)
    layer = make(variant, **FULL, dtype=policy)
    half = outputs_and_gradients(layer, training=True, how="graph")
    assert layer(INPUTS)[0].dtype == layer.compute_dtype
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
    reference = tf.function(penalty)(theirs, False)
    for training in (False, True):
        result = tf.function(penalty)(ours, training)
        np.testing.assert_allclose(result, reference, rtol=1e-4, atol=1e-4)


@every_variant
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}], ids=str)
def test_tokens_equal_their_embeddings(variant, options):
    layer = make(variant, **FULL, **options)
    rng = np.random.default_rng(2)
    embeddings = tf.Variable(rng.normal(size=(7, FEATURES)), dtype="float32")
    token_ids = rng.integers(0, 7, (BATCH, TIME))
    mask = mask_named("inside")
    sources = [embeddings, *(w.value for w in layer.trainable_variables)]

    def run(call):
        with tf.GradientTape() as tape:
            outputs = call()
            loss = tf.add_n([tf.reduce_sum(tf.sin(x)) for x in outputs])
        gradients = tape.gradient(loss, sources)
        return [*outputs, *map(tf.convert_to_tensor, gradients)]

    plain = run(lambda: layer(tf.gather(embeddings, token_ids), mask=mask))
    for training in (False, True):
        folded = tf.function(run, autograph=False)(
            lambda t=training: layer.call_tokens(
                token_ids, embeddings, mask=mask, training=t
            )
        )
        assert_same(folded, plain)


def test_tokens_of_a_large_vocabulary_are_embedded_first():
    layer = make("lstm")
    embeddings = tf.random.normal((100, FEATURES))
    token_ids = np.arange(12).reshape(3, 4)
    expected = layer(tf.gather(embeddings, token_ids))
    assert_same([layer.call_tokens(token_ids, embeddings)], [expected], 0)


def test_tokens_carry_the_states_of_a_stateful_layer():
    layer = make("lstm", stateful=True)
    embeddings = tf.random.normal((5, FEATURES))
    token_ids = np.arange(BATCH * TIME).reshape(BATCH, TIME) % 5
    whole = make("lstm")(tf.gather(embeddings, token_ids))
    layer.call_tokens(token_ids[:, :3], embeddings)
    rest = layer.call_tokens(token_ids[:, 3:], embeddings)
    assert_same([rest], [whole], 1e-6)


@every_variant
def test_gates_tell_what_the_layer_computed(variant):
    layer = make(variant, **FULL)
    mask = mask_named("left")
    states = initial_states(layer)
    gates = layer.gates(INPUTS, mask=mask, initial_state=states)
    outputs, *last = layer(INPUTS, mask=mask, initial_state=states)
    assert set(gates) == set(layer.cell.gate_names)
    hidden = gates["hidden_state"].numpy()
    seen = np.cumsum(mask, axis=1)[:, :, None] > 0
    assert_same([hidden * seen], [outputs], 1e-6)
    for name, state in zip(layer.cell.state_names, last, strict=True):
        assert_same([gates[name][:, -1]], [state], 1e-6)


@every_variant
def test_config_round_trip(variant):
    name, _ = VARIANTS[variant]
    layer = make(
        variant,
        return_sequences=True,
        go_backwards=True,
        dropout=0.1,
        recurrent_dropout=0.2,
        seed=3,
        activation="relu",
        use_bias=False,
        zero_output_for_mask=True,
        kernel_initializer="he_normal",
        recurrent_regularizer=keras.regularizers.L2(0.1),
        kernel_constraint=keras.constraints.MaxNorm(2.0),
        jit_compile=False,
        name="named",
    )
    config = layer.get_config()
    copy = getattr(layers, name).from_config(config)
    assert copy.get_config() == config
    assert (config["seed"], config["jit_compile"]) == (3, False)
    copy.build(INPUTS.shape)
    copy.set_weights(layer.get_weights())
    assert_same([copy(INPUTS)], [layer(INPUTS)], 0)
    assert_same(copy.losses, layer.losses, 0)
    assert copy.losses


@every_variant
def test_saved_file_round_trip(variant, tmp_path):
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), make(variant, dropout=0.2)]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same([loaded(INPUTS)], [model(INPUTS)], 0)


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_errors_tell_what_to_do(name):
    layer_class = getattr(layers, name)
    for units in (0, -1, 2.5, "3"):
        with pytest.raises(ValueError, match="`units` must be a positive int"):
            layer_class(units)
        with pytest.raises(ValueError, match="`units` must be a positive int"):
            getattr(layers, f"{name}Cell")(units)
    with pytest.raises(ValueError, match="Could not interpret activation"):
        layer_class(3, activation="unheard_of")
    with pytest.raises(ValueError, match='`jit_compile` must be "auto"'):
        layer_class(3, jit_compile="yes")
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer_class(3)(np.zeros((2, 5), "float32"))


def test_a_function_as_activation_needs_no_name():
    def bent(x):
        return tf.tanh(x) + 0.1 * x

    ours, theirs = make_pair("lstm", activation=bent)
    assert_same(outputs_and_gradients(ours), outputs_and_gradients(theirs))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        dict(zip(("return_sequences", "go_backwards", "zero"), v, strict=True))
        for v in itertools.product((False, True), repeat=3)
    ],
    ids=str,
)
@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("how", ["graph", "xla", "dynamic"])
@every_variant
def test_grid_equals_keras(variant, name, how, options):
    options = dict(options)
    options["zero_output_for_mask"] = options.pop("zero")
    ours, theirs = make_pair(variant, return_state=True, **options)
    arguments = {"mask": mask_named(name), "states": initial_states(ours)}
    reference = outputs_and_gradients(theirs, **arguments)
    for training in (False, True):
        result = outputs_and_gradients(
            ours, how=how, training=training, **arguments
        )
        assert_same(result, reference)
