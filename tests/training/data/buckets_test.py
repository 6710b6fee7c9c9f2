import numpy as np
import pytest
import tensorflow as tf

from training.data import bucket_batches
from training.data import bucket_steps

COUNT, TOKENS = 300, 64


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    x, y = np.zeros((2, COUNT, 24), "int32")
    for i in range(COUNT):
        x[i, : rng.integers(1, 25)] = i + 1
        y[i, : rng.integers(1, 24)] = i + 1
    return tf.data.Dataset.from_tensor_slices((x, y))


def numbers(batches):
    return [batch[0][:, 0].numpy().tolist() for batch in batches]


def test_batches_hold_whole_pairs_of_about_one_length(examples):
    x, y = next(iter(examples.batch(COUNT)))
    steps = bucket_steps(examples, TOKENS)
    batches = list(bucket_batches(examples, tokens=TOKENS, seed=1).take(steps))
    shapes = {(tuple(x.shape), tuple(y.shape)) for x, y in batches}
    assert shapes == {
        ((8, 8), (8, 7)),
        ((4, 16), (4, 15)),
        ((2, 24), (2, 23)),
    }
    for part_x, part_y in batches:
        for row_x, row_y in zip(part_x, part_y, strict=True):
            i = int(row_x[0]) - 1
            np.testing.assert_array_equal(row_x, x[i, : len(row_x)])
            np.testing.assert_array_equal(row_y, y[i, : len(row_y)])
            assert not x[i, len(row_x) :].numpy().any()
            assert not y[i, len(row_y) :].numpy().any()


def test_a_pass_has_each_pair_once_and_another_order_than_the_next(examples):
    steps = bucket_steps(examples, TOKENS)
    stream = bucket_batches(examples, tokens=TOKENS, seed=1)
    passes = numbers(stream.take(2 * steps))
    first, second = passes[:steps], passes[steps:]
    for part in (first, second):
        seen = [i for batch in part for i in batch]
        assert len(set(seen)) == len(seen) > COUNT - 8 - 4 - 2
    assert first != second and map(len, first) != map(len, second)


def test_a_stream_goes_on_where_it_stopped(examples):
    steps = bucket_steps(examples, TOKENS)
    whole = numbers(
        bucket_batches(examples, tokens=TOKENS, seed=1).take(2 * steps)
    )
    later = bucket_batches(
        examples, tokens=TOKENS, seed=1, start_epoch=1, start_step=3
    )
    assert numbers(later.take(steps - 3)) == whole[steps + 3 :]
    other = bucket_batches(examples, tokens=TOKENS, seed=2)
    assert numbers(other.take(steps)) != whole[:steps]


def test_batches_that_nothing_fills_are_refused(examples):
    with pytest.raises(ValueError, match="Batches of 100000 tokens"):
        bucket_batches(examples, tokens=100_000, seed=0)
