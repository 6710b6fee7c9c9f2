"""LSTM and GRU beside Keras's own layers and PyTorch.

Run       python -m training benchmark recurrent --write
Measured  docs/benchmarks.md
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_genseq import layers
from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.models import Trainer
from training.benchmarks.agreement import check_equal
from training.benchmarks.agreement import check_same_samples
from training.benchmarks.environment import has_package
from training.benchmarks.environment import has_torch
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.torch_adam import adds_epsilon_as_keras
from training.benchmarks.torch_modes import torch_modes
from training.benchmarks.workers import Workers

TITLE = "Recurrent layers"
FOLDED = "ours, folded embedding"
PLAIN = "ours, as a layer"
OURS = "ours"
RECOMPUTED = "the whole text per character"
_LEARNING_RATE = 1e-3
_EPSILON = 1e-7
_GATES = {"LSTM": 4, "GRU": 3}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of a character language model's training step."""

    batch_size: int = 32
    sequence_length: int = 128
    vocabulary_size: int = 65
    units: int = 256
    generated: tuple = (100, 1000)
    recomputed: tuple = (100,)


class LanguageModel(Trainer):
    """Embedding, one recurrent layer, logits; cross-entropy of the next token.

    Args:
        layer: the recurrent layer.
        sizes: `Sizes`.
        folded: bool. Whether the layer takes tokens and the table itself.
    """

    def __init__(self, layer, sizes, folded=False):
        super().__init__()
        self.embedding = keras.layers.Embedding(
            sizes.vocabulary_size, sizes.units
        )
        self.layer = layer
        self.head = keras.layers.Dense(sizes.vocabulary_size)
        self.folded = folded
        shape = (sizes.batch_size, sizes.sequence_length)
        self.embedding.build(shape)
        self.layer.build((*shape, sizes.units))
        self.head.build((*shape, sizes.units))
        self.built = True

    def call(self, tokens, training=False):
        if self.folded:
            table = tf.convert_to_tensor(self.embedding.embeddings)
            x = self.layer.call_tokens(tokens, table, training=training)
        else:
            x = self.layer(self.embedding(tokens), training=training)
        return self.head(x)

    def example_losses(self, x, y, *, training):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            y, self(x, training=training)
        )
        return tf.reduce_mean(losses, 1), {}


def benchmark(repeats, threads, sizes=None):
    """Times a training step of each kind of cell.

    Args:
        repeats: int. Timings of which the median counts.
        threads: int. Threads of each framework.
        sizes: `Sizes`, or None for a character model of 256 units.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if the candidates do not compute the same.
    """
    sizes = sizes or Sizes()
    parts = [
        f"A training step (forward, backward, Adam) of a character language "
        f"model: vocabulary {sizes.vocabulary_size}, {sizes.units} units, "
        f"{sizes.batch_size} sequences of {sizes.sequence_length}, float32. "
        "The losses of the first two steps agree to 0.1 %."
    ]
    if not has_torch():
        parts.append("PyTorch is left out: it is not installed.")
    with Workers(threads) as workers:
        for kind in _GATES:
            steps = workers.build("tensorflow", candidates, kind, sizes)
            if has_torch():
                steps |= workers.build("torch", torch_candidates, kind, sizes)
            if has_package("jax"):
                steps |= _build_on_jax(workers, kind, sizes)
            timings = measure(steps, repeats, check=check_equal)
            parts += [f"### {kind}", timing_table(timings, FOLDED)]
        for length in sizes.generated:
            loops = workers.build("tensorflow", generators, sizes, length)
            if has_torch():
                loops |= workers.build("torch", torch_generators, sizes, length)
            parts += generation_part(loops, repeats, sizes, length)
    return "\n\n".join(parts)


def generation_part(calls, repeats, sizes, length):
    """Heading, text and table of generation."""
    timings = measure(
        calls, repeats, single=(RECOMPUTED,), check=check_same_samples
    )
    return [
        f"### Generation, {length:,} characters",
        f"One text by an LSTM of {sizes.units} units, the likeliest character "
        "at every step. All candidates write the same text.",
        timing_table(timings, OURS, work=length, unit="characters"),
    ]


def generators(sizes, length):
    """Callables that write a text of `length` tokens, by name."""
    model = RecurrentLanguageModel(sizes.vocabulary_size, sizes.units)
    model.set_weights(_weights(_GATES["LSTM"], sizes))
    prompt = np.zeros((1, 0), "int32")

    def generate():
        return model.generate(prompt, length, temperature=0.0, seed=0).numpy()

    calls = {OURS: generate}
    if length in sizes.recomputed:
        calls[RECOMPUTED] = _recomputing_generator(model, length)
    return calls


def torch_generators(sizes, length):
    """The same by PyTorch, the state carried from step to step."""
    import torch

    table, layer, linear = _torch_modules("LSTM", sizes)

    @torch.inference_mode()
    def generate():
        tokens, states = [torch.zeros((1, 1), dtype=torch.long)], None
        for _ in range(length):
            h, states = layer(table(tokens[-1]), states)
            # Id 0 is padding.
            tokens.append(linear(h)[..., 1:].argmax(-1) + 1)
        return torch.cat(tokens[1:], 1).numpy()

    return {"PyTorch, state carried": generate}


def _recomputing_generator(model, length):
    forward = tf.function(model.call, jit_compile=True, autograph=False)
    forward(tf.zeros((1, length), tf.int32))

    def generate():
        # No padding: a step that nothing reaches would be left out.
        tokens = np.ones((1, length), "int32")
        for t in range(length):
            tokens[:, t] = forward(tf.constant(tokens)).numpy()[:, t].argmax(-1)
        return tokens

    return generate


def candidates(kind, sizes):
    """Training steps of Keras layers by name.

    Each returns the loss before its update.

    Args:
        kind: `"LSTM"` or `"GRU"`.
        sizes: `Sizes`.

    Returns:
        dict of name to callable.
    """
    ours, stock = getattr(layers, kind), getattr(keras.layers, kind)
    options = {"return_sequences": True}
    return {
        FOLDED: _step(ours(sizes.units, **options), sizes, folded=True),
        PLAIN: _step(ours(sizes.units, **options), sizes),
        "keras.layers": _step(stock(sizes.units, **options), sizes),
        "keras.layers, XLA": _step(
            stock(sizes.units, **options), sizes, jit_compile=True
        ),
    }


def torch_candidates(kind, sizes):
    """The same step by PyTorch, as `candidates` gives it."""
    return {
        f"PyTorch{words}": _torch_step(kind, sizes, mode)
        for words, mode in torch_modes().items()
    }


def _build_on_jax(workers, kind, sizes):
    """The same step by Keras's own layers on JAX."""
    from training.benchmarks import keras_jax

    weights = _weights(_GATES[kind], sizes)
    x, y = _batch(sizes)
    given = kind, sizes.units, weights, x, y, _LEARNING_RATE, _EPSILON
    return workers.build("jax", keras_jax.recurrent_steps, *given)


def _weights(kind_gates, sizes):
    rng = np.random.default_rng(0)
    units, vocabulary = sizes.units, sizes.vocabulary_size

    def normal(*shape):
        return rng.normal(scale=0.1, size=shape).astype("float32")

    gates = kind_gates * units
    # The second bias of a GRU with `reset_after`, and of PyTorch, stays 0.
    bias = normal(gates)
    if kind_gates == _GATES["GRU"]:
        bias = np.stack([bias, np.zeros_like(bias)])
    return [
        normal(vocabulary, units),
        normal(units, gates),
        normal(units, gates),
        bias,
        normal(units, vocabulary),
        np.zeros(vocabulary, "float32"),
    ]


def _batch(sizes):
    rng = np.random.default_rng(1)
    shape = (sizes.batch_size, sizes.sequence_length + 1)
    tokens = rng.integers(0, sizes.vocabulary_size, shape)
    return tokens[:, :-1].astype("int32"), tokens[:, 1:].astype("int32")


def _step(layer, sizes, folded=False, jit_compile=False):
    model = LanguageModel(layer, sizes, folded)
    model.set_weights(_weights(_GATES[type(layer).__name__], sizes))
    model.compile(
        keras.optimizers.Adam(_LEARNING_RATE, epsilon=_EPSILON),
        jit_compile=jit_compile,
    )
    function = model.make_train_function()
    batch = tuple(map(tf.constant, _batch(sizes)))

    def step():
        model.reset_metrics()
        return float(function(iter([batch]))["loss"])

    return step


def _torch_step(kind, sizes, mode):
    import torch

    table, layer, linear = _torch_modules(kind, sizes)
    modules = torch.nn.ModuleList([table, layer, linear])
    optimizer = adds_epsilon_as_keras(
        torch.optim.Adam(modules.parameters(), lr=_LEARNING_RATE), _EPSILON
    )
    x, y = (torch.tensor(t, dtype=torch.long) for t in _batch(sizes))

    @mode
    def loss_of(x, y):
        logits = linear(layer(table(x))[0])
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), y.flatten()
        )

    def step():
        loss = loss_of(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _torch_modules(kind, sizes):
    """Embedding, recurrent layer and head with the weights of all."""
    import torch

    embedding, kernel, recurrent, bias, head, head_bias = _weights(
        _GATES[kind], sizes
    )
    bias = bias[0] if bias.ndim == 2 else bias
    # PyTorch has the gates of a GRU as r, z, n; Keras as z, r, h.
    order = [1, 0, 2] if kind == "GRU" else [0, 1, 2, 3]

    def gates(w):
        parts = np.split(w, len(order), axis=-1)
        return torch.tensor(np.concatenate([parts[i] for i in order], -1).T)

    table = torch.nn.Embedding.from_pretrained(
        torch.tensor(embedding), freeze=False
    )
    layer = getattr(torch.nn, kind)(sizes.units, sizes.units, batch_first=True)
    linear = torch.nn.Linear(sizes.units, sizes.vocabulary_size)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(gates(kernel))
        layer.weight_hh_l0.copy_(gates(recurrent))
        layer.bias_ih_l0.copy_(gates(bias))
        layer.bias_hh_l0.zero_()
        linear.weight.copy_(torch.tensor(head.T))
        linear.bias.copy_(torch.tensor(head_bias))
    return table, layer, linear
