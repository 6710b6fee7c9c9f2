"""What callers have, as tensors and numbers; what is none, in a sentence."""

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

from keras_genseq.ops.values import as_floats
from keras_genseq.ops.values import as_int32
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers

WIDE = [tf.int64, tf.uint32, tf.uint64]
SMALL = [tf.int8, tf.uint8, tf.int16, tf.uint16, tf.int32]


class Arrays:
    """Somebody else's arrays, as data frames and tensors of torch are."""

    def __array__(self, dtype=None, copy=None):
        return np.array([[1.0, 2.0]], "float32")


@pytest.mark.parametrize(
    "value",
    [
        [[1.0, 2.0]],
        ((1.0, 2.0),),
        np.array([[1.0, 2.0]], "float32"),
        np.ma.array([[1.0, 2.0]], "float32", mask=False),
        Arrays(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_holds_numbers_becomes_a_tensor(value):
    x = as_tensor(value, "x")
    assert x.dtype == tf.float32
    np.testing.assert_array_equal(x, [[1.0, 2.0]])


@pytest.mark.parametrize(
    "value, words",
    [
        (tf.ragged.constant([[1.0], []]), r"RaggedTensor.*`x.to_tensor\(\)`"),
        (tf.sparse.from_dense([[1.0]]), r"tf.sparse.to_dense\(x\)"),
        (tf.data.Dataset.range(3), "go to `fit` and `evaluate`"),
        ({"image": 1, "label": 2}, "a dict of image, label. Take its parts"),
        (lambda: [1.0], "a function. Pass what it returns"),
        ([[1.0], [1.0, 2.0]], "a list of 2 entries. Let all rows have one"),
        ([1.0, None], "none of them None"),
        (np.array(["a", 1.0], object), r"ndarray of object and shape \(2,\)"),
        (np.array(["2020-01-01"], "M8[D]"), "dates and durations"),
        ((x for x in [1.0]), "a generator"),
        (np.ma.masked_equal([1.0, 0.0], 0.0), r"masked: `x.filled\(...\)`"),
        (scipy.sparse.csr_array([[1.0]]), r"Make it dense: `x.toarray\(\)`"),
        (keras.Input((2,)), r"no values yet: `model\(x\)`"),
        (memoryview(np.ones((2, 2))), "a memoryview"),
        (None, "a NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_array_is_told_in_a_sentence(value, words):
    with pytest.raises(ValueError, match=r"`x` must be an array or a tensor.*"):
        as_tensor(value, "x")
    with pytest.raises(ValueError, match=words):
        as_tensor(value, "x")


@pytest.mark.parametrize("dtype", WIDE + SMALL, ids=lambda d: d.name)
def test_ints_of_every_kind_keep_their_value(dtype):
    values = [0, 7, min(dtype.max, tf.int32.max)]
    values += [max(dtype.min, tf.int32.min)]
    for convert in (as_int32, tf.function(as_int32)):
        x = convert(tf.constant(values, dtype), "x")
        assert x.dtype == tf.int32
        np.testing.assert_array_equal(x, values)


@pytest.mark.parametrize(
    "dtype, value",
    [
        (tf.int64, 2**32 + 1),
        (tf.int64, -(2**31) - 1),
        (tf.uint32, 2**31),
        (tf.uint64, 2**64 - 1),
    ],
    ids=str,
)
def test_ints_that_would_wrap_around_are_refused(dtype, value):
    x = tf.constant([1, value], dtype)
    with pytest.raises(ValueError, match="`x` must hold ints of 32 bits"):
        as_int32(x, "x")
    with pytest.raises(tf.errors.InvalidArgumentError, match="32 bits"):
        tf.function(as_int32)(x, "x")


@pytest.mark.parametrize("value", [[True, False], [1, 0], np.array([1.0, 0])])
def test_numbers_and_booleans_become_floats(value):
    x = as_floats(value, "x")
    assert x.dtype == tf.float32
    np.testing.assert_array_equal(x, [1.0, 0.0])


@pytest.mark.parametrize("value", [["a"], [1j]], ids=repr)
def test_words_and_complex_numbers_are_no_floats(value):
    with pytest.raises(ValueError, match=r"`x` must hold numbers. Received"):
        as_floats(value, "x")


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2), np.int64(2), np.array(2), tf.constant(2.0)]
)
def test_arguments_that_are_numbers_become_floats(value):
    number = check_numbers(beta=value)
    assert type(number) is float and number == 2.0
    assert check_numbers(beta=value, margin=0) == (2.0, 0.0)


@pytest.mark.parametrize(
    "value", ["2", True, np.bool_(True), None, np.nan, np.inf, [2.0, 3.0], 1j]
)
def test_arguments_that_are_no_numbers_are_refused(value):
    with pytest.raises(ValueError, match=r"`beta` must be a finite number"):
        check_numbers(margin=1.0, beta=value)


def test_numbers_below_the_least_are_refused():
    with pytest.raises(ValueError, match=r"must be at least 0. .*beta=-0.5"):
        check_numbers(beta=-0.5)
    assert check_numbers(minimum=-1.0, beta=-0.5) == -0.5


@pytest.mark.parametrize(
    "flag",
    [True, np.bool_(True), np.array(True), tf.constant(True), 1, np.int64(1)],
)
def test_a_flag_is_a_bool_of_any_library(flag):
    assert check_flags(use_bias=flag) is True
    assert check_flags(a=flag, b=False) == (True, False)


@pytest.mark.parametrize("word", ["no", "True", None, 2, 0.0, [True], "", b"0"])
def test_what_is_no_flag_is_refused_by_its_name(word):
    with pytest.raises(ValueError, match="`use_bias` must be True or False"):
        check_flags(use_bias=word)
