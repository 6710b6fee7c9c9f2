"""LSTM language model of words, embeddings tied.

Run       python -m training train word_lstm
          python -m training train word_lstm --preset paper
Paper     test perplexity 99.3 for a plain LSTM on WikiText-2 (Grave et al.,
          2016); 65.6 for AWD-LSTM, with 33 million parameters
Measured  docs/results.md, after two epochs
"""

from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.tokenizers import WordTokenizer
from training.data.streams import word_stream
from training.evaluations.language import evaluate_language
from training.factory import Factory
from training.optimizers import cosine
from training.optimizers import sgd
from training.recipe import Recipe

_WINDOW = 35


def demo():
    """The language reference inside Python."""
    return _recipe(
        units=100,
        dropout=0.3,
        data="python_docs",
        epochs=3,
        cost="minutes on two CPU cores",
    )


def paper():
    """WikiText-2, 33,278 words: the sizes of a common public example."""
    return _recipe(
        units=200,
        dropout=0.2,
        data="text:wikitext-2",
        epochs=10,
        paper={"test_perplexity": (99.3, "Paper: Grave et al., 2016, LSTM.")},
        cost="25 minutes an epoch on one CPU core",
    )


def _recipe(units, dropout, **values):
    return Recipe.of(
        model=Factory(
            RecurrentLanguageModel,
            units=units,
            tokenizer=Factory(WordTokenizer),
            num_layers=2,
            tie_embeddings=True,
            dropout=dropout,
            embedding_dropout=dropout,
            stateful_windows=20,
        ),
        compile={
            # Adam, at 0.001 and at 0.003, is behind after 300 updates.
            "optimizer": sgd(cosine(20.0), global_clipnorm=0.25),
        },
        transforms=(Factory(word_stream, sequence_length=3 * _WINDOW),),
        global_batch_size=20,
        stream_window=_WINDOW,
        checkpoint_every=500,
        evaluate=evaluate_language,
        monitor="val_nll_per_step",
        **values,
    )
