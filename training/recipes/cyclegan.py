"""CycleGAN: images of one domain to another, learned without pairs.

Run       python -m training train cyclegan
          python -m training train cyclegan --preset paper
          python -m training train cyclegan --data domains:DIR_A,DIR_B
Paper     no figure on these data; its scores are those of people and of a
          segmentation of street scenes (Zhu et al., 2017, tables 1 to 5)
Measured  of the demo: a classifier of neon digits is right on 94.4 % of chalk
          ones translated to neon (82.4 % untranslated, 96.0 % of real ones),
          one of chalk on 92.8 % of the others (73.6 %, 95.2 %); six minutes
          of one CPU core (seed 0). The paper preset not yet
"""

from keras_genseq.models import CycleGAN
from training.data.unpaired import domain_augmentation
from training.data.unpaired import unpaired
from training.evaluations.image_translation import evaluate_image_translation
from training.evaluations.image_translation import translation_grid
from training.factory import Factory
from training.optimizers import ConstantThenLinear
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """Digits in chalk to digits in neon, and back."""
    return small_digits(
        data="domains:digits",
        epochs=6,
        passes_per_epoch=5,
        cost="six minutes on one CPU core",
    )


def paper():
    """Horses to zebras at 64x64, the paper's layers at half of their widths.

    The paper trains for 200 epochs on one image at a time, at 256x256.
    """
    return translator(
        model=Factory(
            CycleGAN,
            num_blocks=6,
            filters=32,
            discriminator_filters=32,
            receptive_field=34,
            seed=0,
        ),
        data="domains:horse2zebra",
        # The paper loads images of 286x286 and cuts 256x256 out of them.
        augment=Factory(domain_augmentation, flip=True, zoom=286 / 256),
        global_batch_size=4,
        epochs=20,
        cost="some two hours on one CPU core, by an estimate",
    )


def small_digits(**kwargs):
    """A recipe for digits of 16x16, which are neither mirrored nor cut."""
    return translator(
        model=Factory(
            CycleGAN,
            num_blocks=2,
            filters=16,
            discriminator_filters=32,
            receptive_field=16,
            seed=0,
        ),
        # So few updates need larger steps.
        rate=5e-4,
        global_batch_size=16,
        **kwargs,
    )


def translator(rate=2e-4, **kwargs):
    """What all recipes of a `CycleGAN` share.

    Args:
        rate: float. The learning rate; that of the paper is 0.0002.
        **kwargs: as for `Recipe.of`.
    """
    return Recipe.of(
        compile={
            f"{group}_optimizer": adam(
                Factory(ConstantThenLinear, initial_learning_rate=rate),
                beta_1=0.5,
            )
            for group in ("generator", "discriminator")
        }
        # XLA's convolutions are slow on a CPU.
        | {"jit_compile": False},
        transforms=(Factory(unpaired),),
        evaluate=evaluate_image_translation,
        picture=translation_grid,
        monitor=None,
        **kwargs,
    )
