"""Adversarial autoencoder that learns classes from a few labels.

Run       python -m training train aae_semi_supervised
          python -m training train aae_semi_supervised --preset paper
Paper     1.90 ± 0.10 % errors on the test set of MNIST with 100 labels
          (Makhzani et al., 2016, table 2)
Measured  not yet with batch normalization; 3.91 % without, about an hour on one
          CPU core (seed 0, one draw of labels)
"""

from keras_genseq.models import AdversarialAutoencoder
from training.data.few_labels import few_labels
from training.evaluations.adversarial_autoencoder import (
    evaluate_adversarial_autoencoder,
)
from training.factory import Factory
from training.optimizers import adam_for_autoencoder
from training.recipe import Recipe
from training.recipes.aae import EVEN_GAME


def demo():
    """The 8x8 digits of scikit-learn, ten of each class with a label."""
    return _recipe(
        Factory(
            AdversarialAutoencoder,
            latent_dim=5,
            num_categories=10,
            hidden_units=(128, 128),
            discriminator_units=(128, 128),
            input_noise=0.3,
            batch_normalization=True,
            seed=0,
        ),
        compile=adam_for_autoencoder(**EVEN_GAME),
        data="digits",
        global_batch_size=64,
        epochs=200,
        cost="some minutes on two CPU cores",
    )


def paper():
    """MNIST, 100 labels, z of 10 dimensions, noise of 0.3 on the pixels."""
    preset = AdversarialAutoencoder.presets["aae_mnist_semi_supervised"]
    return _recipe(
        Factory(AdversarialAutoencoder, **preset.config, seed=0),
        compile=adam_for_autoencoder(**EVEN_GAME),
        data="tfds:mnist",
        global_batch_size=100,
        epochs=60,
        paper={
            "class_error": (0.019, "Paper: Makhzani et al., 2016, ± 0.001.")
        },
        cost="an hour on one CPU core",
    )


def _recipe(model, **values):
    return Recipe.of(
        model=model,
        transforms=(Factory(few_labels, num_labels=100),),
        evaluate=evaluate_adversarial_autoencoder,
        monitor=None,
        **values,
    )
