"""What every tokenizer answers, whatever its tokens are."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.tokenizers import ByteTokenizer
from keras_genseq.tokenizers import CharacterTokenizer
from keras_genseq.tokenizers import SentencePieceTokenizer
from keras_genseq.tokenizers import WordTokenizer


def subwords():
    pytest.importorskip("tensorflow_text", reason="needs the extra `text`")
    return SentencePieceTokenizer.train(["a b aa bb ab"] * 9, 265)


TOKENIZERS = {
    "bytes": ByteTokenizer,
    "characters": lambda: CharacterTokenizer("ab "),
    "words": lambda: WordTokenizer(["a", "b", "<eos>"]),
    "subwords": subwords,
}


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("how", ["eager", "graph"])
def test_an_empty_text_is_a_row_of_no_tokens(name, how):
    tokenizer = TOKENIZERS[name]()
    encode, decode = tokenizer.encode, tokenizer.decode
    if how == "graph":
        encode, decode = tf.function(encode), tf.function(decode)
    spec = tf.constant(["a", "", "ab"[:1]])
    beside = encode(spec).numpy()
    assert beside.any(axis=1).tolist() == [True, False, True]
    for texts in ([""], ["", ""]):
        ids = encode(tf.constant(texts))
        np.testing.assert_array_equal(ids, np.zeros((len(texts), 1), "int32"))
        assert decode(ids).numpy().tolist() == [b""] * len(texts)
        assert decode(ids[:, :0]).numpy().tolist() == [b""] * len(texts)


def test_a_served_model_answers_empty_texts(tmp_path):
    tokenizer = ByteTokenizer()
    model = RecurrentLanguageModel(257, 3, tokenizer=tokenizer)
    model.export(tmp_path / "model")
    served = tf.saved_model.load(tmp_path / "model").signatures["score"]
    alone = served(text=tf.constant([""]))["log_prob"]
    beside = served(text=tf.constant(["", "a"]))["log_prob"]
    np.testing.assert_allclose(alone[0], beside[0])
    np.testing.assert_allclose(model.score([""]), alone)
