"""Transformer language model of characters.

Run       python -m training train char_transformer
          python -m training train char_transformer --preset paper
Paper     none states this text and split; counted beside it are Markov chains.
          A public model of 10.65 million parameters reaches 1.4697 nats on the
          last tenth of the text (karpathy/nanoGPT)
Measured  1.448 nats on validation, 1.586 on the test part, of the last tenth
          half each; some 40 minutes on a CPU with AMX,
          `--dtype-policy mixed_bfloat16` (seed 0)
"""

from keras_genseq.models import TransformerLanguageModel
from keras_genseq.tokenizers import CharacterTokenizer
from training.data.streams import character_stream
from training.evaluations.language import evaluate_language
from training.factory import Factory
from training.optimizers import adamw
from training.optimizers import cosine
from training.recipe import Recipe


def demo():
    """Two small blocks on the language reference inside Python."""
    return _recipe(
        num_layers=2,
        hidden_dim=64,
        num_heads=2,
        dropout=0.0,
        window=128,
        learning_rate=0.003,
        data="python_docs",
        epochs=3,
        cost="two minutes on one CPU core",
    )


def paper():
    """Five blocks of width 192 on Tiny Shakespeare."""
    return _recipe(
        num_layers=5,
        hidden_dim=192,
        num_heads=6,
        dropout=0.15,
        window=256,
        learning_rate=0.002,
        data="tfds:tiny_shakespeare",
        epochs=9,
        cost="40 minutes on a CPU with AMX, in mixed bfloat16",
        paper={"test_nats": ("1.47", "nanoGPT, validation and test together")},
    )


def _recipe(window, learning_rate, data, epochs, cost, paper=None, **model):
    return Recipe.of(
        model=Factory(
            TransformerLanguageModel,
            positions="rotary",
            # Steps that lie further apart than in training never meet.
            attention_window=window,
            tokenizer=Factory(CharacterTokenizer),
            **model,
        ),
        compile={
            "optimizer": adamw(
                cosine(
                    0.0,
                    warmup_target=learning_rate,
                    warmup_steps=100,
                    alpha=0.02,
                ),
                weight_decay=0.01,
                beta_2=0.99,
                global_clipnorm=1.0,
            )
        },
        data=data,
        epochs=epochs,
        transforms=(Factory(character_stream, sequence_length=window),),
        # 4,096 characters an update.
        global_batch_size=4096 // window,
        stream_window=window,
        evaluate=evaluate_language,
        monitor="val_nll_per_step",
        paper=paper or {},
        cost=cost,
    )
