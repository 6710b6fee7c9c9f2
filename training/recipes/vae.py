"""Variational autoencoder of binary images.

Run       python -m training train vae
          python -m training train vae --preset paper
Paper     86.76 nats, test set of MNIST, binarized dynamically, by 5,000
          importance samples (Burda et al., 2016, table 1: one layer, k = 1)
Measured  86.77 ± 0.45 nats, some 3 hours on one shared CPU core (seed 0)
"""

from keras_genseq.models import VAE
from training.data.transforms import bernoulli_binarize
from training.data.transforms import dynamic_binarization
from training.data.transforms import held_out
from training.evaluations.latent import evaluate_latent
from training.factory import Factory
from training.optimizers import adam
from training.optimizers import staged_learning_rate
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn, binarized dynamically."""
    return Recipe.of(
        model=Factory(VAE, latent_dim=8, hidden_units=(100, 100)),
        compile=_compile(ema_momentum=0.99),
        data="digits",
        transforms=_binarize_held_out(),
        augment=Factory(dynamic_binarization),
        global_batch_size=32,
        epochs=200,
        evaluate=evaluate_latent,
        out_of_distribution="photographs",
        monitor="val_negative_elbo",
        cost="a minute or two on two CPU cores",
    )


def paper():
    """MNIST, networks of 200 and 200 units, 50 latent dimensions.

    The paper passes 3,280 times over the images, in batches of 20; this
    budget of 1,000 passes in batches of 50 has an eighth of its updates.
    """
    return Recipe.of(
        model=Factory(
            VAE,
            **VAE.presets["vae_mnist"].config,
            # Units that the KL term kills in the first passes do not come back
            # in a short run. The paper has no such rise.
            kl_annealing_steps=20_000,
        ),
        compile=_compile(ema_momentum=0.9995),
        data="tfds:mnist",
        transforms=_binarize_held_out(),
        augment=Factory(dynamic_binarization),
        global_batch_size=50,
        epochs=100,
        passes_per_epoch=10,
        evaluate=evaluate_latent,
        out_of_distribution="tfds:fashion_mnist",
        comparison="tfds:binarized_mnist",
        monitor="val_negative_elbo",
        paper={
            "nll": (86.76, "Paper: Burda et al., 2016, VAE, k = 1."),
            "active_units": (19, "Paper: Burda et al., 2016, VAE, k = 1."),
        },
        cost="three hours on one shared CPU core",
    )


def _compile(ema_momentum):
    """Adam with the paper's epsilon, and averaged weights, which are ours."""
    return {
        "optimizer": adam(
            Factory(staged_learning_rate),
            epsilon=1e-4,
            use_ema=True,
            ema_momentum=ema_momentum,
        ),
        "jit_compile": True,
        "steps_per_execution": 20,
    }


def _binarize_held_out():
    """Validation and test images are drawn once and for all."""
    return (Factory(held_out, transform=Factory(bernoulli_binarize, seed=0)),)
