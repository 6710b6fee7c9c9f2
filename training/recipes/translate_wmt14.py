"""Transformer from English to German, as in "Attention Is All You Need".

Run       python -m training train translate_wmt14
          python -m training train translate_wmt14 --preset paper
              --strategy mirrored
Paper     BLEU 27.3 on newstest2014 (base; tokenised, compounds split), Table 2
Measured  the demo alone: the paper's run takes 12 hours on eight GPUs
"""

from keras_genseq.models import TransformerSchedule
from training.data.translation import swapped_pairs
from training.data.translation import token_pairs
from training.evaluations.translation import evaluate_bleu
from training.factory import Factory
from training.optimizers import adam
from training.recipe import Recipe
from training.recipes.translate_multi30k import translator
from training.subwords import subword_tokenizer


def demo():
    """The paper's recipe, small, on written dates."""
    return _recipe(
        vocabulary_size=600,
        model={"num_layers": 1, "hidden_dim": 64, "intermediate_dim": 128},
        schedule={"hidden_dim": 64, "warmup_steps": 200, "scale": 0.5},
        transforms=(Factory(token_pairs),),
        data="dates",
        epochs=1,
        tokens_per_batch=1024,
        cost="two minutes on two CPU cores",
    )


def paper():
    """The base model: 25,000 tokens a side in every batch, 100,000 updates."""
    return _recipe(
        # With the end of a text 37,000.
        vocabulary_size=36_999,
        model={"num_layers": 6, "hidden_dim": 512, "intermediate_dim": 2048},
        schedule={"hidden_dim": 512, "warmup_steps": 4000},
        # The builder has German first.
        transforms=(
            Factory(swapped_pairs),
            Factory(token_pairs, max_length=127),
        ),
        data="tfds:wmt14_translate/de-en",
        epochs=100,
        steps=100_000,
        tokens_per_batch=25_000,
        checkpoint_every=1500,
        paper={"bleu": ("27.3", "tokenised, compounds split")},
        cost="12 hours on eight P100 GPUs, as the paper says",
    )


def _recipe(vocabulary_size, model, schedule, **values):
    return Recipe.of(
        model=Factory(translator, num_heads=8, dropout=0.1, **model),
        compile={
            "optimizer": adam(
                Factory(TransformerSchedule, **schedule),
                beta_2=0.98,
                epsilon=1e-9,
            )
        },
        tokenizer=Factory(
            subword_tokenizer,
            vocabulary_size=vocabulary_size,
            kind="bpe",
            file=None,
            max_examples=1_000_000,
        ),
        global_batch_size=64,
        # The paper averages the last five, ten minutes apart.
        average_checkpoints=5,
        evaluate=evaluate_bleu,
        monitor=None,
        **values,
    )
