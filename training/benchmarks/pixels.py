"""PixelRNN: training steps beside PyTorch, incremental sampling.

Run       python -m training benchmark pixels --write
Measured  docs/benchmarks.md
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import GatedPixelCNN
from keras_genseq.models import PixelRNN
from keras_genseq.ops.random import row_seeds
from training.benchmarks.agreement import check_equal
from training.benchmarks.agreement import check_same_samples
from training.benchmarks.environment import has_torch
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.train_step import keras_step
from training.benchmarks.workers import Workers

TITLE = "PixelRNN"
OURS = "PixelCNN"
RECOMPUTED = "PixelCNN, a whole pass per pixel"
_LSTMS = {"Diagonal BiLSTM": "diagonal_bilstm", "Row LSTM": "row_lstm"}
_LEARNING_RATE = 1e-3
_EPSILON = 1e-4


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the benchmark; the paper's MNIST networks by default.

    Attributes:
        batch_size: int. Examples of a training step.
        image_shape: tuple of ints.
        filters: int. The paper's h.
        num_layers: int.
        head_filters: int.
        num_sampled: tuple of ints. Images drawn at once.
    """

    batch_size: int = 16
    image_shape: tuple = (28, 28, 1)
    filters: int = 16
    num_layers: int = 7
    head_filters: int = 32
    num_sampled: tuple = (1, 16, 64)


def benchmark(repeats, threads, sizes=None):
    """Times training steps and sampling.

    Args:
        repeats: int. Timings of which the median counts.
        threads: int. Threads of each framework.
        sizes: `Sizes`, or None for the paper's.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if the candidates do not compute the same.
    """
    sizes = sizes or Sizes()
    parts = [
        f"Binary images of {sizes.image_shape}, {sizes.num_layers} layers, "
        f"h = {sizes.filters}, float32; a training batch has "
        f"{sizes.batch_size} examples."
    ]
    if not has_torch():
        parts.append("PyTorch is left out: it is not installed.")
    with Workers(threads) as workers:
        steps = workers.build("tensorflow", convolutional_steps, sizes)
        if has_torch():
            weights = shared_weights(sizes)
            steps |= workers.build("torch", torch_step, weights, sizes)
        parts += [
            "### Training step",
            "Forward pass, gradient and an update by Adam, through the "
            "function that `fit` calls for every batch. The losses of the "
            "first two steps agree to 0.1 %. On a CPU the recipe trains "
            "without XLA, whose convolutions are slower there.",
            timing_table(measure(steps, repeats, check=check_equal), OURS),
        ]
        steps = workers.build("tensorflow", recurrent_steps, sizes)
        parts += [
            "### Training step of the LSTMs",
            "The same batch; no maintained library has a peer.",
            timing_table(measure(steps, repeats), next(iter(_LSTMS))),
        ]
        for num_samples in sizes.num_sampled:
            draws = workers.build("tensorflow", samplers, sizes, num_samples)
            parts += sampling_part(draws, repeats, num_samples)
    return "\n\n".join(parts)


def sampling_part(candidates, repeats, num_samples):
    """Heading, text and table of sampling."""

    def check(results):
        names = (OURS, RECOMPUTED)
        check_same_samples({name: results[name] for name in names})

    timings = measure(candidates, repeats, single=(RECOMPUTED,), check=check)
    return [
        f"### Sampling, {num_samples} at once",
        "`model.sample`: a step for every pixel, which computes what that "
        "pixel changes. A whole pass per pixel draws the same images from the "
        "same noise, in one compiled loop.",
        timing_table(timings, OURS, work=num_samples, unit="images"),
    ]


def make_examples(sizes):
    """A batch of random binary images, of whose pixels one in five is set."""
    rng = np.random.default_rng(1)
    x = rng.random((sizes.batch_size, *sizes.image_shape)) < 0.2
    return x.astype("float32")


def make_model(sizes, variant="pixel_cnn"):
    """Our model, with the same weights every time."""
    keras.utils.set_random_seed(0)
    return PixelRNN(
        sizes.image_shape,
        variant=variant,
        filters=sizes.filters,
        num_layers=sizes.num_layers,
        head_filters=sizes.head_filters,
    )


def shared_weights(sizes):
    """What PyTorch is handed: `(kernel, bias, mask)` of all layers."""
    model = make_model(sizes)
    layers = [model.stem]
    for block in model.blocks:
        layers += block.convs
    return [
        (
            layer.kernel.numpy(),
            layer.bias.numpy(),
            np.array(layer.mask, "float32"),
        )
        for layer in [*layers, *model.head]
    ]


def convolutional_steps(sizes):
    """Callables: updates of the plain PixelCNN, with and without XLA."""
    return {
        OURS: _step(make_model(sizes), sizes, jit_compile=False),
        f"{OURS}, XLA": _step(make_model(sizes), sizes, jit_compile=True),
    }


def recurrent_steps(sizes):
    """Callables: updates of both LSTM variants, with and without XLA."""
    steps = {}
    for jit_compile, words in ((True, ""), (False, " without XLA")):
        for name, variant in _LSTMS.items():
            model = make_model(sizes, variant)
            steps[name + words] = _step(model, sizes, jit_compile)
    return steps


def samplers(sizes, num_samples):
    """Callables: samples of every variant, and by whole passes."""
    models = {OURS: make_model(sizes)}
    models |= {name: make_model(sizes, v) for name, v in _LSTMS.items()}
    models["Gated PixelCNN"] = GatedPixelCNN(
        sizes.image_shape,
        filters=2 * sizes.filters,
        num_layers=sizes.num_layers,
        head_filters=sizes.head_filters,
    )
    calls = {
        name: lambda model=model: model.sample(num_samples, seed=0).numpy()
        for name, model in models.items()
    }
    whole = tf.function(
        models[OURS].draw_by_whole_passes
    ).get_concrete_function(*_request(sizes, num_samples))
    calls[RECOMPUTED] = lambda: whole(*_request(sizes, num_samples)).numpy()
    return calls


def torch_step(weights, sizes):
    """PyTorch's callables: updates of the same network."""
    from training.benchmarks import pixels_torch
    from training.benchmarks.torch_modes import torch_modes

    x = make_examples(sizes)
    given = weights, x, _LEARNING_RATE, _EPSILON
    return {
        f"PixelCNN, PyTorch{words}": pixels_torch.train_step(*given, mode)
        for words, mode in torch_modes().items()
    }


def _step(model, sizes, jit_compile):
    optimizer = keras.optimizers.Adam(_LEARNING_RATE, epsilon=_EPSILON)
    model.compile(optimizer, jit_compile=jit_compile)
    return keras_step(model, make_examples(sizes))


def _request(sizes, num_samples):
    """What `draw` is given when nothing is shown."""
    hidden = tf.zeros((num_samples, *sizes.image_shape))
    return hidden, hidden > 0.0, row_seeds(0, num_samples), tf.ones(num_samples)
