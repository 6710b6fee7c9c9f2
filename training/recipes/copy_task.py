"""The copy memory task: ten symbols, a long pause, the ten symbols again.

Run       python -m training train copy_task
          python -m training train copy_task --preset paper
              --set model.cell=gru             (or simple_rnn, lstm)
Paper     remembering nothing costs 10 ln 8 / (T + 20) nats per step: 0.1733
          at T = 100; an LSTM is slow to do better
Measured  docs/results.md
"""

from keras_genseq.models import SequenceClassifier
from training.data.memory_tasks import NUM_LABELS
from training.data.memory_tasks import NUM_TOKENS
from training.evaluations.memory_tasks import evaluate_copy
from training.factory import Factory
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """A pause of 10 steps."""
    return _recipe(
        data="copy:10",
        units=128,
        epochs=8,
        cost="eight minutes on a shared CPU core",
    )


def paper():
    """A pause of 100 steps."""
    return _recipe(
        data="copy:100",
        units=64,
        epochs=6,
        cost="ten minutes on a CPU core",
    )


def _recipe(units, **kwargs):
    return Recipe.of(
        model=Factory(
            SequenceClassifier,
            num_classes=NUM_LABELS,
            units=units,
            vocabulary_size=NUM_TOKENS,
            embedding_dim=16,
            cell="lstm",
            return_sequences=True,
        ),
        compile={"optimizer": adam(0.003, global_clipnorm=1.0)},
        transforms=(),
        global_batch_size=100,
        evaluate=evaluate_copy,
        monitor="val_nll_per_step",
        **kwargs,
    )
