"""Images of captions and of parts: training steps, beside PyTorch.

Run       python -m training benchmark captions --write
Measured  docs/benchmarks.md
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import KeyPatchGAN
from keras_genseq.models import TextToImageGAN
from keras_genseq.models.base.multi_optimizer_model import seeds_of_update
from training.benchmarks.adversarial_step import NUM_CHECKED
from training.benchmarks.adversarial_step import OURS
from training.benchmarks.adversarial_step import joint_step
from training.benchmarks.adversarial_step import smooth_images
from training.benchmarks.adversarial_step import timed_systems
from training.benchmarks.network_plan import plan_of

TITLE = "Images of captions and of parts"
_ADAM = {"learning_rate": 2e-4, "beta_1": 0.5, "epsilon": 1e-4}
_SEED = 3
# Of the distances of masks and of parts at the first update, which hardly
# falls in the first steps.
_PART_WEIGHT = 0.64


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the benchmark; by default those of the recipes' demos.

    Attributes:
        captioned_shape: (height, width, channels) of images with captions.
        captioned_batch: int.
        captioned: dict of sizes of `TextToImageGAN`.
        text_dim: int. Of the embeddings that are given.
        parted_shape: (height, width, channels) of images of parts.
        parted_batch: int.
        parted: dict of sizes of `KeyPatchGAN`.
    """

    captioned_shape: tuple = (32, 32, 1)
    captioned_batch: int = 32
    captioned: dict = dataclasses.field(
        default_factory=lambda: {
            "latent_dim": 32,
            "filters": 24,
            "discriminator_filters": 16,
            "text_units": 64,
        }
    )
    text_dim: int = 96
    parted_shape: tuple = (16, 16, 1)
    parted_batch: int = 64
    parted: dict = dataclasses.field(
        default_factory=lambda: {
            "filters": 16,
            "code_dim": 64,
            "latent_dim": 16,
        }
    )


class GivenEmbeddings(TextToImageGAN):
    """Is given embeddings and classes, in the place of captions."""

    def batch_of(self, x, y):
        embeddings, labels = y
        return {"real": x, "condition": embeddings, "label": labels}


def benchmark(repeats, threads, sizes=None):
    """Times a training step of each model.

    Args:
        repeats: int. Timings of which the median counts.
        threads: int. Threads of each framework.
        sizes: `Sizes`, or None for those of the demos.

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
    )


def make_model(sizes, name):
    """One of our models, with the same weights every time.

    Args:
        sizes: `Sizes`.
        name: `"text_to_image"` or `"key_patch"`.
    """
    keras.utils.set_random_seed(0)
    if name == "key_patch":
        return KeyPatchGAN(
            sizes.parted_shape,
            mask_loss="cross_entropy",
            spatial_weight=_PART_WEIGHT,
            appearance_weight=_PART_WEIGHT,
            part_dropout=0.2,
            flip=False,
            discriminator_updates=1,
            seed=_SEED,
            **sizes.parted,
        )
    return GivenEmbeddings(
        sizes.captioned_shape,
        # It has nothing to read here.
        text_encoder={
            "image_shape": (sizes.text_dim,),
            "text_dim": sizes.text_dim,
            "filters": (4,),
            "max_sequence_length": 16,
        },
        seed=_SEED,
        **sizes.captioned,
    )


def make_batch(sizes, name):
    """What a step is given: a tuple of structures of arrays."""
    rng = np.random.default_rng(1)
    if name == "key_patch":
        x = smooth_images(rng, sizes.parted_batch, sizes.parted_shape)
        height, width = sizes.parted_shape[:2]
        corners = rng.integers(0, (width // 2, height // 2), (len(x), 3, 2))
        sides = rng.integers(3, (width // 2, height // 2), (len(x), 3, 2))
        return x, np.concatenate([corners, sides], axis=-1).astype("int32")
    x = smooth_images(rng, sizes.captioned_batch, sizes.captioned_shape)
    embeddings = rng.normal(size=(len(x), sizes.text_dim)).astype("float32")
    return x, (embeddings, np.arange(len(x), dtype="int32"))


def shared_values(sizes, name):
    """What PyTorch is handed: plans of our networks, and the first steps.

    Returns:
        Pair: dict of plans; and, for each step, a tuple of arrays (text to
        image) or a dict of them (key patches).
    """
    model = make_model(sizes, name)
    batch = tf.nest.map_structure(tf.constant, make_batch(sizes, name))
    steps = []
    for number in range(NUM_CHECKED):
        found = model.seeded_batch(batch, number)
        z = [
            model.sample_latents(seeds_of_update(found, turn, 2)["seeds"])
            for turn in range(2)
        ]
        if name == "key_patch":
            arrays = {k: np.array(v) for k, v in found.items()}
            steps.append({**arrays, "z": np.stack([np.array(x) for x in z])})
        else:
            given = *z, found["wrong"], found["partner"]
            steps.append(tuple(np.array(part) for part in given))
    plans = {
        name: plan_of(network)
        for name, network in model.networks.items()
        if name != "text_encoder"
    }
    return plans, steps


def training_steps(sizes, name, modes=(False,)):
    """Our steps by name; each call gives both losses before it.

    Args:
        sizes, name: as for `make_model`.
        modes: sequence of bools, values of `jit_compile`.
    """
    batch = make_batch(sizes, name)
    return {
        f"{OURS}, XLA" if mode else OURS: joint_step(
            make_model(sizes, name), batch, mode, **_ADAM
        )
        for mode in modes
    }


def torch_steps(plans, given, sizes, name):
    """PyTorch's steps, as `training_steps`."""
    from training.benchmarks import captions_torch

    if name == "key_patch":
        return captions_torch.key_patch_steps(plans, given, _PART_WEIGHT, _ADAM)
    x, (embeddings, _) = make_batch(sizes, name)
    return captions_torch.text_to_image_steps(
        plans, x, embeddings, given, _ADAM
    )


def _systems(sizes):
    """Title, description, arguments of `make_model` and size of a batch."""
    yield (
        "TextToImageGAN",
        f"GAN-INT-CLS of images of {sizes.captioned_shape} and given "
        f"embeddings of {sizes.text_dim} dimensions; batches of "
        f"{sizes.captioned_batch}.",
        ("text_to_image",),
        sizes.captioned_batch,
    )
    yield (
        "KeyPatchGAN",
        f"Images of {sizes.parted_shape} and boxes of three parts; batches of "
        f"{sizes.parted_batch}. Ours also cuts out and enlarges the parts and "
        "hides some of them; PyTorch is handed what that gives.",
        ("key_patch",),
        sizes.parted_batch,
    )
