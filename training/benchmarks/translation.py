"""CycleGAN, StarGAN and ProgressiveGAN: training steps, beside PyTorch.

Run       python -m training benchmark translation --write
Measured  not to its end yet
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import CycleGAN
from keras_genseq.models import ProgressiveGAN
from keras_genseq.models import StarGAN
from keras_genseq.models.base.multi_optimizer_model import seeds_of_update
from keras_genseq.ops.random import row_uniform
from training.benchmarks.adversarial_step import NUM_CHECKED
from training.benchmarks.adversarial_step import OURS
from training.benchmarks.adversarial_step import joint_step
from training.benchmarks.adversarial_step import smooth_images
from training.benchmarks.adversarial_step import timed_systems
from training.benchmarks.network_plan import plan_of

TITLE = "Translators and growing images"
_ADAM = {"learning_rate": 2e-4, "beta_1": 0.5, "epsilon": 1e-4}
_SEED = 3
# The stream of the seeds from which shares of reals are drawn.
_MIXING_STREAM = 1
_NUM_ATTRIBUTES = 5


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the benchmark.

    Attributes:
        image_size: int. Side of the images that are translated.
        filters: int. Channels of the first layers of their networks.
        num_blocks: int. Residual blocks of their generators.
        receptive_field: int. Of CycleGAN's discriminators.
        cyclegan_batch: int.
        stargan_batch: int.
        levels: tuple of ints. Levels of ProgressiveGAN.
        base_filters, max_filters: ints. Of ProgressiveGAN.
        latent_dim: int. Of ProgressiveGAN.
        progressive_batch: int.
    """

    image_size: int = 64
    filters: int = 32
    num_blocks: int = 6
    receptive_field: int = 34
    cyclegan_batch: int = 4
    stargan_batch: int = 16
    levels: tuple = (1, 2, 3)
    base_filters: int = 4096
    max_filters: int = 128
    latent_dim: int = 128
    progressive_batch: int = 16

    @property
    def image_shape(self):
        return (self.image_size, self.image_size, 3)

    @property
    def progressive_shape(self):
        side = 4 * 2 ** max(self.levels)
        return (side, side, 3)


def benchmark(repeats, threads, sizes=None):
    """Times a training step of each model.

    Args:
        repeats: int. Timings of which the median counts.
        threads: int. Threads of each framework.
        sizes: `Sizes`, or None for the usual ones.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if the candidates do not compute the same.
    """
    sizes = sizes or Sizes()
    return timed_systems(
        _systems(sizes),
        (training_steps, torch_steps, shared_values),
        sizes,
        repeats,
        threads,
        remark="PyTorch's discriminators are held in the generators' turns, "
        "and its gradient penalties are not compiled: of what it compiles, it "
        "has no second derivatives.",
    )


def make_model(sizes, name, level=None):
    """One of our models, with the same weights every time.

    Args:
        sizes: `Sizes`.
        name: `"cyclegan"`, `"stargan"` or `"progressive_gan"`.
        level: int. Of ProgressiveGAN.
    """
    keras.utils.set_random_seed(0)
    if name == "progressive_gan":
        return ProgressiveGAN(
            sizes.progressive_shape,
            sizes.latent_dim,
            level=level,
            base_filters=sizes.base_filters,
            max_filters=sizes.max_filters,
            target_slope=750.0,
            ema_decay=None,
            seed=_SEED,
        )
    networks = {
        "num_blocks": sizes.num_blocks,
        "filters": sizes.filters,
        "discriminator_filters": sizes.filters,
        "seed": _SEED,
    }
    if name == "cyclegan":
        return CycleGAN(
            sizes.image_shape,
            receptive_field=sizes.receptive_field,
            **networks,
        )
    return StarGAN(
        sizes.image_shape,
        _NUM_ATTRIBUTES,
        labels="attributes",
        discriminator_updates=1,
        **networks,
    )


def make_batch(sizes, name, level=None):
    """What a step is given: a tuple of arrays."""
    rng = np.random.default_rng(1)
    if name == "progressive_gan":
        side = 4 * 2**level
        return (smooth_images(rng, sizes.progressive_batch, (side, side, 3)),)
    if name == "cyclegan":
        shape = sizes.cyclegan_batch, sizes.image_shape
        return smooth_images(rng, *shape), 1.0 - smooth_images(rng, *shape)
    size = sizes.stargan_batch
    labels = rng.integers(0, 2, (size, _NUM_ATTRIBUTES)).astype("float32")
    return smooth_images(rng, size, sizes.image_shape), labels


def shared_values(sizes, name, level=None):
    """What PyTorch is handed: our networks, and our noise of the first steps.

    Returns:
        Pair: dict of the networks' plans, or of ProgressiveGAN's arrays; and
        a list with the noise of each step.
    """
    model = make_model(sizes, name, level)
    if name == "cyclegan":
        # Its pools hand on all that comes until they are full.
        ends = ("xy", "yx", "x", "y")
        kinds = ("generator",) * 2 + ("discriminator",) * 2
        names = [f"{k}_{end}" for k, end in zip(kinds, ends, strict=True)]
        return {n: plan_of(getattr(model, n)) for n in names}, []
    batch = tuple(map(tf.constant, make_batch(sizes, name, level)))
    batches = [model.seeded_batch(batch, i) for i in range(NUM_CHECKED)]
    if name == "stargan":
        plans = {k: plan_of(v) for k, v in model.networks.items()}
        noise = [(b["targets"], _mixing(b["seeds"])) for b in batches]
        return plans, _as_arrays(noise)
    noise = []
    for batch in batches:
        turns = [seeds_of_update(batch, i, 2)["seeds"] for i in range(2)]
        z = [model.sample_latents(seeds) for seeds in turns]
        noise.append((*z, _mixing(turns[0])))
    return _progressive_arrays(model), _as_arrays(noise)


def training_steps(sizes, name, level=None, modes=(False,)):
    """Our steps by name; each call gives both losses before it.

    Args:
        sizes, name, level: as for `make_model`.
        modes: sequence of bools, values of `jit_compile`.
    """
    batch = make_batch(sizes, name, level)
    return {
        f"{OURS}, XLA" if mode else OURS: joint_step(
            make_model(sizes, name, level), batch, mode, **_ADAM
        )
        for mode in modes
    }


def torch_steps(networks, noise, sizes, name, level=None):
    """PyTorch's steps, as `training_steps`."""
    batch = make_batch(sizes, name, level)
    if name == "progressive_gan":
        from training.benchmarks import progressive_torch

        return progressive_torch.training_steps(
            networks, *batch, noise, (10.0, 750.0, 0.001), _ADAM
        )
    from training.benchmarks import translation_torch

    if name == "cyclegan":
        return translation_torch.cyclegan_steps(
            networks, *batch, (10.0, 0.5), _ADAM
        )
    return translation_torch.stargan_steps(
        networks, *batch, noise, (1.0, 10.0, 10.0), _ADAM
    )


def _systems(sizes):
    """Title, description, arguments of `make_model` and size of a batch."""
    networks = (
        f"Images of {sizes.image_shape}, {sizes.num_blocks} residual blocks, "
        f"{sizes.filters} filters in the first layers"
    )
    yield (
        "CycleGAN",
        f"{networks}, patches of {sizes.receptive_field} pixels; batches of "
        f"{sizes.cyclegan_batch} of each domain.",
        ("cyclegan",),
        sizes.cyclegan_batch,
    )
    yield (
        "StarGAN",
        f"{networks}, {_NUM_ATTRIBUTES} attributes; batches of "
        f"{sizes.stargan_batch}; one step of the critic, with its gradient "
        "penalty, and one of the generator.",
        ("stargan",),
        sizes.stargan_batch,
    )
    for level in sizes.levels:
        side = 4 * 2**level
        yield (
            f"ProgressiveGAN at {side}x{side}",
            f"At most {sizes.max_filters} filters, {sizes.latent_dim} "
            f"dimensions of noise, gradient penalty; batches of "
            f"{sizes.progressive_batch}.",
            ("progressive_gan", level),
            sizes.progressive_batch,
        )


def _progressive_arrays(model):
    generator, discriminator = model.generator, model.discriminator
    projection = generator.projection
    layers = {
        "generator": [*generator.convolutions, generator.colors[-1]],
        "discriminator": [
            discriminator.colors[-1],
            *discriminator.convolutions,
            discriminator.last_convolution,
            discriminator.dense,
            discriminator.verdict,
        ],
    }
    arrays = {
        name: [w.numpy() for layer in found for w in (layer.kernel, layer.bias)]
        for name, found in layers.items()
    }
    first = [projection.dense.kernel.numpy(), projection.bias.numpy()]
    return {**arrays, "generator": first + arrays["generator"]}


def _mixing(seeds):
    return row_uniform(seeds, 1, stream=_MIXING_STREAM)[:, 0]


def _as_arrays(noise):
    return [tuple(np.array(part) for part in parts) for parts in noise]
