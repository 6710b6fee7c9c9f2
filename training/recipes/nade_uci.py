"""NADE on the binary sets of the UCI repository.

Run       python -m training train nade_uci
          python -m training train nade_uci --preset paper
          python -m training train nade_uci --preset paper \
              --data npz:binary_uci/dna.npz
Paper     nats on the test sets, table 2 of Germain et al. (2015):
          `training.evaluations.binary_uci`
Measured  Adult: 13.03 nats, seven minutes on one shared CPU core (seed 0);
          other sets: docs/results.md
"""

from keras_genseq.models import NADE
from training.data.transforms import bernoulli_binarize
from training.data.transforms import flatten
from training.data.transforms import threshold
from training.evaluations.binary_uci import ADULT
from training.evaluations.binary_uci import evaluate_binary_uci
from training.factory import Factory
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """The 8x8 digits of scikit-learn stand in for a set of the repository."""
    return Recipe.of(
        model=Factory(NADE, units=100),
        data="digits",
        transforms=(Factory(flatten), Factory(threshold, level=0.5)),
        cost="a minute or two on two CPU cores",
        **early_stopping(),
    )


def paper():
    """Adult, 500 hidden units; `--data` takes any other set."""
    return Recipe.of(
        model=Factory(NADE, units=500),
        data=ADULT,
        # Binary values stay as they are.
        transforms=(Factory(bernoulli_binarize, seed=0),),
        cost="4 to 20 minutes a set on one CPU core",
        **early_stopping(),
    )


def early_stopping():
    """What the two models of these sets share: sizes differ 80-fold."""
    return {
        "compile": {
            "optimizer": adam(0.001, use_ema=True, ema_momentum=0.99),
            "jit_compile": True,
        },
        "global_batch_size": 100,
        "epochs": 300,
        "patience": 15,
        "evaluate": evaluate_binary_uci,
        "monitor": "val_nll",
    }
