"""Key-patch GAN: images of the whole from a few parts, wherever they belong.

Run       python -m training train key_patch_gan
          python -m training train key_patch_gan --preset paper
          python -m training train key_patch_gan --data images:DIR
Paper     no figure; its results are pictures (Lee et al., 2017)
Measured  not yet
"""

from keras_genseq.models import KeyPatchGAN
from training.evaluations.key_patch_figures import assembly_grid
from training.evaluations.key_patches import evaluate_key_patches
from training.factory import Factory
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """The digits of scikit-learn at 32x32, a fifth of the paper's widths."""
    return _recipe(
        model={"filters": 12, "code_dim": 64, "latent_dim": 16, "flip": False},
        rates={"generator": 1e-3, "discriminator": 2e-4},
        data="digits?size=32",
        global_batch_size=64,
        epochs=80,
        cost="some minutes on one CPU core",
    )


def paper():
    """Fashion-MNIST at 32x32, the paper's layers at a quarter of their widths.

    The paper trains for 25 epochs on faces and cars, at 64x64 and 128x128.
    """
    return _recipe(
        model={"filters": 16},
        rates={"generator": 5e-4, "discriminator": 2e-4},
        data="tfds:fashion_mnist?size=32",
        global_batch_size=64,
        epochs=5,
        cost="not measured",
    )


def _recipe(model, rates, **kwargs):
    return Recipe.of(
        # The weights of the losses fall until the end of the run.
        model=Factory(
            KeyPatchGAN, part_dropout=0.2, ema_decay=0.99, seed=0, **model
        ),
        # The generator learns faster: it has one update for two.
        compile={
            f"{group}_optimizer": adam(rate, beta_1=0.5)
            for group, rate in rates.items()
        }
        # XLA's convolutions are slow on a CPU.
        | {"jit_compile": False},
        transforms=(),
        evaluate=evaluate_key_patches,
        picture=assembly_grid,
        monitor=None,
        **kwargs,
    )
