"""Our recurrent layers equal PyTorch's, with the weights copied over.

PyTorch lays gates out in another order (LSTM i f g o, GRU r z n), keeps two
biases of each, and reads rows of several lengths as packed sequences, where
Keras takes a mask.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers

torch = pytest.importorskip("torch", reason="PyTorch is a peer, not needed")

FEATURES, UNITS, TIME = 5, 4, 7
X = np.random.default_rng(0).normal(size=(3, TIME, FEATURES)).astype("float32")
CELLS = {
    "SimpleRNN": (torch.nn.RNN, layers.SimpleRNN, [0]),
    "LSTM": (torch.nn.LSTM, layers.LSTM, [0, 1, 2, 3]),
    # Ours z r h, theirs r z n.
    "GRU": (torch.nn.GRU, layers.GRU, [1, 0, 2]),
}
LENGTHS = {"whole": None, "packed": [7, 4, 1]}


def in_keras_order(name, array):
    """Blocks of gates along the last axis, from PyTorch's order to Keras's."""
    blocks = np.split(array, len(CELLS[name][2]), axis=-1)
    return np.concatenate([blocks[i] for i in CELLS[name][2]], axis=-1)


def arrays_in_keras_layout(name, w_ih, w_hh, b_ih, b_hh):
    """What PyTorch says of one direction of one layer, as Keras lays it out."""
    kernels = [in_keras_order(name, w.T) for w in (w_ih, w_hh)]
    biases = [in_keras_order(name, b) for b in (b_ih, b_hh)]
    if name == "GRU":
        # The reset gate scales one of them: they must not be added.
        return [*kernels, np.stack(biases)]
    return [*kernels, biases[0] + biases[1]]


def directions(rnn):
    """Suffixes of PyTorch's weights, in Keras's order."""
    backward = ["", "_reverse"] if rnn.bidirectional else [""]
    return [f"l{i}{b}" for i in range(rnn.num_layers) for b in backward]


def weights_of(name, rnn, of=lambda parameter: parameter.detach()):
    """Weights, or what `of` takes of them, of all layers and directions."""
    found = []
    for suffix in directions(rnn):
        named = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        parts = [of(getattr(rnn, f"{n}_{suffix}")).numpy() for n in named]
        found.append(arrays_in_keras_layout(name, *parts))
    return found


def make_pair(name, num_layers, bidirectional):
    torch_class, layer_class, _ = CELLS[name]
    torch.manual_seed(0)
    theirs = torch_class(
        FEATURES,
        UNITS,
        num_layers,
        batch_first=True,
        bidirectional=bidirectional,
    )
    ours = []
    for i in range(num_layers):
        layer = layer_class(UNITS, return_sequences=True, return_state=True)
        width = FEATURES if i == 0 else UNITS * (1 + bidirectional)
        if bidirectional:
            layer = keras.layers.Bidirectional(layer)
        layer.build((None, TIME, width))
        ours.append(layer)
    flat = weights_of(name, theirs)
    for i, layer in enumerate(ours):
        mine = flat[i * (1 + bidirectional) : (i + 1) * (1 + bidirectional)]
        layer.set_weights([array for each in mine for array in each])
    return ours, theirs


def loss_weights(shape, library):
    """A slope of its own for each output."""
    slopes = np.random.default_rng(1).normal(size=shape).astype("float32")
    return library(slopes)


def run_theirs(rnn, lengths):
    x = torch.tensor(X, requires_grad=True)
    inputs = x
    if lengths:
        inputs = torch.nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True
        )
    outputs, states = rnn(inputs)
    if lengths:
        outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(
            outputs, batch_first=True, total_length=TIME
        )
    states = states if isinstance(states, tuple) else (states,)
    loss = (outputs * loss_weights(outputs.shape, torch.tensor)).sum()
    for state in states:
        loss = loss + (state * loss_weights(state.shape, torch.tensor)).sum()
    loss.backward()
    # Each (layers * directions, batch, units).
    states = [state.detach().numpy() for state in states]
    return outputs.detach().numpy(), states, x.grad.numpy()


def run_ours(stack, lengths, training):
    mask = None
    if lengths:
        mask = np.arange(TIME)[None] < np.array(lengths)[:, None]
    x = tf.constant(X)
    variables = [w for layer in stack for w in layer.trainable_variables]

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            h, per_layer = x, []
            for layer in stack:
                h, *states = layer(h, mask=mask, training=training)
                per_layer.append(states)
            if mask is not None:
                # PyTorch pads with zeros, Keras repeats the last output.
                h = tf.where(mask[..., None], h, 0.0)
            loss = tf.reduce_sum(h * loss_weights(h.shape, tf.constant))
            kinds = 2 if isinstance(cell_of(stack[0]), layers.LSTMCell) else 1
            stacked = [
                tf.stack([s for states in per_layer for s in states[k::kinds]])
                for k in range(kinds)
            ]
            for state in stacked:
                slopes = loss_weights(state.shape, tf.constant)
                loss += tf.reduce_sum(state * slopes)
        return h, stacked, tape.gradient(loss, [x, *variables])

    # Training compiles the loops in a graph, and only there.
    run = tf.function(run, autograph=False) if training else run
    outputs, states, (dx, *gradients) = run(x)
    return outputs, states, dx, [g.numpy() for g in gradients]


def cell_of(layer):
    return getattr(layer, "forward_layer", layer).cell


@pytest.mark.parametrize("training", [False, True], ids=["infer", "train"])
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one", "both"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_equals_torch(name, num_layers, bidirectional, lengths, training):
    ours, theirs = make_pair(name, num_layers, bidirectional)
    lengths = LENGTHS[lengths]
    outputs, states, dx, gradients = run_ours(ours, lengths, training)
    expected, their_states, their_dx = run_theirs(theirs, lengths)

    def assert_near(a, b):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)

    assert_near(outputs, expected)
    for state, their_state in zip(states, their_states, strict=True):
        assert_near(state, their_state)
    assert_near(dx, their_dx)
    their_gradients = [
        array
        for each in weights_of(name, theirs, of=lambda p: p.grad)
        for array in each
    ]
    for i, (gradient, array) in enumerate(
        zip(gradients, their_gradients, strict=True)
    ):
        if i % 3 == 2 and name != "GRU":
            # Both of PyTorch's biases have the gradient of our one.
            array = array / 2.0
        assert_near(gradient, array)


@pytest.mark.parametrize("name", CELLS)
def test_another_order_of_gates_would_show(name):
    ours, theirs = make_pair(name, 1, False)
    arrays = ours[0].get_weights()
    ours[0].set_weights([a[..., ::-1] for a in arrays])
    outputs, *_ = run_ours(ours, None, False)
    expected, *_ = run_theirs(theirs, None)
    assert np.abs(outputs - expected).max() > 1e-2
