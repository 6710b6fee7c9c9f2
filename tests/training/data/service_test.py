"""Batches of tf.data's service, its dispatcher and workers in this process."""

import numpy as np
import pytest
import tensorflow as tf

from training.data import service
from training.data import stream_batches
from training.data import training_batches

tf_service = tf.data.experimental.service


class Service:
    """A dispatcher on a port of its own, with so many workers."""

    def __init__(self, num_workers):
        config = tf_service.DispatcherConfig(port=0)
        self._dispatcher = tf_service.DispatchServer(config)
        self.address = self._dispatcher.target.partition("://")[2]
        self._workers = [
            tf_service.WorkerServer(
                tf_service.WorkerConfig(dispatcher_address=self.address)
            )
            for _ in range(num_workers)
        ]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        # A worker whose dispatcher is gone looks for it, for minutes.
        for worker in self._workers:
            worker._stop()
        self._dispatcher._stop()


@pytest.fixture(scope="module")
def one():
    with Service(1) as service:
        yield service


@pytest.fixture(scope="module")
def two():
    with Service(2) as service:
        yield service


def noisy(batch, seed):
    return batch + tf.random.stateless_uniform(tf.shape(batch), seed)


def batches_from(epoch=0, step=0):
    examples = tf.data.Dataset.range(50).map(lambda i: tf.cast(i, tf.float32))
    return training_batches(
        examples,
        batch_size=8,
        seed=1,
        start_epoch=epoch,
        start_step=step,
        augment_batch=noisy,
    )


def taken(batches, count):
    return np.stack(list(batches.take(count).as_numpy_iterator()))


@pytest.mark.parametrize("start", [(0, 0), (1, 2)])
def test_one_worker_gives_the_same_batches_from_any_step(one, start):
    served = service.from_service(batches_from(*start), one.address)
    assert served.cardinality() == tf.data.INFINITE_CARDINALITY
    whole = taken(batches_from(), 20)
    first = start[0] * 6 + start[1]
    np.testing.assert_array_equal(taken(served, 9), whole[first : first + 9])


def test_one_worker_keeps_the_order_of_streams(one):
    tokens = tf.data.Dataset.from_tensors(tf.range(1, 400))
    streams = stream_batches(tokens, batch_size=3, window=5, seed=0)
    served = service.from_service(streams, one.address)
    np.testing.assert_array_equal(taken(served, 30), taken(streams, 30))


def test_several_workers_give_every_example_of_every_pass_once(two):
    examples = tf.data.Dataset.range(6)
    batches = training_batches(examples, batch_size=2, seed=1)
    served = service.from_service(batches, two.address)
    rows = taken(served, 30)
    known = {tuple(row) for row in taken(batches, 120).tolist()}
    assert {tuple(row) for row in rows.tolist()} <= known
    counts = np.bincount(rows.ravel(), minlength=6)
    # Of two passes that are under way each has given a part.
    assert counts.sum() == 60 and counts.min() >= 8


def test_what_a_service_changes_is_told_or_refused(one, two):
    assert service.check_service(one.address, num_hosts=2) is None
    assert service.check_service(one.address, needs_order=True) is None
    told = service.check_service(two.address)
    assert "2 workers" in told and "in any order" in told
    with pytest.raises(ValueError, match="hosts that train together need"):
        service.check_service(two.address, num_hosts=2)
    with pytest.raises(ValueError, match="goes on where the one before ended"):
        service.check_service(two.address, needs_order=True)


def test_nobody_there_and_nobody_who_works_are_told(monkeypatch):
    monkeypatch.setattr(service, "_SECONDS", 0.5)
    with pytest.raises(OSError, match=r"No dispatcher .* at 127\.0\.0\.1:9 "):
        service.service_workers("127.0.0.1:9")
    with Service(0) as idle, pytest.raises(ValueError, match="no workers"):
        service.service_workers(idle.address)


def test_what_cannot_leave_the_process_is_refused(one):
    def in_python(x):
        return tf.numpy_function(lambda x: x, [x], tf.int64)

    batches = tf.data.Dataset.range(9).map(in_python).batch(3).repeat()
    with pytest.raises(ValueError, match=r"stays in its process.*PyFunc"):
        service.from_service(batches, one.address)
