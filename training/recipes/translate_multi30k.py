"""Transformer from German to English descriptions of photographs, or back.

Run       python -m training train translate_multi30k
          python -m training train translate_multi30k --preset paper
          python -m training train translate_multi30k --preset paper
              --data parallel:multi30k/en-de
Paper     none; public models of this size reach BLEU 36.5 from German to
          English (9 million parameters, bentrevett/pytorch-seq2seq) and 41.0
          from English to German (2.6 million, LividWo/Revisit-MMT), both of
          tokenised text
Measured  BLEU 40.7 from German to English, 37.8 from English to German, of
          detokenised, lower-cased text; some 90 minutes each on a CPU core
          with AMX, `--dtype-policy mixed_bfloat16` (seed 0)
"""

from keras_genseq.models import Transformer
from training.data.translation import token_pairs
from training.evaluations.translation import evaluate_bleu
from training.factory import Factory
from training.optimizers import adam
from training.optimizers import cosine
from training.recipe import Recipe
from training.subwords import subword_tokenizer


def demo():
    """One small block a side on written dates, in the same way."""
    return _recipe(
        vocabulary_size=600,
        num_layers=1,
        hidden_dim=64,
        dropout=0.0,
        data="dates",
        epochs=1,
        tokens_per_batch=1024,
        cost="two minutes on two CPU cores",
    )


def paper():
    """Three blocks a side, 256 wide."""
    return _recipe(
        vocabulary_size=5000,
        num_layers=3,
        hidden_dim=256,
        dropout=0.2,
        data="parallel:multi30k/de-en",
        epochs=18,
        tokens_per_batch=2048,
        cost="90 minutes on one CPU core with AMX, in mixed bfloat16",
    )


def translator(tokenizer, **arguments):
    """A Transformer of a tokenizer's ids and the end of a text."""
    return Transformer(
        tokenizer.vocabulary_size + 1, tokenizer=tokenizer, **arguments
    )


# What `**arguments` takes.
translator.__wrapped__ = Transformer


def _recipe(vocabulary_size, num_layers, hidden_dim, dropout, **values):
    return Recipe.of(
        model=Factory(
            translator,
            num_layers=num_layers,
            hidden_dim=hidden_dim,
            num_heads=4,
            intermediate_dim=2 * hidden_dim,
            dropout=dropout,
            norm_first=True,
            label_smoothing=0.1,
            max_sequence_length=256,
        ),
        compile={
            "optimizer": adam(
                cosine(0.0, warmup_target=0.001, warmup_steps=300, alpha=0.05),
                beta_2=0.98,
                epsilon=1e-9,
                global_clipnorm=1.0,
            )
        },
        tokenizer=Factory(
            subword_tokenizer,
            vocabulary_size=vocabulary_size,
            kind="bpe",
            file=None,
        ),
        transforms=(Factory(token_pairs),),
        global_batch_size=64,
        average_checkpoints=4,
        evaluate=evaluate_bleu,
        monitor="val_nll_per_step",
        **values,
    )
