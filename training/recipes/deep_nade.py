"""Orderless NADE and its ensembles (EoNADE) on binary images.

Run       python -m training train deep_nade
          python -m training train deep_nade --preset paper
          python -m training train deep_nade --preset paper --set
              model.num_orderings=48
Paper     85.10 nats by 128 orderings, two hidden layers, test set of the fixed
          binarized MNIST (Uria et al., 2014)
Measured  87.83 nats by 48 orderings, half an hour of training and 38 minutes of
          evaluation on one CPU core; 88.47 by 16 (seed 0)
"""

import keras

from keras_genseq.models import DeepNADE
from training.data.transforms import bernoulli_binarize
from training.data.transforms import flatten
from training.data.transforms import threshold
from training.evaluations.density import evaluate_density
from training.factory import Factory
from training.optimizers import decaying
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn, an ensemble of 8 orderings."""
    return Recipe.of(
        model=Factory(DeepNADE, units=(300, 300), num_orderings=8),
        compile=_compile(learning_rate=0.002, ema_momentum=0.99),
        data="digits",
        transforms=(Factory(flatten), Factory(threshold, level=0.5)),
        global_batch_size=32,
        epochs=200,
        evaluate=evaluate_density,
        out_of_distribution="photographs",
        monitor="val_nll",
        cost="a minute or two on two CPU cores",
    )


def paper():
    """The fixed binarized MNIST, two layers of 500 units, 16 orderings.

    The paper's ensemble has 128: `--set model.num_orderings=128` scores with
    them, at 8 times the cost of the evaluation.
    """
    return Recipe.of(
        model=Factory(DeepNADE, units=(500, 500), num_orderings=16),
        compile=_compile(learning_rate=0.001, ema_momentum=0.9995),
        data="tfds:binarized_mnist",
        # Draws pixels of grey images; binary ones stay as they are.
        transforms=(Factory(bernoulli_binarize, seed=0), Factory(flatten)),
        global_batch_size=100,
        epochs=20,
        passes_per_epoch=10,
        evaluate=evaluate_density,
        out_of_distribution="tfds:fashion_mnist",
        monitor="val_nll",
        paper={
            "nll": (85.10, "Paper: EoNADE 2hl, 128 orderings; 87.96 with 2.")
        },
        cost="an hour on one CPU core, half of it to score with 16 orderings",
    )


def _compile(learning_rate, ema_momentum):
    """Adam, a rate that falls to 0, and averaged weights: ours, all three."""
    return {
        "optimizer": decaying(
            keras.optimizers.Adam, learning_rate, ema_momentum
        ),
        "jit_compile": True,
        "steps_per_execution": 10,
    }
