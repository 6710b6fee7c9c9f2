"""Characters of captions, and who counts as a mismatch."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.adversarial.captions import ALPHABET
from keras_genseq.models.adversarial.captions import as_captions
from keras_genseq.models.adversarial.captions import caption_shares
from keras_genseq.models.adversarial.captions import character_ids
from keras_genseq.models.adversarial.captions import drawn_rows


def test_the_alphabet_of_the_authors():
    assert len(ALPHABET) == 70 and ALPHABET.count("-") == 2
    ids = character_ids(tf.constant([ALPHABET]), 70)[0].numpy()
    expected = np.arange(1, 71)
    # The later "-" of the two, as in the authors' table.
    expected[ALPHABET.index("-")] = ALPHABET.rindex("-") + 1
    np.testing.assert_array_equal(ids, expected)


def test_characters_are_lower_case_unknown_ones_nothing_the_rest_cut_off():
    ids = character_ids(tf.constant(["Ab é\n~c", "", "x" * 300]), 6).numpy()
    tilde, space = ALPHABET.index("~") + 1, 70
    np.testing.assert_array_equal(ids[0], [1, 2, space, 0, 0, tilde])
    np.testing.assert_array_equal(ids[1], 0)
    np.testing.assert_array_equal(ids[2], 24)


def test_captions_come_in_rows_or_alone_with_classes_or_without():
    rows = as_captions([["ab", ""], ["b", "c"]], 2, 3)
    np.testing.assert_array_equal(
        rows["token_ids"], [[[1, 2, 0], [0, 0, 0]], [[2, 0, 0], [3, 0, 0]]]
    )
    np.testing.assert_array_equal(rows["label"], [0, 1])
    alone = as_captions({"captions": ["ab", "b"], "label": [7, 7]}, 2, 3)
    np.testing.assert_array_equal(alone["token_ids"], rows["token_ids"][:, :1])
    np.testing.assert_array_equal(alone["label"], [7, 7])
    assert as_captions(alone, 2, 3) is alone


def test_images_may_have_as_many_captions_as_they_like():
    lists = as_captions([["ab"], ["b", "c"]], 2, 3)
    filled = as_captions([["ab", ""], ["b", "c"]], 2, 3)
    np.testing.assert_array_equal(lists["token_ids"], filled["token_ids"])


@pytest.mark.parametrize(
    "y, words",
    [
        ({"label": [1, 2]}, "must be captions, or a dict"),
        ({"captions": ["a", "b"], "class": [1, 2]}, "must be captions"),
        (["a"], "captions for every image"),
        ([1, 2], "must hold one string per row"),
        ([[["a"]], [["b"]]], "one string for each image"),
        ([b"a", b"\xff"], "must be UTF-8"),
        (["a", None], "`y` must be an array or a tensor.*none of them None"),
        ([["a"], ["b", None]], "`y` must be an array or a tensor"),
        (["a", "\ud800"], "A surrogate alone is no character"),
        ([], "`y` must have captions|no rows"),
        ({"captions": ["a", "b"], "label": [1]}, "one value per row"),
        ({"captions": ["a", "b"], "label": [1.0, 2.0]}, "must hold ints"),
    ],
)
def test_what_is_no_caption_is_refused(y, words):
    with pytest.raises(ValueError, match=words):
        as_captions(y, 2, 3)


def test_captions_of_an_image_count_alike_and_what_fills_up_not():
    token_ids = np.zeros((3, 3, 2), "int32")
    token_ids[0, :2, 0] = 1
    token_ids[1, 2, 1] = 1
    np.testing.assert_array_equal(
        caption_shares(tf.constant(token_ids)),
        [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
    )


def test_allowed_rows_are_drawn_equally_often_and_no_others():
    allowed = np.array([[0, 1, 0, 1, 1]] * 3000, bool)
    allowed[0] = False
    uniforms = np.random.default_rng(0).random(3000).astype("float32")
    uniforms[1:3] = 2.0**-24, 1.0 - 2.0**-24
    rows, found = drawn_rows(tf.constant(allowed), tf.constant(uniforms))
    assert rows[0] == 0 and not found[0] and np.all(found[1:])
    assert (rows[1], rows[2]) == (1, 4)
    counts = np.bincount(rows[1:], minlength=5)
    assert counts[0] == counts[2] == 0
    np.testing.assert_allclose(counts[[1, 3, 4]], 1000, atol=100)
