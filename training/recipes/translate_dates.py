"""Transformer from written dates of eleven languages to ISO 8601.

Run       python -m training train translate_dates
Paper     none: a task to see translation work on, without any download
Measured  docs/results.md
"""

from keras_genseq.models import Transformer
from keras_genseq.models import TransformerSchedule
from keras_genseq.tokenizers import ByteTokenizer
from training.data.translation import token_pairs
from training.evaluations.translation import evaluate_translation
from training.factory import Factory
from training.optimizers import adam
from training.recipe import Recipe


def demo():
    """Two blocks a side, 64 wide."""
    return _recipe(hidden_dim=64, epochs=2, cost="two minutes on two CPU cores")


def paper():
    """Two blocks a side, 128 wide, for longer."""
    return _recipe(
        hidden_dim=128, epochs=10, cost="an hour on one CPU core, estimated"
    )


def _recipe(hidden_dim, **values):
    return Recipe.of(
        model=Factory(
            Transformer,
            # Bytes, padding, and the end of a text.
            vocabulary_size=258,
            num_layers=2,
            hidden_dim=hidden_dim,
            num_heads=4,
            intermediate_dim=4 * hidden_dim,
            dropout=0.0,
            max_sequence_length=128,
        ),
        compile={
            "optimizer": adam(
                Factory(
                    TransformerSchedule,
                    hidden_dim=hidden_dim,
                    warmup_steps=200,
                    scale=0.3,
                ),
                beta_2=0.98,
                epsilon=1e-9,
            )
        },
        data="dates",
        tokenizer=Factory(ByteTokenizer),
        transforms=(Factory(token_pairs),),
        global_batch_size=64,
        evaluate=evaluate_translation,
        monitor="val_nll_per_step",
        **values,
    )
