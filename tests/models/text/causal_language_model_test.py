import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import CausalLanguageModel
from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.tokenizers import CharacterTokenizer


@pytest.fixture(scope="module")
def model():
    return make(CharacterTokenizer("abcdefgh é"))


def make(tokenizer, **kwargs):
    """A model of strong opinions, so that different inputs show."""
    size = tokenizer.vocabulary_size
    model = RecurrentLanguageModel(size, 8, tokenizer=tokenizer, **kwargs)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def test_padding_changes_no_score(model):
    alone = [model.score([t])[0] for t in ("abc", "", "h")]
    np.testing.assert_allclose(
        model.score(["abc", "", "h"]), alone, rtol=1e-6, atol=1e-6
    )
    assert alone[1] == 0.0 and alone[2] < 0.0


def test_padding_has_no_probability(model):
    logits = model(model.tokenizer.encode(["abc"]))
    assert (tf.nn.softmax(logits)[..., 0].numpy() == 0.0).all()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"vocabulary_size": 1}, "at least 2, padding included"),
        ({"vocabulary_size": 5, "stop_token_id": 5}, "from 1 to 4"),
        ({"vocabulary_size": 5, "stop_token_id": (1, 0)}, "from 1 to 4"),
        (
            {"vocabulary_size": 3, "tokenizer": CharacterTokenizer("abc")},
            "tokenizer has 4 ids",
        ),
    ],
    ids=["size", "stop", "stops", "tokenizer"],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        CausalLanguageModel(**arguments)
