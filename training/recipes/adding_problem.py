"""The adding problem: two marked numbers of a long sequence, and their sum.

Run       python -m training train adding_problem
          python -m training train adding_problem --preset paper
              --set model.cell=lstm            (or simple_rnn, gru)
Paper     always saying 1 has an MSE of 0.1667; LSTM and GRU solve lengths of
          100 to 400, a vanilla RNN fails beyond about 100
Measured  docs/results.md
"""

from keras_genseq.models import SequenceForecaster
from training.evaluations.memory_tasks import evaluate_adding
from training.factory import Factory
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """50 steps."""
    return _recipe(
        data="adding:50",
        units=64,
        epochs=6,
        cost="a minute or two on two CPU cores",
    )


def paper():
    """200 steps."""
    return _recipe(
        data="adding:200",
        units=64,
        epochs=6,
        cost="ten minutes on a CPU core",
    )


def _recipe(units, **kwargs):
    return Recipe.of(
        model=Factory(
            SequenceForecaster,
            horizon=1,
            units=units,
            channels=2,
            num_targets=1,
            fixed_scale=1.0,
            cell="gru",
        ),
        compile={"optimizer": adam(0.002, global_clipnorm=1.0)},
        transforms=(),
        global_batch_size=100,
        evaluate=evaluate_adding,
        monitor="val_mse",
        **kwargs,
    )
