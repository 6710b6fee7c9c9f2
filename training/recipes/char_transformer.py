"""Transformer language model of characters.

Run       python -m training train char_transformer
          python -m training train char_transformer --preset paper
Paper     none states this text and split; counted beside it are Markov chains.
          A public model of 10.65 million parameters reaches 1.4697 nats on the
          last tenth of the text (karpathy/nanoGPT)
Measured  docs/results.md
"""

import keras

from keras_genseq.models import TransformerLanguageModel
from keras_genseq.tokenizers import CharacterTokenizer
from training.data.streams import character_stream
from training.evaluations.language import evaluate_language
from training.recipe import Factory
from training.recipe import Recipe

_WINDOW = 128


def demo():
    """Two small blocks on the language reference inside Python."""
    return _recipe(
        model=_model(num_layers=2, hidden_dim=64, num_heads=2, dropout=0.0),
        data="python_docs",
        epochs=3,
        cost="ten minutes on one CPU core",
    )


def paper():
    """Four blocks of width 128 on Tiny Shakespeare."""
    return _recipe(
        model=_model(num_layers=4, hidden_dim=128, num_heads=4, dropout=0.05),
        data="tfds:tiny_shakespeare",
        epochs=10,
        cost="an hour on one CPU core",
        paper={"test_nats": ("1.47", "nanoGPT, validation and test together")},
    )


def _model(**arguments):
    return Factory(
        TransformerLanguageModel,
        positions="rotary",
        # Steps that lie further apart than in training never meet.
        attention_window=_WINDOW,
        tokenizer=Factory(CharacterTokenizer),
        **arguments,
    )


def _recipe(model, **values):
    return Recipe(
        model=model,
        compile={
            "optimizer": Factory(
                keras.optimizers.AdamW,
                learning_rate=Factory(
                    keras.optimizers.schedules.CosineDecay,
                    initial_learning_rate=0.0,
                    warmup_target=0.003,
                    warmup_steps=100,
                    alpha=0.02,
                ),
                weight_decay=0.01,
                beta_2=0.99,
                global_clipnorm=1.0,
            ),
        },
        transforms=(Factory(character_stream, sequence_length=_WINDOW),),
        global_batch_size=32,
        stream_window=_WINDOW,
        evaluate=evaluate_language,
        monitor="val_nll_per_step",
        **values,
    )
