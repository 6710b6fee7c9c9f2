"""Adversarial autoencoder that finds clusters without any label.

Run       python -m training train aae_clustering
          python -m training train aae_clustering --preset paper
Paper     4.10 ± 1.13 % errors on the test set of MNIST with 30 clusters, each
          named after one image (Makhzani et al., 2016, table 3)
Measured  49.25 % of test images in another cluster's class, 10.6 of 30
          categories in use, after 48 of the 60 epochs, 63 minutes on two CPU
          cores beside other work (seed 0); without batch normalization all
          images were in one category after 20 epochs
"""

from keras_genseq.models import AdversarialAutoencoder
from training.evaluations.adversarial_autoencoder import (
    evaluate_adversarial_autoencoder,
)
from training.factory import Factory
from training.optimizers import adam_for_autoencoder
from training.recipe import Recipe
from training.recipes.aae import EVEN_GAME


def demo():
    """The 8x8 digits of scikit-learn."""
    return _recipe(
        Factory(
            AdversarialAutoencoder,
            latent_dim=5,
            num_categories=16,
            hidden_units=(128, 128),
            discriminator_units=(128, 128),
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
    """MNIST, 30 clusters, z of 5 dimensions."""
    return _recipe(
        Factory(
            AdversarialAutoencoder,
            latent_dim=5,
            num_categories=30,
            batch_normalization=True,
            seed=0,
        ),
        compile=adam_for_autoencoder(**EVEN_GAME),
        data="tfds:mnist",
        global_batch_size=100,
        epochs=60,
        paper={
            "class_error": (0.041, "Paper: Makhzani et al., 2016, ± 0.0113.")
        },
        cost="an hour on one CPU core, estimated",
    )


def _recipe(model, **values):
    return Recipe.of(
        model=model,
        transforms=(),
        evaluate=evaluate_adversarial_autoencoder,
        monitor=None,
        **values,
    )
