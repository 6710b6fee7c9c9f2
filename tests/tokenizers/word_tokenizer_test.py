import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.tokenizers import WordTokenizer
from keras_genseq.tokenizers import split_words

WORDS = ["<eos>", "<unk>", "the", "cat", "é漢"]


def test_words_are_what_stands_between_spaces():
    tokenizer = WordTokenizer(WORDS)
    ids = tokenizer.encode(["the  cat\nthe\té漢", " cat ", ""])
    expected = [[3, 4, 1, 3, 5], [4, 0, 0, 0, 0], [0] * 5]
    np.testing.assert_array_equal(ids, expected)
    assert ids.dtype == tf.int32 and tokenizer.vocabulary_size == 6
    texts = [t.decode() for t in tokenizer.decode(ids).numpy()]
    assert texts == ["the cat <eos> the é漢", "cat", ""]


def test_unknown_words_have_a_token_or_are_refused():
    ids = WordTokenizer(WORDS).encode(["the dog"])
    np.testing.assert_array_equal(ids, [[3, 2]])
    with pytest.raises(ValueError, match="knows 2, and has no <unk>"):
        WordTokenizer(["the", "cat"]).encode(["the dog"])


def test_without_a_word_for_it_a_line_ends_like_a_word():
    ids = WordTokenizer(["a", "b"]).encode(["a\nb"])
    np.testing.assert_array_equal(ids, [[1, 2]])


@pytest.mark.parametrize(
    "vocabulary, words",
    [([], "at least one"), (["a b"], "'a b'"), ([""], "''"), (["a"] * 2, "on")],
    ids=["none", "space", "empty", "twice"],
)
def test_a_vocabulary_of_anything_else_is_refused(vocabulary, words):
    with pytest.raises(ValueError, match=words):
        WordTokenizer(vocabulary)


def test_it_is_serializable():
    config = keras.saving.serialize_keras_object(WordTokenizer(WORDS))
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(again.encode(["cat"]), [[4]])


def test_its_table_is_served(tmp_path):
    tokenizer = WordTokenizer(WORDS)
    model = RecurrentLanguageModel(6, 3, tokenizer=tokenizer)
    model.export(tmp_path / "model")
    served = tf.saved_model.load(tmp_path / "model")
    answer = served.signatures["score"](text=tf.constant(["the cat", "dog"]))
    expected = model.score(["the cat", "dog"])
    np.testing.assert_allclose(answer["log_prob"], expected, rtol=1e-5)


def test_a_stream_of_words_is_the_whole_text():
    model = RecurrentLanguageModel(6, 3, tokenizer=WordTokenizer(WORDS))
    pieces = list(model.stream("the", 5, seed=1))
    assert len(pieces) == 5
    assert "".join(pieces) == model.generate("the", 5, seed=1)


def test_words_are_split_as_they_are_counted():
    # Every white space of Unicode, and every other character, between two.
    codes = [c for c in range(1, 0x3100) if not 0xD800 <= c < 0xE000]
    texts = [f"a{chr(c)}b" for c in codes]
    words = sorted({w for text in texts for w in split_words(text)})
    tokenizer = WordTokenizer(words)
    ids = tokenizer.encode(texts).numpy()
    for text, row in zip(texts, ids, strict=True):
        expected = split_words(text)
        assert [words[i - 1] for i in row if i] == expected, repr(text)
    spaces = [c for c in codes if chr(c).isspace()]
    assert {0x20, 0x85, 0xA0, 0x2028, 0x3000} <= set(spaces)


def test_training_text_of_any_space_is_served(tmp_path):
    text = "the\u00a0cat\u3000the\ncat\u2009the"
    words = sorted(set(split_words(text)))
    assert words == ["<eos>", "cat", "the"]
    model = RecurrentLanguageModel(4, 3, tokenizer=WordTokenizer(words))
    model.export(tmp_path / "model")
    served = tf.saved_model.load(tmp_path / "model")
    answer = served.signatures["score"](text=tf.constant([text]))
    expected = model.score(["the cat the\ncat the"])
    np.testing.assert_allclose(answer["log_prob"], expected, rtol=1e-5)


def test_a_text_is_no_vocabulary():
    with pytest.raises(ValueError, match=r"not one text: `text.split\(\)`"):
        WordTokenizer("abc")
