"""A DCGAN's training step, updates of both networks, beside PyTorch.

Run       python -m training benchmark adversarial --write
Measured  docs/benchmarks.md
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import DCGAN
from keras_genseq.models.base.multi_optimizer_model import seeds_of_update
from training.benchmarks.adversarial_step import NUM_CHECKED
from training.benchmarks.adversarial_step import OURS
from training.benchmarks.adversarial_step import TOLERANCE
from training.benchmarks.adversarial_step import check_losses
from training.benchmarks.adversarial_step import joint_step
from training.benchmarks.adversarial_step import smooth_images
from training.benchmarks.environment import has_torch
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.workers import Workers

TITLE = "Adversarial models"
_LEARNING_RATE = 2e-4
_BETA_1 = 0.5
_EPSILON = 1e-4
_SEED = 3


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the benchmark; the paper's network by default.

    Attributes:
        batch_size: int. Examples of a training step.
        image_shape: tuple of ints.
        latent_dim: int.
        filters: int.
    """

    batch_size: int = 64
    image_shape: tuple = (64, 64, 3)
    latent_dim: int = 100
    filters: int = 128


def benchmark(repeats, threads, sizes=None):
    """Times a training step of both networks.

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
        f"DCGAN of images of {sizes.image_shape}, {sizes.filters} filters next "
        f"to the image, {sizes.latent_dim} dimensions of noise, float32; a "
        f"batch has {sizes.batch_size} examples."
    ]
    with Workers(threads) as workers:
        steps = workers.build("tensorflow", training_steps, sizes)
        if has_torch():
            steps |= workers.build(
                "torch", torch_candidates, *shared_values(sizes), sizes
            )
        else:
            parts.append("PyTorch is left out: it is not installed.")
        timings = measure(steps, repeats, check=check_losses)
    parts += [
        "### Training step",
        "The discriminator's turn (reals and fakes apart) and the generator's, "
        "each a forward pass, a gradient and an update by Adam, through the "
        "function that `fit` calls for every batch, noise and metrics "
        f"included. Both losses of the first {NUM_CHECKED} steps, with the "
        f"same noise, agree to {TOLERANCE:.0%}. PyTorch as its example is "
        "written also computes gradients of the discriminator's weights in the "
        "generator's turn, which nobody needs; the others do not.",
        timing_table(timings, OURS, work=sizes.batch_size, unit="examples"),
    ]
    return "\n\n".join(parts)


def make_images(sizes):
    """Random images, smooth along their rows."""
    rng = np.random.default_rng(1)
    return smooth_images(rng, sizes.batch_size, sizes.image_shape)


def make_model(sizes):
    """Our model, with the same weights every time."""
    keras.utils.set_random_seed(0)
    return DCGAN(
        sizes.image_shape, sizes.latent_dim, filters=sizes.filters, seed=_SEED
    )


def shared_values(sizes):
    """What PyTorch is handed: our weights, and our noise of the first steps.

    Returns:
        Pair: dict of the trainable arrays of both networks, in the order of
        their layers, and a list of `(batch_size, latent_dim)` arrays, one for
        each turn.
    """
    model = make_model(sizes)
    weights = {
        name: [w.numpy() for w in network.trainable_weights]
        for name, network in model.networks.items()
    }
    noise = []
    for step in range(NUM_CHECKED):
        batch = model.seeded_batch((tf.constant(make_images(sizes)),), step)
        for turn in range(2):
            seeds = seeds_of_update(batch, turn, 2)["seeds"]
            noise.append(np.array(model.sample_latents(seeds)))
    return weights, noise


def training_steps(sizes, modes=(False, True)):
    """Callables: one update of both networks; each returns both losses.

    Args:
        sizes: `Sizes`.
        modes: sequence of bools, values of `jit_compile`.
    """
    return {
        "ours, XLA" if mode else OURS: _training_step(sizes, mode)
        for mode in modes
    }


def torch_candidates(weights, noise, sizes):
    """PyTorch's callables, as `training_steps`."""
    from training.benchmarks import dcgan_torch
    from training.benchmarks.torch_modes import COMPILED
    from training.benchmarks.torch_modes import torch_modes

    modes = torch_modes()
    candidates = {
        "PyTorch, as its example": (False, modes[""]),
        "PyTorch, the discriminator held": (True, modes[""]),
    }
    if COMPILED in modes:
        candidates[f"PyTorch{COMPILED}"] = (True, modes[COMPILED])

    return {
        name: dcgan_torch.train_step(
            weights,
            make_images(sizes),
            noise,
            learning_rate=_LEARNING_RATE,
            beta_1=_BETA_1,
            epsilon=_EPSILON,
            holds_discriminator=holds_discriminator,
            mode=mode,
        )
        for name, (holds_discriminator, mode) in candidates.items()
    }


def _training_step(sizes, jit_compile):
    return joint_step(
        make_model(sizes),
        (make_images(sizes),),
        jit_compile,
        learning_rate=_LEARNING_RATE,
        beta_1=_BETA_1,
        epsilon=_EPSILON,
    )
