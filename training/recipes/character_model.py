"""What the recipes of characters share: they differ in the cell."""

from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.tokenizers import CharacterTokenizer
from training.data.streams import character_stream
from training.evaluations.language import evaluate_language
from training.factory import Factory
from training.optimizers import adam
from training.optimizers import cosine
from training.recipe import Recipe


def demo_recipe(cell, **values):
    """One small layer on the language reference inside Python."""
    return _recipe(
        model=_model(cell, units=128, num_layers=1, dropout=0.1),
        learning_rate=0.005,
        data="python_docs",
        epochs=3,
        **values,
    )


def paper_recipe(cell, units, epochs, learning_rate=0.003, **values):
    """Two layers with dropout on Tiny Shakespeare."""
    return _recipe(
        model=_model(cell, units=units, num_layers=2, dropout=0.3),
        learning_rate=learning_rate,
        data="tfds:tiny_shakespeare",
        epochs=epochs,
        **values,
    )


def _model(cell, **arguments):
    return Factory(
        RecurrentLanguageModel,
        cell=cell,
        embedding_dim=64,
        tokenizer=Factory(CharacterTokenizer),
        **arguments,
    )


def _recipe(model, learning_rate, **values):
    return Recipe.of(
        model=model,
        compile={"optimizer": adam(cosine(learning_rate), global_clipnorm=1.0)},
        transforms=(Factory(character_stream),),
        global_batch_size=32,
        stream_window=64,
        evaluate=evaluate_language,
        monitor="val_nll_per_step",
        **values,
    )
