"""What every tokenizer answers, whatever its tokens are."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.models import Transformer
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


def language_model():
    return RecurrentLanguageModel(257, 3, tokenizer=ByteTokenizer())


def translator():
    return Transformer(
        258,
        num_layers=1,
        hidden_dim=4,
        num_heads=2,
        intermediate_dim=4,
        max_sequence_length=9,
        tokenizer=ByteTokenizer(),
    )


def answer(signature, texts):
    """What a signature answers these texts and, beside them, its example."""
    return signature.function(
        **{
            name: tf.constant(texts)
            if spec.dtype == tf.string
            else tf.repeat(signature.example[name], len(texts), axis=0)
            for name, spec in signature.inputs.items()
        }
    )


@pytest.mark.parametrize("make", [language_model, translator])
def test_every_signature_of_texts_answers_empty_ones(make):
    of_texts = [
        signature
        for signature in make().serving_signatures().values()
        if any(spec.dtype == tf.string for spec in signature.inputs.values())
    ]
    assert len(of_texts) > 1
    for signature in of_texts:
        alone, beside = answer(signature, [""]), answer(signature, ["", "a"])
        for key, value in alone.items():
            if value.dtype == tf.string:
                assert value[0] == beside[key][0]
            else:
                np.testing.assert_allclose(value[0], beside[key][0], atol=1e-5)


def test_ids_of_several_lengths_are_decoded():
    tokenizer = CharacterTokenizer("ab ")
    expected = [b"a", b"ab", b""]
    ids = [tokenizer.encode([text])[0].numpy() for text in ("a", "ab", "")]
    for rows in (
        ids,
        [row.tolist() for row in ids],
        tf.ragged.constant([row.tolist() for row in ids]),
    ):
        assert tokenizer.decode(rows).numpy().tolist() == expected
    assert tokenizer.decode([[], []]).numpy().tolist() == [b"", b""]


@pytest.mark.parametrize("kind", [WordTokenizer, CharacterTokenizer])
@pytest.mark.parametrize(
    "vocabulary, words",
    [
        ({"b", "a"}, r"a set.*`sorted\(vocabulary\)`"),
        ({"b": 2, "a": 1}, r"a dict.*`sorted\(vocabulary, key=vocabulary.get"),
        (None, "must be a sequence.*a NoneType"),
    ],
    ids=["set", "dict", "none"],
)
def test_a_vocabulary_has_the_order_of_its_ids(kind, vocabulary, words):
    with pytest.raises(ValueError, match=words):
        kind(vocabulary)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_one_id_is_no_row_of_ids(name):
    with pytest.raises(ValueError, match="a row for each text"):
        TOKENIZERS[name]().decode(1)
