"""Discrete variational autoencoder: images as grids of tokens.

Run       python -m training train discrete_vae
          python -m training train discrete_vae --preset paper
Paper     none to compare with: the first stage of DALL-E is reported without
          numbers, on 250 million images that are not public
Measured  docs/results.md
"""

from keras_genseq.models import DiscreteVAE
from training.evaluations.tokens import evaluate_tokens
from training.factory import Factory
from training.optimizers import adamw
from training.optimizers import cosine
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn as 4x4 tokens out of 32."""
    return Recipe.of(
        model=Factory(
            DiscreteVAE,
            num_tokens=32,
            filters=(16, 32),
            embedding_dim=16,
            beta=1.0,
            relaxation_steps=1500,
            kl_annealing_steps=300,
        ),
        compile=_compile(initial_learning_rate=3e-3, ema_momentum=0.99),
        data="digits",
        transforms=(),
        global_batch_size=32,
        epochs=60,
        evaluate=evaluate_tokens,
        out_of_distribution="photographs",
        monitor="val_negative_elbo",
        cost="two minutes on one CPU core",
    )


def paper():
    """Fashion-MNIST as 7x7 tokens out of 128; the paper's loss and schedules.

    The paper's own model is the preset `dall_e_dvae`; its schedules are
    shortened here to the updates of this budget.
    """
    return Recipe.of(
        model=Factory(
            DiscreteVAE,
            num_tokens=128,
            filters=(16, 32, 64),
            embedding_dim=32,
            relaxation_steps=4_000,
            kl_annealing_steps=500,
        ),
        compile=_compile(initial_learning_rate=1e-3, ema_momentum=0.999),
        data="tfds:fashion_mnist",
        transforms=(),
        global_batch_size=64,
        epochs=8,
        evaluate=evaluate_tokens,
        out_of_distribution="tfds:mnist",
        monitor="val_negative_elbo",
        cost="an hour on one CPU core",
    )


def _compile(initial_learning_rate, ema_momentum):
    """The paper's optimizer, a rate that falls to an eightieth of its start."""
    return {
        "optimizer": adamw(
            cosine(initial_learning_rate, alpha=0.0125),
            weight_decay=1e-4,
            epsilon=1e-8,
            use_ema=True,
            ema_momentum=ema_momentum,
        ),
        "jit_compile": True,
    }
