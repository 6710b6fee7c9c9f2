"""MADE on the binary sets of the UCI repository.

Run       python -m training train made_uci
          python -m training train made_uci --preset paper
          python -m training train made_uci --preset paper \
              --data npz:binary_uci/dna.npz
Paper     nats on the test sets, table 2 of Germain et al. (2015):
          `training.evaluations.binary_uci`
Measured  docs/results.md
"""

import keras

from keras_genseq.models import MADE
from training.data.transforms import bernoulli_binarize
from training.data.transforms import flatten
from training.data.transforms import threshold
from training.evaluations.binary_uci import ADULT
from training.factory import Factory
from training.recipe import Recipe
from training.recipes.nade_uci import early_stopping


def demo():
    """The 8x8 digits of scikit-learn stand in for a set of the repository."""
    return Recipe.of(
        model=Factory(MADE, units=(300,), num_masks=8),
        data="digits",
        transforms=(Factory(flatten), Factory(threshold, level=0.5)),
        cost="a minute or two on two CPU cores",
        **early_stopping(),
    )


def paper():
    """Adult, 500 hidden units; `--data` takes any other set.

    What the authors' own command does and their paper leaves out: direct
    connections, orthogonal kernels, Adadelta, and orders and degrees that are
    drawn. Their command for DNA draws new masks at every update; here 64 are
    drawn once, take turns, and score as an ensemble.
    """
    return Recipe.of(
        model=Factory(
            MADE,
            units=(500,),
            num_masks=64,
            ordering="random",
            direct_connections=True,
            kernel_initializer="orthogonal",
        ),
        data=ADULT,
        # Binary values stay as they are.
        transforms=(Factory(bernoulli_binarize, seed=0),),
        cost="some minutes a set on one CPU core",
        **early_stopping()
        | {
            "compile": {
                "optimizer": Factory(
                    keras.optimizers.Adadelta,
                    learning_rate=1.0,
                    rho=0.95,
                    epsilon=1e-6,
                ),
                "jit_compile": True,
            },
            "patience": 30,
        },
    )
