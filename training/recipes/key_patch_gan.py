"""Key-patch GAN: images of the whole from a few parts, wherever they belong.

Run       python -m training train key_patch_gan
          python -m training train key_patch_gan --preset paper
          python -m training train key_patch_gan --data images:DIR
Paper     no figure; its results are pictures (Lee et al., 2017)
Measured  neither preset yet, as they are now. The demo with the authors'
          weights as they stand, 800 updates at a constant rate: masks overlap
          the true ones by 0.354 (best constant mask 0.314, nearest training
          image 0.500); a pixel inside of the parts is 0.182 off (mean
          training image 0.185, nearest 0.151) (seed 0)
"""

import math

from keras_genseq.models import KeyPatchGAN
from training.evaluations.key_patch_figures import assembly_grid
from training.evaluations.key_patches import evaluate_key_patches
from training.factory import Factory
from training.optimizers import adam
from training.optimizers import cosine
from training.recipe import Recipe

# The authors' 0.01 on batches of 64, for sums over images of this shape.
_WEIGHT = 0.64
_SIDE, _CHANNELS = 64, 3


def demo():
    """The digits of scikit-learn at 16x16, a quarter of the paper's widths."""
    return _recipe(
        model={
            "filters": 16,
            "code_dim": 64,
            "latent_dim": 16,
            "discriminator_updates": 1,
            "flip": False,
        },
        # So few updates need larger steps, and smaller ones in the end.
        generator_rate=cosine(1e-3, alpha=0.05),
        data="digits?size=16",
        global_batch_size=64,
        epochs=10,
        passes_per_epoch=5,
        cost="not measured",
    )


def paper():
    """Fashion-MNIST at 32x32, the paper's layers at a quarter of their widths.

    The paper trains for 25 epochs on faces and cars, at 64x64 and 128x128.
    """
    return _recipe(
        model={"filters": 16},
        data="tfds:fashion_mnist?size=32",
        global_batch_size=64,
        epochs=5,
        cost="not measured",
    )


def spatial_weight(image_shape):
    """What masks of 64x64 weigh in the paper, for images of another size.

    Losses are sums over an image: of fewer pixels, each counts more.

    Args:
        image_shape: (height, width, channels).
    """
    return _WEIGHT * _SIDE**2 / math.prod(image_shape[:2])


def appearance_weight(image_shape):
    """The same of parts of 64x64x3; as `spatial_weight`."""
    return _WEIGHT * _SIDE**2 * _CHANNELS / math.prod(image_shape)


def _recipe(model, generator_rate=2e-4, **kwargs):
    return Recipe.of(
        # The weights of the losses fall until the end of the run, which is too
        # short for the paper's masks.
        model=Factory(
            KeyPatchGAN,
            mask_loss="cross_entropy",
            spatial_weight=Factory(spatial_weight),
            appearance_weight=Factory(appearance_weight),
            part_dropout=0.2,
            ema_decay=0.99,
            seed=0,
            **model,
        ),
        # XLA's convolutions are slow on a CPU.
        compile={
            "generator_optimizer": adam(generator_rate, beta_1=0.5),
            "discriminator_optimizer": adam(2e-4, beta_1=0.5),
            "jit_compile": False,
        },
        transforms=(),
        evaluate=evaluate_key_patches,
        picture=assembly_grid,
        monitor=None,
        **kwargs,
    )
