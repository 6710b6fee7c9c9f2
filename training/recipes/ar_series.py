"""AR(order): the next value of a series from its last ones.

Run       python -m training train ar_series
          python -m training train ar_series --preset paper
          python -m training train ar_series --preset paper
              --data series:monthly-sunspots --set model.order=36
              horizons=(1,12,132)
Paper     the noisy sine at order 4: held-out one-step MSE 0.0499 (noise 0.04)
          in the units of the series; the demo reports standardized units
Measured  docs/results.md
"""

from keras_genseq.models import AutoregressiveModel
from training.data.sequences import standardize
from training.data.sequences import windows
from training.evaluations.forecasting import evaluate_forecasts
from training.factory import Factory
from training.figures import sample_lines
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """A noisy sine at order 4, by gradient descent."""
    return Recipe.of(
        model=Factory(AutoregressiveModel, order=4),
        compile={
            "optimizer": adam(0.005),
            "jit_compile": True,
        },
        data="noisy_sine",
        transforms=(
            Factory(standardize),
            Factory(windows, length=32, stride=1),
        ),
        global_batch_size=16,
        epochs=60,
        evaluate=evaluate_forecasts,
        monitor="val_nll_per_step",
        horizons=(1, 4, 16, 64),
        picture=sample_lines,
        cost="a minute on two CPU cores",
    )


def paper():
    """The electricity transformers of ETTh1, a week of hours, closed form."""
    return Recipe.of(
        model=Factory(AutoregressiveModel, order=168),
        compile={},
        data="series:ETTh1",
        transforms=(Factory(standardize),),
        global_batch_size=1,
        epochs=0,
        adapt={},
        evaluate=evaluate_forecasts,
        horizons=(1, 24, 96, 192, 336, 720),
        picture=sample_lines,
        cost="two minutes on two CPU cores",
    )
