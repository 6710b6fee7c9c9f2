"""Key-patch GAN: images of the whole from a few parts, wherever they belong.

Run       python -m training train key_patch_gan
          python -m training train key_patch_gan --preset paper
          python -m training train key_patch_gan --data images:DIR
Paper     no figure; its results are pictures (Lee et al., 2017)
Measured  demo: masks overlap the true ones by 0.611 (best constant mask 0.314,
          nearest training image 0.500); a pixel inside of the parts is 0.128
          off (mean training image 0.185, nearest 0.151); classifier Fréchet
          distance 12.94 (training images 3.74, noise 92.96); seven minutes of
          a shared CPU core (seed 0). The paper preset not yet
"""

from keras_genseq.models import KeyPatchGAN
from training.evaluations.key_patch_figures import assembly_grid
from training.evaluations.key_patches import evaluate_key_patches
from training.factory import Factory
from training.optimizers import ConstantThenLinear
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """The digits of scikit-learn at 16x16, a quarter of the paper's widths."""
    return _recipe(
        model={
            "filters": 16,
            "code_dim": 64,
            "latent_dim": 16,
            # The authors' weights, made for sums over 64x64x3, count 16 to 48
            # times less here.
            "spatial_weight": 10.0,
            "appearance_weight": 10.0,
            "discriminator_updates": 1,
            "flip": False,
        },
        # So few updates need larger steps.
        generator_rate=Factory(ConstantThenLinear, initial_learning_rate=1e-3),
        data="digits?size=16",
        global_batch_size=32,
        epochs=120,
        cost="seven minutes on one CPU core, shared",
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


def _recipe(model, generator_rate=2e-4, **kwargs):
    return Recipe.of(
        # The weights of the losses fall until the end of the run, which is too
        # short for the paper's masks.
        model=Factory(
            KeyPatchGAN,
            mask_loss="cross_entropy",
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
