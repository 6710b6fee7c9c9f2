import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.tokenizers import CharacterTokenizer


def test_every_text_of_known_characters_comes_back():
    tokenizer = CharacterTokenizer("é a😀\n漢\x00")
    texts = ["漢é", "", "😀 a\n", "\x00\x00a"]
    back = tokenizer.decode(tokenizer.encode(texts)).numpy()
    assert [t.decode() for t in back] == texts


def test_ids_follow_the_vocabulary():
    tokenizer = CharacterTokenizer("cab")
    ids = tokenizer.encode(["abc", "c"])
    np.testing.assert_array_equal(ids, [[2, 3, 1], [1, 0, 0]])
    assert ids.dtype == tf.int32 and tokenizer.vocabulary_size == 4


@pytest.mark.parametrize("text", ["ax", "aZ", "é"])
def test_unknown_characters_are_refused_with_the_known_ones(text):
    with pytest.raises(ValueError, match=r"does not know.*these 3: 'abc'"):
        CharacterTokenizer("abc").encode(["ab", text], name="prompt")


def test_in_a_graph_unknown_characters_are_invalid_arguments():
    encode = tf.function(CharacterTokenizer("ab").encode)
    np.testing.assert_array_equal(encode(tf.constant(["ba"])), [[2, 1]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="`text` holds"):
        encode(tf.constant(["c"]))


@pytest.mark.parametrize(
    "vocabulary, words",
    [("", "at least one"), (["ab"], "'ab'"), ("aba", "more than once: .'a'")],
)
def test_a_vocabulary_of_anything_else_is_refused(vocabulary, words):
    with pytest.raises(ValueError, match=words):
        CharacterTokenizer(vocabulary)


def test_it_is_serializable():
    tokenizer = CharacterTokenizer(["b", "a"])
    config = keras.saving.serialize_keras_object(tokenizer)
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(again.encode(["ab"]), [[2, 1]])
