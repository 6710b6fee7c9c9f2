"""CycleGAN: images of one domain to another, learned without pairs.

Run       python -m training train cyclegan
          python -m training train cyclegan --preset paper
          python -m training train cyclegan --data domains:DIR_A,DIR_B
          python -m training train cyclegan --preset paper
          --data "domains:mnist,usps?size=32" --epochs 3
Paper     no figure on these data; its scores are those of people and of a
          segmentation of street scenes (Zhu et al., 2017, tables 1 to 5)
Measured  of the demo: cycle errors of 0.164 and 0.146 in [0, 1] (0.291 and
          0.177 to the mean color), which still fall; 6 minutes of one CPU core
          (seed 0)
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
    """Patches of a temple to patches of a flower, and back."""
    return _recipe(
        model=Factory(
            CycleGAN,
            num_blocks=3,
            filters=24,
            discriminator_filters=32,
            receptive_field=34,
            seed=0,
        ),
        data="domains:photographs",
        epochs=30,
        cost="six minutes on one CPU core",
    )


def paper():
    """Horses to zebras at 64x64, the paper's layers at half of their widths.

    The paper trains for 200 epochs on one image at a time, at 256x256.
    """
    return _recipe(
        model=Factory(
            CycleGAN,
            num_blocks=6,
            filters=32,
            discriminator_filters=32,
            receptive_field=34,
            seed=0,
        ),
        data="domains:horse2zebra",
        epochs=20,
        cost="some two hours on one CPU core, by an estimate",
    )


def _recipe(**kwargs):
    return Recipe.of(
        compile={
            f"{group}_optimizer": adam(
                Factory(ConstantThenLinear, initial_learning_rate=2e-4),
                beta_1=0.5,
            )
            for group in ("generator", "discriminator")
        }
        # XLA's convolutions are slow on a CPU.
        | {"jit_compile": False},
        transforms=(Factory(unpaired),),
        # The paper loads images of 286x286 and cuts 256x256 out of them.
        augment=Factory(domain_augmentation, flip=True, zoom=286 / 256),
        global_batch_size=4,
        evaluate=evaluate_image_translation,
        picture=translation_grid,
        monitor=None,
        **kwargs,
    )
