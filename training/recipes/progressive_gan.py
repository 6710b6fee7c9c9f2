"""Progressive growing of GANs: images of 4x4 first, then of twice the side.

Each level is a phase: the first half of its updates fade it in, the second
half train it as it is. `--epochs` and `--steps` say how long a level trains.
Larger images of your own have more levels, small ones fewer.

Run       python -m training train progressive_gan
          python -m training train progressive_gan --preset paper
          python -m training train progressive_gan --data images:DIR
Paper     no figure on these data; on CIFAR-10 an Inception score of 8.80, the
          mean of ten runs 8.56 (Karras et al., 2018, table 3)
Measured  of the demo, when its free slope was 1 at both levels: Fréchet
          distance of the classifier 1.25 (training images 0.32, noise 24.70),
          8 minutes of a shared CPU core (seed 0)
"""

from keras_genseq.models import ProgressiveGAN
from keras_genseq.models.adversarial.progressive_networks import level_of
from keras_genseq.models.adversarial.progressive_networks import side_of
from training.evaluations.progressive_gan import evaluate_progressive_gan
from training.factory import Factory
from training.optimizers import adam
from training.recipe import Recipe

# Of the paper, where memory ends.
_BATCH_SIZES = {256: 14, 512: 6, 1024: 3}


def demo():
    """The 8x8 digits of scikit-learn, by way of 4x4."""
    return _recipe(
        model={"latent_dim": 32, "base_filters": 128, "max_filters": 32},
        image_shape=(8, 8, 1),
        data="digits",
        global_batch_size=32,
        epochs=60,
        passes_per_epoch=2,
        cost="eight minutes on one CPU core, shared",
    )


def paper():
    """Fashion-MNIST at 32x32, the paper's layers at narrow widths.

    Differences from the paper: it trains a level of its CIFAR-10 net for
    800,000 images, with 128 filters in every layer, and the first one for half
    as many; its code raises the rates from 0 again where a level begins.
    """
    return _recipe(
        model={"latent_dim": 64, "base_filters": 256, "max_filters": 64},
        image_shape=(32, 32, 1),
        data="tfds:fashion_mnist?size=32",
        global_batch_size=16,
        epochs=4,
        cost="some three hours on one CPU core, by an estimate",
    )


def levels(image_shape):
    """A phase for each level of images of a shape.

    Args:
        image_shape: (height, width, channels).

    Returns:
        tuple of tuples of overrides, as `Schedule.phases`.
    """
    phases = []
    for level in range(level_of(min(image_shape[:2])) + 1):
        phase = [f"model.level={level}"]
        if side_of(level) in _BATCH_SIZES:
            phase.append(f"global_batch_size={_BATCH_SIZES[side_of(level)]}")
        phases.append(tuple(phase))
    return tuple(phases)


def half(decay_steps):
    """The updates of the first half of a phase.

    Args:
        decay_steps: int. Updates of the phase.
    """
    return decay_steps // 2


def _recipe(model, image_shape, **kwargs):
    optimizer = adam(1e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8)
    return Recipe.of(
        model=Factory(
            ProgressiveGAN,
            level=None,
            fade_updates=Factory(half),
            # Not the paper's: without it the critic's loss leaps at a level.
            halves_slope=True,
            seed=0,
            **model,
        ),
        compile={
            "generator_optimizer": optimizer,
            "discriminator_optimizer": optimizer,
            # XLA's convolutions are slow on a CPU.
            "jit_compile": False,
        },
        transforms=(),
        phases=levels(image_shape),
        grow=Factory(levels),
        evaluate=evaluate_progressive_gan,
        monitor=None,
        **kwargs,
    )
