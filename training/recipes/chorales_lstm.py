"""LSTM model of polyphonic music: 88 notes, independent given the past.

Run       python -m training train chorales_lstm
          python -m training train chorales_lstm --preset paper
Paper     about 8.7 nats per step for a plain recurrent network on the quarter
          notes of the JSB chorales, the order of the literature
Measured  docs/results.md
"""

from keras_genseq.models import RecurrentNoteModel
from training.evaluations.music import evaluate_music
from training.evaluations.music import picture_of_rolls
from training.factory import Factory
from training.optimizers import adam
from training.optimizers import cosine
from training.recipe import Recipe


def demo():
    """Simulated triads."""
    return _recipe(
        units=32,
        dropout=0.0,
        data="cadences",
        epochs=30,
        cost="a minute or two on two CPU cores",
    )


def paper():
    """The JSB chorales at quarter notes."""
    return _recipe(
        units=200,
        dropout=0.5,
        data="chorales:jsb-chorales-quarter",
        epochs=150,
        paper={"test_nats": (8.7, "Paper: of the order of the literature.")},
        cost="minutes on two CPU cores",
    )


def _recipe(units, dropout, **values):
    return Recipe.of(
        model=Factory(RecurrentNoteModel, units=units, dropout=dropout),
        compile={"optimizer": adam(cosine(0.005), global_clipnorm=1.0)},
        transforms=(),
        global_batch_size=16,
        evaluate=evaluate_music,
        monitor="val_nll_per_step",
        patience=30,
        picture=picture_of_rolls,
        **values,
    )
