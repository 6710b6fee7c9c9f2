"""One reader of integers, of seeds and of values per row, for all callers."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.checks import as_classes
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_ordering
from keras_genseq.ops.checks import as_quantiles
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_seeds

THREES = [3, np.int64(3), np.uint8(3), np.array(3), tf.constant(3)]
NO_INTS = [
    3.0,
    np.float32(3),
    np.array(3.0),
    tf.constant(3.0),
    True,
    np.bool_(True),
    np.array(True),
    tf.constant(True),
    np.array([3]),
    tf.constant([3]),
    [3],
    (3,),
    "3",
    None,
]


@pytest.mark.parametrize("value", THREES, ids=lambda v: type(v).__name__)
def test_whatever_is_an_integer_becomes_an_int(value):
    number = as_int(value, "units", minimum=1, maximum=3)
    assert type(number) is int and number == 3
    units, order = check_counts(units=value, order=4)
    assert type(units) is int and (units, order) == (3, 4)
    assert check_counts(units=value) == 3
    filters = as_counts([value, 4], "filters")
    assert filters == (3, 4) and all(type(f) is int for f in filters)


@pytest.mark.parametrize("value", NO_INTS, ids=repr)
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(ValueError, match=r"`units` must be an int. Received"):
        as_int(value, "units")
    with pytest.raises(ValueError, match=r"`units` must be positive"):
        check_counts(filters=2, units=value)
    with pytest.raises(ValueError, match=r"`units` must be positive"):
        as_counts([1, value], "units")


def test_limits_of_integers():
    with pytest.raises(ValueError, match=r"an int of at least 2. Rec.*1"):
        as_int(1, "num_states", minimum=2)
    with pytest.raises(ValueError, match=r"from 1 to 4. Received: n=.*5"):
        as_int(np.int64(5), "n", minimum=1, maximum=4)
    with pytest.raises(ValueError, match=r"`units` must be positive"):
        check_counts(units=np.int64(0))
    assert as_int(None, "channels", optional=True) is None


def test_counts_are_a_sequence():
    assert as_counts((), "units") == ()
    for value in (3, np.array(3), "33", None):
        with pytest.raises(ValueError, match="`units` must be a sequence of"):
            as_counts(value, "units")


def test_an_image_shape_is_three_ints():
    for shape in ((8, 4, 1), [np.int64(8), 4, 1], np.array([8, 4, 1])):
        assert as_image_shape(shape) == (8, 4, 1)
    for shape in ((8, 8), 8, (1, 8, 8, 1), "8x8"):
        with pytest.raises(ValueError, match=r"must be \(height, width, chan"):
            as_image_shape(shape)
    with pytest.raises(ValueError, match="`image_shape` must be positive"):
        as_image_shape((None, 8, 1))


def test_an_ordering_holds_integers():
    assert as_ordering(np.array([2, 0, 1]), 3) == (2, 0, 1)
    with pytest.raises(ValueError, match=r"`ordering` must be an int"):
        as_ordering([0.9, 1.2, 2.0], 3)


@pytest.mark.parametrize("seed", THREES, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("num_rows", [1, 4])
def test_a_scalar_is_spread_over_the_rows(seed, num_rows):
    expected = row_seeds(3, num_rows)
    np.testing.assert_array_equal(as_seeds(seed, num_rows), expected)
    assert len(set(expected.numpy())) == num_rows


@pytest.mark.parametrize("seed", [-1, 2**32 - 1, 2**40 + 5, -(2**63), 2**70])
def test_seeds_have_any_size(seed):
    expected = row_seeds(seed % 2**32, 3)
    np.testing.assert_array_equal(as_seeds(seed, 3), expected)
    if -(2**63) <= seed < 2**63:
        np.testing.assert_array_equal(as_seeds(np.int64(seed), 3), expected)
        in_graph = tf.function(lambda s: as_seeds(s, 3))
        tensor = tf.constant(seed, tf.int64)
        np.testing.assert_array_equal(in_graph(tensor), expected)


def test_one_seed_per_row_is_taken_as_it_is():
    for seeds in ([5, 6, 5], np.array([5, 6, 5]), tf.constant([5, 6, 5])):
        np.testing.assert_array_equal(as_seeds(seeds, 3), [5, 6, 5])
    np.testing.assert_array_equal(as_seeds([5], 1), [5])


def test_no_seed_draws_one():
    assert (as_seeds(None, 5).numpy() != as_seeds(None, 5).numpy()).any()


@pytest.mark.parametrize(
    "seed", [0.7, np.float64(1), True, np.bool_(1), "1", [1.0, 2.0], [True] * 2]
)
def test_floats_and_bools_are_no_seeds(seed):
    with pytest.raises(ValueError, match=r"`seed` must (be an int|hold ints)"):
        as_seeds(seed, 2)
    if isinstance(seed, list):
        return
    with pytest.raises(ValueError, match=r"`seed` must hold ints|attempt"):
        tf.function(lambda s: as_seeds(s, 2))(tf.constant(seed))


def test_too_few_seeds_are_refused():
    with pytest.raises(ValueError, match=r"`seed` must have one value per row"):
        as_seeds([1, 2], 3)


def test_knobs_are_finite_numbers():
    def temperature(values):
        return as_row_values(
            values, 2, tf.float32, name="temperature", minimum=0.0
        )

    np.testing.assert_array_equal(temperature(1), [1.0, 1.0])
    for value in (np.inf, np.nan, [0.5, np.inf], np.float64(1e39)):
        with pytest.raises(ValueError, match=r"`temperature` must be finite"):
            temperature(value)
    with pytest.raises(ValueError, match=r"`temperature` must hold numbers"):
        temperature(True)
    with pytest.raises(ValueError, match=r"must be at least 0"):
        temperature(-1.0)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be finite"):
        tf.function(temperature)(tf.constant(np.inf))


def test_classes_are_integers_one_per_row():
    np.testing.assert_array_equal(as_classes(1, 2, 3), [1, 1])
    np.testing.assert_array_equal(as_classes(np.array([2, 0]), 2, 3), [2, 0])
    np.testing.assert_array_equal(
        as_classes([-1, 0], 2, 3, unknown=True), [-1, 0]
    )
    with pytest.raises(ValueError, match=r"`y` must hold ints.*float"):
        as_classes([0.7, 1.2], 2, 3, name="y")
    with pytest.raises(ValueError, match=r"`y.reshape\(-1\)`.*`y.argmax"):
        as_classes([[0], [1]], 2, 3, name="y")
    with pytest.raises(ValueError, match=r"`y.argmax\(-1\)`"):
        as_classes(np.eye(3, dtype="float32")[:2], 2, 3, name="y")
    with pytest.raises(ValueError, match=r"classes from 0 to 2. Received"):
        as_classes([-1, 0], 2, 3)
    with pytest.raises(ValueError, match=r"0 to 2, or -1 if unknown"):
        as_classes([-2, 0], 2, 3, unknown=True)


def test_seeds_of_a_list_have_any_size():
    np.testing.assert_array_equal(as_seeds([2**63 + 5, -1], 2), [5, -1])
    np.testing.assert_array_equal(as_seeds((2**32 + 7,), 1), [7])
    for seeds in ([1, 2.0], [True, 1], [[1], [2]], ["1", "2"]):
        with pytest.raises(ValueError, match="`seed` must"):
            as_seeds(seeds, 2)


@pytest.mark.parametrize(
    "classes, words",
    [
        (["cat", "dog"], r"Number names: `np.unique\(condition"),
        ([True, False], r"Convert them: `condition.astype"),
        ([0.0, 1.0], r"Of whole numbers in floats: `condition.astype"),
    ],
)
def test_classes_of_another_kind_are_told_their_remedy(classes, words):
    with pytest.raises(ValueError, match=words):
        as_classes(classes, 2, 2)


def test_steps_of_another_width_are_told_their_model():
    x = np.zeros((2, 3, 5), "float32")
    with pytest.raises(ValueError, match=r"model with `channels=5`"):
        as_sequences(x, (), tf.float32)
    with pytest.raises(ValueError, match=r"`model.tokenizer.encode\(texts\)`"):
        as_sequences(["ab"], (), tf.int32)


@pytest.mark.parametrize("value", ["half", None, 0.5, [2.0], [[0.5]], [{}]])
def test_quantiles_are_a_list_of_shares(value):
    with pytest.raises(ValueError, match=r"list of numbers in \[0, 1\]"):
        as_quantiles(value)
