"""A VAE's training step and its importance-weighted bound beside PyTorch.

Run       python -m training benchmark vae --write
Measured  docs/benchmarks.md
"""

import dataclasses

import keras
import numpy as np

from keras_genseq.models import VAE
from keras_genseq.ops.random import row_normals
from keras_genseq.ops.random import seeds_of_rows
from training.benchmarks.agreement import check_equal
from training.benchmarks.environment import has_torch
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.train_step import keras_step
from training.benchmarks.workers import Workers

TITLE = "VAE"
OURS = "ours"
PYTORCH = "PyTorch"
_LEARNING_RATE = 1e-3
_EPSILON = 1e-4
_SEED = 3
# Untimed steps, on which all candidates must agree, with the same noise.
_NUM_CHECKED = 2


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the VAE benchmark; the paper's MNIST model by default.

    Attributes:
        batch_size: int. Examples of a training step.
        image_shape: tuple of ints.
        hidden_units: tuple of ints.
        latent_dim: int.
        num_bounded: int. Examples of which the likelihood is bounded.
        num_codes: int. Codes per example in that bound.
    """

    batch_size: int = 100
    image_shape: tuple = (28, 28, 1)
    hidden_units: tuple = (200, 200)
    latent_dim: int = 50
    num_bounded: int = 20
    num_codes: int = 1000


def benchmark(repeats, threads, sizes=None):
    """Times training and the bound.

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
    units = "-".join(map(str, sizes.hidden_units))
    parts = [
        f"Images of {sizes.image_shape}, dense layers of {units} units, "
        f"{sizes.latent_dim} latent dimensions, float32; a training batch has "
        f"{sizes.batch_size} examples."
    ]
    if not has_torch():
        parts.append("PyTorch is left out: it is not installed.")
    with Workers(threads) as workers:

        def build(ours, theirs):
            calls = workers.build("tensorflow", ours, sizes)
            if has_torch():
                weights, noise = shared_values(sizes)
                arguments = (theirs, weights, noise, sizes)
                calls |= workers.build("torch", torch_candidates, *arguments)
            return calls

        steps = build(training_steps, "train_step")
        bounds = build(bounding_calls, "bounding_call")
        parts += [
            "### Training step",
            "Forward pass, gradient and an update by Adam, through the "
            "function that `fit` calls for every batch, noise included. The "
            f"losses of the first {_NUM_CHECKED} steps, with the same noise, "
            "agree to 0.1 %.",
            timing_table(measure(steps, repeats, check=check_equal), OURS),
            f"### Bound by {sizes.num_codes} importance samples",
            f"`model.log_prob_bound` of {sizes.num_bounded} examples, noise "
            "included. Bounds agree to 2 %, their means to 0.3 %: the noise "
            "differs.",
            timing_table(
                measure(bounds, repeats, check=_check_equal_bounds),
                OURS,
                work=sizes.num_bounded,
                unit="examples",
            ),
        ]
    return "\n\n".join(parts)


def _check_equal_bounds(results):
    """Checks bounds whose noise differs: a single one varies by 0.2 %."""
    check_equal(results, tolerance=2e-2)
    check_equal(
        {
            name: [np.mean(bounds) for bounds in calls]
            for name, calls in results.items()
        },
        tolerance=3e-3,
    )


def make_examples(sizes, num_examples):
    """Random binary images, of whose pixels one in five is set."""
    rng = np.random.default_rng(1)
    x = rng.random((num_examples, *sizes.image_shape)) < 0.2
    return x.astype("float32")


def make_model(sizes):
    """Our model, with the same weights every time."""
    keras.utils.set_random_seed(0)
    return VAE(
        sizes.image_shape,
        sizes.latent_dim,
        hidden_units=sizes.hidden_units,
        seed=_SEED,
    )


def shared_values(sizes):
    """What PyTorch is handed: our weights, and our noise of the first steps.

    Returns:
        Pair: list of `(kernel, bias)`, encoder first, and a list of arrays
        `(batch_size, latent_dim)`.
    """
    model = make_model(sizes)
    arrays = [w.numpy() for w in model.trainable_weights]
    rows = np.arange(sizes.batch_size)
    noise = [
        row_normals(seeds_of_rows(_SEED, rows, step), 1, sizes.latent_dim)
        for step in range(_NUM_CHECKED)
    ]
    weights = list(zip(arrays[::2], arrays[1::2], strict=True))
    return weights, [np.array(n)[:, 0] for n in noise]


def training_steps(sizes):
    """Callables: one update of ours; each returns the loss before it."""
    return {
        OURS: _training_step(sizes, jit_compile=True),
        "ours without XLA": _training_step(sizes, jit_compile=False),
    }


def bounding_calls(sizes):
    """Callable: our bound of a few examples, as an array."""
    model = make_model(sizes)
    x = make_examples(sizes, sizes.num_bounded)

    def bound():
        return model.log_prob_bound(x, sizes.num_codes, seed=0).numpy()

    return {OURS: bound}


def torch_candidates(kind, weights, noise, sizes):
    """PyTorch's callables, of kind `"train_step"` or `"bounding_call"`."""
    from training.benchmarks import vae_torch
    from training.benchmarks.torch_modes import torch_modes

    if kind == "train_step":
        x = make_examples(sizes, sizes.batch_size)
        given = weights, x, noise, _LEARNING_RATE, _EPSILON
        build = vae_torch.train_step
    else:
        x = make_examples(sizes, sizes.num_bounded)
        given = weights, x, sizes.num_codes
        build = vae_torch.bounding_call
    return {
        f"{PYTORCH}{words}": build(*given, mode)
        for words, mode in torch_modes().items()
    }


def _training_step(sizes, jit_compile):
    model = make_model(sizes)
    optimizer = keras.optimizers.Adam(_LEARNING_RATE, epsilon=_EPSILON)
    model.compile(optimizer, jit_compile=jit_compile)
    return keras_step(model, make_examples(sizes, sizes.batch_size))
