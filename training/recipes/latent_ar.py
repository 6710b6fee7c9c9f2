"""Latent autoregressive model: a recurrent summary of all that came before.

Run       python -m training train latent_ar
          python -m training train latent_ar --preset paper
Paper     no published number; the report stands beside linear AR over the same
          history, the seasonal naive forecast, the last value and the mean
Measured  docs/results.md
"""

from keras_genseq.models import LatentAutoregressiveModel
from training.data.sequences import standardize
from training.data.sequences import windows
from training.evaluations.forecasting import evaluate_forecasts
from training.factory import Factory
from training.figures import sample_lines
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """A noisy sine, windows of 64 steps."""
    return _recipe(
        model=Factory(
            LatentAutoregressiveModel, units=16, cell="gru", constant_scale=True
        ),
        data="noisy_sine",
        transforms=(
            Factory(standardize),
            Factory(windows, length=64, stride=1),
        ),
        global_batch_size=32,
        epochs=60,
        history=64,
        horizons=(1, 4, 16, 64),
        cost="a few minutes on two CPU cores",
    )


def paper():
    """The electricity transformers of ETTh1, windows of a week of hours."""
    return _recipe(
        model=Factory(
            LatentAutoregressiveModel, units=64, cell="gru", constant_scale=True
        ),
        data="series:ETTh1",
        transforms=(
            Factory(standardize),
            Factory(windows, length=168, stride=8),
        ),
        global_batch_size=32,
        epochs=60,
        patience=8,
        history=168,
        horizons=(1, 24, 96, 192, 336, 720),
        cost="ten minutes on a CPU core",
    )


def _recipe(**kwargs):
    return Recipe.of(
        compile={"optimizer": adam(0.002, global_clipnorm=1.0)},
        evaluate=evaluate_forecasts,
        monitor="val_nll_per_step",
        picture=sample_lines,
        **kwargs,
    )
