"""The ways to train, score and sample NADE that are timed."""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import NADE
from keras_genseq.ops.random import row_seeds
from keras_genseq.ops.random import row_uniform
from training.benchmarks.torch_modes import COMPILED
from training.benchmarks.torch_modes import has_compiler
from training.benchmarks.torch_modes import torch_modes
from training.benchmarks.train_step import keras_step

OURS = "ours"
RECOMPUTED = "a whole pass of ours per dimension"
_LEARNING_RATE = 1e-3
_EPSILON = 1e-7
# name: (implementation, XLA)
_STEPS = {
    OURS: ("auto", True),
    "scan without XLA": ("scan", False),
    "chunk, XLA": ("chunk", True),
    "chunk without XLA": ("chunk", False),
    "full (cumulative sum), XLA": ("full", True),
    "full (cumulative sum) without XLA": ("full", False),
}
# Classes of `nade_torch`, which is imported by those candidates alone.
_UNBOUND = "PyTorch, loop over unbound rows"
_CUMULATIVE = "PyTorch, cumulative sum"
_TORCH = {
    "PyTorch, as pytorch-generative writes it": "PublicTorchNADE",
    "PyTorch, loop over rows by index": "TorchNADE",
    _UNBOUND: "UnboundTorchNADE",
    _CUMULATIVE: "CumulativeTorchNADE",
}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the NADE benchmark; the paper's MNIST model by default.

    Attributes:
        batch_size: int. Examples of a training step.
        input_dim: int.
        units: int.
        num_scored: int. Examples of a scoring call.
        num_sampled: tuple of ints. Samples drawn at once.
        num_recomputed: those of them drawn by whole passes, too.
    """

    batch_size: int = 100
    input_dim: int = 784
    units: int = 500
    num_scored: int = 256
    num_sampled: tuple = (1, 16, 64)
    num_recomputed: tuple = (16, 64)


def make_weights(sizes):
    """Weights under which the history matters, by the names of `NADE`."""
    rng = np.random.default_rng(0)
    matrix = (sizes.input_dim, sizes.units)

    def normal(shape):
        return rng.normal(scale=0.1, size=shape).astype("float32")

    return {
        "kernel": normal(matrix),
        "output_kernel": normal(matrix),
        "hidden_bias": normal(sizes.units),
        "output_bias": normal(sizes.input_dim),
    }


def make_examples(sizes, num_examples):
    """Random bits, of which one in five is set."""
    rng = np.random.default_rng(1)
    bits = rng.random((num_examples, sizes.input_dim)) < 0.2
    return bits.astype("float32")


def make_model(sizes, **kwargs):
    """Our model with the weights that all candidates share."""
    model = NADE(sizes.input_dim, sizes.units, **kwargs)
    for name, value in make_weights(sizes).items():
        getattr(model, name).assign(value)
    return model


def builders(framework, sizes):
    """Training steps: forward, backward and an update by Adam.

    Args:
        framework: `"tensorflow"` or `"torch"`.
        sizes: `Sizes`.

    Returns:
        dict of name to a callable that builds the step; a step returns the
        mean negative log-likelihood before its update.
    """
    if framework == "torch":
        compiled = [_CUMULATIVE + COMPILED] if has_compiler() else []
        return {
            name: functools.partial(_torch_step, sizes, name)
            for name in (*_TORCH, *compiled)
        }
    return {
        name: functools.partial(_keras_step, sizes, *values)
        for name, values in _STEPS.items()
    }


def steps(framework, sizes):
    """The training steps themselves, by name."""
    return {name: build() for name, build in builders(framework, sizes).items()}


def scorers(framework, sizes):
    """Callables: log-likelihoods of `num_scored` examples, by name."""
    x = make_examples(sizes, sizes.num_scored)
    if framework == "torch":
        from training.benchmarks import nade_torch

        weights = make_weights(sizes)
        return {
            name: nade_torch.scorer(_TORCH[name], weights, x)
            for name in (_UNBOUND, _CUMULATIVE)
        }
    return {
        OURS: _keras_scorer(sizes, "auto", x),
        "chunk": _keras_scorer(sizes, "chunk", x),
        "full (cumulative sum)": _keras_scorer(sizes, "full", x),
    }


def samplers(framework, sizes, num_samples):
    """Callables: samples drawn from the same noise, by name."""
    uniforms = row_uniform(row_seeds(0, num_samples), sizes.input_dim).numpy()
    if framework == "torch":
        from training.benchmarks import nade_torch

        weights = make_weights(sizes)
        sampler = nade_torch.sampler(_TORCH[_UNBOUND], weights, uniforms)
        return {"PyTorch, cached loop": sampler}
    model = make_model(sizes)
    calls = {OURS: lambda: model.sample(num_samples, seed=0).numpy()}
    if num_samples in sizes.num_recomputed:
        calls[RECOMPUTED] = _recomputing_sampler(model, uniforms)
    return calls


def _keras_step(sizes, implementation, jit_compile):
    model = make_model(sizes, implementation=implementation)
    optimizer = keras.optimizers.Adam(_LEARNING_RATE, epsilon=_EPSILON)
    model.compile(optimizer, jit_compile=jit_compile)
    return keras_step(model, make_examples(sizes, sizes.batch_size))


def _torch_step(sizes, name):
    from training.benchmarks import nade_torch

    mode = torch_modes()[COMPILED if name.endswith(COMPILED) else ""]
    return nade_torch.train_step(
        _TORCH[name.removesuffix(COMPILED)],
        make_weights(sizes),
        make_examples(sizes, sizes.batch_size),
        _LEARNING_RATE,
        _EPSILON,
        mode,
    )


def _keras_scorer(sizes, implementation, x):
    model = make_model(sizes, implementation=implementation)
    return lambda: model.log_prob(x).numpy()


def _recomputing_sampler(model, uniforms):
    forward = tf.function(model.call, jit_compile=True, autograph=False)
    forward(tf.zeros(uniforms.shape))

    def sample():
        x = np.zeros_like(uniforms)
        for d in range(x.shape[1]):
            logits = forward(tf.constant(x)).numpy()[:, d]
            x[:, d] = uniforms[:, d] < 1.0 / (1.0 + np.exp(-logits))
        return x

    return sample
