"""MADE on binary images.

Run       python -m training train made
          python -m training train made --preset paper
Paper     88.40 nats (one hidden layer, one mask) and 86.64 (two layers, 32
          masks), test set of the fixed binarized MNIST (Germain et al., 2015,
          table 6)
Measured  88.45 nats, 21 minutes on one CPU core with AMX, shared in part, with
          `--dtype-policy mixed_bfloat16` (seed 0)
"""

import keras

from keras_genseq.models import MADE
from training.data.transforms import bernoulli_binarize
from training.data.transforms import flatten
from training.data.transforms import threshold
from training.evaluations.density import evaluate_density
from training.factory import Factory
from training.optimizers import decaying
from training.optimizers import momentum
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn, an ensemble of 8 masks."""
    return Recipe.of(
        model=Factory(MADE, units=(300,), num_masks=8, direct_connections=True),
        compile={"optimizer": decaying(keras.optimizers.Adam, 0.003, 0.99)},
        data="digits",
        transforms=(Factory(flatten), Factory(threshold, level=0.5)),
        global_batch_size=32,
        epochs=100,
        evaluate=evaluate_density,
        out_of_distribution="photographs",
        monitor="val_nll",
        cost="a minute or two on two CPU cores",
    )


def paper():
    """The fixed binarized MNIST, one hidden layer of 8,000 under one mask.

    The authors' best network (`MADE.from_preset("made_mnist")`) has two such
    layers and 32 masks, and trains for 300 epochs by Adagrad.
    """
    return Recipe.of(
        model=Factory(MADE, units=(8000,), direct_connections=True),
        compile={"optimizer": momentum(ema_momentum=0.999)},
        data="tfds:binarized_mnist",
        # Draws pixels of grey images; binary ones stay as they are.
        transforms=(Factory(bernoulli_binarize, seed=0), Factory(flatten)),
        global_batch_size=100,
        epochs=12,
        evaluate=evaluate_density,
        out_of_distribution="tfds:fashion_mnist",
        monitor="val_nll",
        paper={
            "nll": (
                88.40,
                "Paper: MADE 1hl, 1 mask; 88.04 with 32; 86.64 2hl, 32 masks.",
            )
        },
        cost="20 minutes on one CPU core with AMX, in mixed bfloat16",
    )
