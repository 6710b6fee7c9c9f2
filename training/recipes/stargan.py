"""StarGAN: images to any of many domains, by one generator.

Run       python -m training train stargan
          python -m training train stargan --preset paper
          python -m training train stargan --data images:DIR (folders are
          domains)
          python -m training train stargan --data attributes:DIR
Paper     no figure on these data; its scores are those of people, and of a
          classifier of expressions (Choi et al., 2018, tables 1 to 3)
Measured  demo: a classifier that is right on 98.0 % of the test digits is on
          all 250 translations; distance of what comes back 0.052 in [0, 1]
          (0.153 to the mean image); 443 s of a shared CPU core (seed 0);
          the paper preset not yet
"""

from keras_genseq.models import StarGAN
from training.data.augmentations import random_flip
from training.data.labelled_images import with_domains
from training.data.transforms import at_least
from training.evaluations.domain_translation import domain_grid
from training.evaluations.domain_translation import evaluate_domain_translation
from training.factory import Factory
from training.optimizers import ConstantThenLinear
from training.optimizers import adam
from training.recipe import Recipe

# The paper's n_critic.
_DISCRIMINATOR_UPDATES = 5


def demo():
    """The digits of scikit-learn, each digit a domain, enlarged to 16x16."""
    return _recipe(
        model={
            "num_blocks": 2,
            "filters": 24,
            "discriminator_filters": 32,
            "num_halvings": 3,
        },
        learning_rate=5e-4,
        data="digits",
        global_batch_size=32,
        epochs=20,
        passes_per_epoch=5,
        cost="seven minutes on one CPU core, shared",
    )


def paper():
    """Sex and age of faces at 64x64, the paper's layers, narrower and fewer.

    The paper trains for 200,000 updates of the discriminator, of 16 images of
    128x128, at a rate of 1e-4. Here labels count five times as much, or in so
    few updates they are hardly read beside the distance of the images.
    """
    return _recipe(
        model={
            "num_blocks": 3,
            "filters": 16,
            "discriminator_filters": 16,
            "classification_weight": 5.0,
        },
        learning_rate=5e-4,
        data="attributes:utkface",
        augment=Factory(random_flip),
        global_batch_size=16,
        epochs=40,
        cost="an hour and a half on one CPU core, by an estimate",
    )


def _recipe(model, learning_rate, **kwargs):
    def rates(**options):
        return adam(
            Factory(
                ConstantThenLinear,
                initial_learning_rate=learning_rate,
                **options,
            ),
            beta_1=0.5,
        )

    return Recipe.of(
        model=Factory(
            StarGAN,
            discriminator_updates=_DISCRIMINATOR_UPDATES,
            seed=0,
            **model,
        ),
        compile={
            "discriminator_optimizer": rates(),
            # Both rates fall over the steps of the run.
            "generator_optimizer": rates(
                steps_per_update=_DISCRIMINATOR_UPDATES
            ),
            # XLA's convolutions are slow on a CPU.
            "jit_compile": False,
        },
        transforms=(Factory(at_least, side=16), with_domains),
        evaluate=evaluate_domain_translation,
        picture=domain_grid,
        monitor=None,
        **kwargs,
    )
