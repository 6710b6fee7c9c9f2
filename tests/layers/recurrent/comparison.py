"""Our recurrent layers beside Keras's, with equal weights."""

import keras
import numpy as np
import tensorflow as tf

from keras_genseq import layers

RNG = np.random.default_rng(0)
BATCH, TIME, FEATURES, UNITS = 4, 6, 5, 3
INPUTS = RNG.normal(size=(BATCH, TIME, FEATURES)).astype("float32")
STATES = RNG.normal(size=(2, BATCH, UNITS)).astype("float32")

# Name of the layer and the arguments that make it another layer.
VARIANTS = {
    "simple_rnn": ("SimpleRNN", {}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
    "gru_reset_before": ("GRU", {"reset_after": False}),
}
MASKS = {
    "none": None,
    "left": [[0, 0, 1, 1, 1, 1], [1] * 6, [0, 0, 0, 0, 0, 1], [0] * 6],
    "right": [[1, 1, 0, 0, 0, 0], [1] * 6, [1, 0, 0, 0, 0, 0], [0] * 6],
    "inside": [[1, 0, 1, 1, 0, 1], [1] * 6, [0, 1, 0, 0, 1, 0], [0] * 6],
}


def mask_named(name):
    return None if MASKS[name] is None else np.array(MASKS[name], bool)


def make(variant, units=UNITS, **options):
    """One of our layers, built and with random weights and biases."""
    name, arguments = VARIANTS[variant]
    layer = getattr(layers, name)(units, **arguments, **options)
    return randomize(layer)


def make_pair(variant, **options):
    """One of our layers, and Keras's with the same weights."""
    ours = make(variant, **options)
    options.pop("jit_compile", None)
    name, arguments = VARIANTS[variant]
    theirs = getattr(keras.layers, name)(UNITS, **arguments, **options)
    theirs.build((BATCH, TIME, FEATURES))
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def randomize(layer):
    """Builds a layer and draws all its weights, biases too."""
    layer.build((BATCH, TIME, FEATURES))
    rng = np.random.default_rng(1)
    layer.set_weights(
        [rng.normal(size=w.shape) * 0.7 for w in layer.get_weights()]
    )
    return layer


def initial_states(layer):
    return list(tf.constant(STATES[: len(layer.state_size)]))


def outputs_and_gradients(
    layer, *, how="eager", inputs=INPUTS, states=None, **arguments
):
    """All outputs, and the gradients of everything a loss can reach.

    Args:
        layer: a recurrent layer.
        how: `"eager"`, `"graph"`, `"xla"`, or `"dynamic"`: a graph that knows
            neither batch size nor length.
        inputs: array.
        states: optional list of initial states.
        **arguments: of the layer's call.

    Returns:
        List of outputs, then gradients of inputs, states and weights.
    """
    run = _runner(layer, how, states, None, **arguments)
    outputs, gradients = run(tf.constant(inputs), states, None)
    return [x.numpy() for x in (*outputs, *gradients)]


def for_every_mask(layer, *, how="eager", states, **arguments):
    """What `outputs_and_gradients` returns, for every mask that hides steps.

    The mask is an input: one trace and one compilation serve all of them.

    Returns:
        dict: name of the mask -> list of arrays.
    """
    masks = {name: mask_named(name) for name in MASKS if name != "none"}
    spec = tf.TensorSpec((None, None), tf.bool)
    run = _runner(layer, how, states, spec, **arguments)
    found = {}
    for name, mask in masks.items():
        outputs, gradients = run(tf.constant(INPUTS), states, tf.constant(mask))
        found[name] = [x.numpy() for x in (*outputs, *gradients)]
    return found


def _runner(layer, how, states, mask_spec, **arguments):
    """Callable of inputs, states and a mask, each but the first or None."""
    variables = [w.value for w in layer.trainable_variables]

    def run(inputs, states, mask):
        if mask is not None:
            arguments["mask"] = mask
        with tf.GradientTape() as tape:
            tape.watch([inputs, *(states or [])])
            outputs = layer(inputs, initial_state=states, **arguments)
            outputs = list(keras.tree.flatten(outputs))
            # A loss with a different slope everywhere.
            loss = tf.add_n(
                [
                    tf.reduce_sum(tf.sin(tf.cast(x, tf.float32) * (i + 1.0)))
                    for i, x in enumerate(outputs)
                ]
            )
        sources = [inputs, *(states or []), *variables]
        return outputs, tape.gradient(loss, sources)

    if how == "eager":
        return run
    if how == "dynamic":
        specs = [tf.TensorSpec((None, None, FEATURES)), None, mask_spec]
        if states is not None:
            specs[1] = [tf.TensorSpec((None, UNITS)) for _ in states]
        # A signature has no place for None.
        given = [i for i, spec in enumerate(specs) if spec is not None]

        @tf.function(input_signature=[specs[i] for i in given], autograph=False)
        def graph(*values):
            values = dict(zip(given, values, strict=True))
            return run(*(values.get(i) for i in range(len(specs))))

        def run_dynamic(*values):
            return graph(*(values[i] for i in given))

        return run_dynamic
    return tf.function(run, jit_compile=how == "xla", autograph=False)


def assert_same(ours, theirs, tolerance=1e-5, words=""):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            a, b, atol=tolerance, rtol=tolerance, err_msg=words
        )
