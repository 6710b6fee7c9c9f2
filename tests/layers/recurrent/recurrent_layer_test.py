"""What holds for every recurrent layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers
from keras_genseq.layers.recurrent import recurrent_layer
from tests.layers.recurrent.comparison import BATCH
from tests.layers.recurrent.comparison import FEATURES
from tests.layers.recurrent.comparison import INPUTS
from tests.layers.recurrent.comparison import TIME
from tests.layers.recurrent.comparison import UNITS
from tests.layers.recurrent.comparison import VARIANTS
from tests.layers.recurrent.comparison import assert_same
from tests.layers.recurrent.comparison import initial_states
from tests.layers.recurrent.comparison import make
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
        with pytest.raises(ValueError, match="`units` must be positive"):
            layer_class(units)
        with pytest.raises(ValueError, match="`units` must be positive"):
            getattr(layers, f"{name}Cell")(units)
    with pytest.raises(ValueError, match="Could not interpret activation"):
        layer_class(3, activation="unheard_of")
    with pytest.raises(ValueError, match='`jit_compile` must be "auto"'):
        layer_class(3, jit_compile="yes")
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer_class(3)(np.zeros((2, 5), "float32"))


def test_tokens_of_a_functional_model_are_refused():
    with pytest.raises(ValueError, match="needs tensors, inside the `call`"):
        make("lstm").call_tokens(keras.Input((5,)), np.ones((4, FEATURES)))


def test_tokens_in_half_precision():
    layer = make("gru", dtype="mixed_bfloat16")
    embeddings = tf.random.normal((5, FEATURES))
    token_ids = np.arange(BATCH * TIME).reshape(BATCH, TIME) % 5
    outputs = layer.call_tokens(token_ids, embeddings)
    assert outputs.dtype == "bfloat16"
    exact = make("gru").call_tokens(token_ids, embeddings)
    assert_same([tf.cast(outputs, "float32")], [exact], 0.05)


@every_variant
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_a_batch_split_over_threads_gives_what_one_loop_gives(
    variant, masked, monkeypatch
):
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(29, TIME, FEATURES)).astype("float32")
    arguments = {"inputs": inputs, "training": True, "how": "graph"}
    if masked:
        arguments["mask"] = rng.random((29, TIME)) < 0.7
    layer = make(variant, **FULL)
    results, num_parts = [], []
    for num_threads in (1, 3):
        monkeypatch.setattr(
            recurrent_layer, "_num_threads", lambda n=num_threads: n
        )
        num_parts.append(len(layer._parts(tf.constant(inputs), True)))
        results.append(outputs_and_gradients(layer, **arguments))
    assert num_parts == [1, 3]
    assert_same(*results)


@every_variant
def test_what_does_not_fit_the_inputs_is_told(variant):
    layer = make(variant)
    with pytest.raises(ValueError, match="`mask` must hold a boolean for each"):
        layer(INPUTS, mask=np.ones((BATCH, TIME - 1), bool))
    states = initial_states(layer)
    wide = [np.zeros((BATCH, UNITS + 1), "float32") for _ in states]
    for bad in (wide, [*states, states[0]]):
        with pytest.raises(ValueError, match="`initial_state` must be as many"):
            layer(INPUTS, initial_state=bad)
    with pytest.raises(ValueError, match="a row for each row of the inputs"):
        layer(INPUTS, initial_state=[state[1:] for state in states])
    with pytest.raises(ValueError, match="at least one step"):
        layer(INPUTS[:, :0])
    with pytest.raises(ValueError, match="expected axis -1 of input shape"):
        layer(INPUTS[..., 1:])


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_sequences_of_any_length_in_one_tensor_are_refused(name):
    ragged = tf.RaggedTensor.from_row_lengths(
        np.ones((3, 4), "float32"), [1, 2]
    )
    with pytest.raises(ValueError, match=r"rows up: `sequences.to_tensor\(\)`"):
        getattr(layers, name)(3)(ragged)
    with pytest.raises(ValueError, match=r"tf.sparse.to_dense\(sequences\)"):
        getattr(layers, name)(3)(tf.sparse.from_dense(np.ones((2, 3, 4))))
