import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.tokenizers import ByteTokenizer

TEXTS = ["plain", "", "a\x00b", "é漢😀", "\ufeffmark", "\ufffd", " \t\r\n "]


def test_every_text_comes_back():
    tokenizer = ByteTokenizer()
    back = tokenizer.decode(tokenizer.encode(TEXTS)).numpy()
    assert [t.decode() for t in back] == TEXTS


def test_ids_are_bytes_plus_one_and_rows_end_in_padding():
    ids = ByteTokenizer().encode(["aé", "b"])
    np.testing.assert_array_equal(ids, [[98, 0xC3 + 1, 0xA9 + 1], [99, 0, 0]])
    assert ids.dtype == tf.int32 and ByteTokenizer().vocabulary_size == 257


def test_what_is_no_utf8_decodes_to_the_replacement_character():
    text = ByteTokenizer().decode([[98, 0xFF + 1, 98]]).numpy()[0]
    assert text.decode() == "a\ufffda"


@pytest.mark.parametrize(
    "texts, words",
    [
        ([b"a\xff"], "must be UTF-8"),
        ([b"\xc3"], "must be UTF-8"),
        ([], "one string per row"),
        ([1, 2], "one string per row"),
        ([["a"]], "one string per row"),
        (tf.constant([], tf.string), "no rows"),
    ],
    ids=["byte", "cut", "nothing", "ints", "nested", "empty"],
)
def test_bad_texts_are_named(texts, words):
    with pytest.raises(ValueError, match=words):
        ByteTokenizer().encode(texts)


def test_in_a_graph_bad_texts_are_invalid_arguments():
    encode = tf.function(ByteTokenizer().encode)
    np.testing.assert_array_equal(encode(tf.constant(["a"])), [[98]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be UTF-8"):
        encode(tf.constant([b"\xff"]))


def test_unknown_ids_are_refused():
    with pytest.raises(ValueError, match="from 0 to 256"):
        ByteTokenizer().decode([[257]])


def test_it_is_serializable():
    config = keras.saving.serialize_keras_object(ByteTokenizer())
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(again.encode(["a"]), [[98]])
