import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops import recurrent_steps as steps
from keras_genseq.ops.recurrent import gather_rows
from keras_genseq.ops.recurrent import recurrence

RNG = np.random.default_rng(0)
TIME, BATCH, UNITS = 5, 3, 4
STEPS = {
    "simple_rnn": (steps.SimpleRNNStep, 1, 1),
    "lstm": (steps.LSTMStep, 4, 2),
    "gru_reset_after": (steps.GRUResetAfterStep, 3, 1),
    "gru_reset_before": (steps.GRUResetBeforeStep, 3, 1),
}
MASK = RNG.integers(0, 2, (TIME, BATCH, 1)).astype(bool)


def arguments(name):
    """A step, and its inputs, weights and states in float64."""
    step, num_gates, num_states = STEPS[name]

    def normal(*shape):
        return tf.constant(RNG.normal(size=shape))

    weights = [normal(UNITS, num_gates * UNITS)]
    if name == "gru_reset_after":
        weights.append(normal(num_gates * UNITS))
    x = normal(TIME, BATCH, num_gates * UNITS)
    return step, x, weights, [normal(BATCH, UNITS) for _ in range(num_states)]


def unrolled(step, x, weights, states, mask):
    """The forward step written out, for autodiff."""
    states, outputs = tuple(states), []
    for t in range(TIME):
        new, _ = step.forward(x[t], states, weights)
        if mask is not None:
            pairs = zip(new, states, strict=True)
            new = tuple(tf.where(mask[t], n, o) for n, o in pairs)
        states = new
        outputs.append(states[0])
    return tf.stack(outputs), list(states)


def value_and_gradients(run, x, weights, states):
    sources = [x, *weights, *states]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        outputs, last = run(x, weights, states)
        parts = [*last] if outputs is None else [outputs, *last]
        loss = tf.add_n(
            [tf.reduce_sum(tf.sin((i + 1.0) * p)) for i, p in enumerate(parts)]
        )
    return [*parts, *tape.gradient(loss, sources)]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_backward_pass_equals_autodiff(name, masked, training):
    step_class, *tensors = arguments(name)
    mask = MASK if masked else None
    others = ("relu", "linear", "hard_sigmoid")
    for activation in ("tanh", *(() if masked or training else others)):
        step = step_class(activation)

        def ours(x, weights, states, step=step):
            return recurrence(
                step, x, weights, states, mask=mask, training=training
            )

        def plain(x, weights, states, step=step):
            return unrolled(step, x, weights, states, mask)

        reference = value_and_gradients(plain, *tensors)
        for a, b in zip(
            value_and_gradients(ours, *tensors), reference, strict=True
        ):
            np.testing.assert_allclose(a, b, atol=1e-10)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_last_states_alone_have_the_same_gradients(training, jit_compile):
    step_class, *tensors = arguments("lstm")

    def ours(x, weights, states):
        return recurrence(
            step_class(),
            x,
            weights,
            states,
            mask=MASK,
            training=training,
            return_sequences=False,
            jit_compile=jit_compile,
        )

    def plain(x, weights, states):
        return None, unrolled(step_class(), x, weights, states, MASK)[1]

    reference = value_and_gradients(plain, *tensors)
    result = tf.function(value_and_gradients)(ours, *tensors)
    for a, b in zip(result, reference, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


def test_weights_gradient_is_one_product():
    """Autodiff would add up one product for each step."""
    step_class, x, weights, states = arguments("lstm")

    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(weights)
            outputs, _ = recurrence(step_class(), x, weights, states)
        return tape.gradient(outputs, weights)

    graph = tf.function(gradient).get_concrete_function().graph.as_graph_def()
    inner = [
        f for f in graph.library.function if "while_body" in f.signature.name
    ]
    products = [sum("MatMul" in n.op for n in f.node_def) for f in inner]
    assert products and max(products) == 1


def test_rows_are_gathered_with_a_dense_gradient():
    table = tf.constant(RNG.normal(size=(4, 3)))
    indices = tf.constant([[0, 2], [2, 2]])
    weight = tf.constant(RNG.normal(size=(2, 2, 3)))
    with tf.GradientTape() as tape:
        tape.watch(table)
        rows = gather_rows(table, indices)
        loss = tf.reduce_sum(rows * weight)
    np.testing.assert_array_equal(rows, table.numpy()[indices])
    gradient = tape.gradient(loss, table)
    assert isinstance(gradient, tf.Tensor)
    expected = np.zeros((4, 3))
    np.add.at(expected, indices.numpy(), weight.numpy())
    np.testing.assert_allclose(gradient, expected)
