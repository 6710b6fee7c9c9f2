import numpy as np
import tensorflow as tf

from training.data.epochs import ShuffledEpochs
from training.data.random_access import random_access

EXAMPLES = tf.data.Dataset.range(6).map(lambda x: {"x": x})


def _epochs(**changes):
    start = {"first_pass": 0, "first_example": 0}
    return ShuffledEpochs(
        **{**start, **changes},
        count=6,
        batch_size=2,
        seed=0,
        drop_remainder=True,
    )


def _take(batches, count):
    return [batch["x"].numpy().tolist() for batch in batches.take(count)]


def test_orders_do_not_depend_on_the_kind_of_access():
    orders = [
        _take(_epochs().indexed(random_access(EXAMPLES, 6, limit), None), 9)
        for limit in (0, 2**20)
    ]
    assert orders[0] == orders[1]


def test_start_cuts_the_same_stream():
    access = random_access(EXAMPLES, 6)
    whole = _take(_epochs().indexed(access, None), 9)
    late = _epochs(first_pass=1, first_example=2)
    assert _take(late.indexed(access, None), 5) == whole[4:]
    whole = _take(_epochs().buffered(EXAMPLES, None, 2**20), 9)
    assert _take(late.buffered(EXAMPLES, None, 2**20), 5) == whole[4:]


def test_small_buffer_moves_examples_only_so_far_forward():
    epochs = _epochs().buffered(EXAMPLES, None, memory_limit=2 * 8)
    order = np.concatenate(_take(epochs, 3))
    assert sorted(order) == list(range(6))
    assert all(order[i] <= i + 2 for i in range(6))
