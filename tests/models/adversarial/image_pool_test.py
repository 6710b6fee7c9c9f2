"""Pools of earlier fakes: what goes in, what comes out, and when."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.adversarial.image_pool import ImagePool
from keras_genseq.ops.random import row_seeds


def pool_of(size):
    return ImagePool(keras.layers.Layer(), "pool", size, (1, 1, 1))


def numbered(numbers):
    return tf.reshape(tf.cast(numbers, tf.float32), (-1, 1, 1, 1))


def exchanged(pool, numbers, seed=0):
    """Numbers of the images that come back for those of some numbers."""
    seeds = row_seeds(seed, len(numbers))
    answer = pool.exchange(numbered(numbers), seeds, 0)
    return np.array(answer).reshape(-1).astype(int).tolist()


def stored(pool):
    return np.array(pool.state.variables[0]).reshape(-1).astype(int).tolist()


def test_a_pool_of_no_size_hands_on_all_that_comes():
    pool = pool_of(0)
    for numbers in ([1, 2], [3, 4]):
        assert exchanged(pool, numbers) == numbers
    assert pool.state is None


def test_the_papers_algorithm_one_image_at_a_time():
    """Shrivastava et al., 2017: the first 50 come back; of the others one half
    are old, each of them once."""
    pool = pool_of(50)

    @tf.function
    def ask(number):
        seeds = row_seeds(7, number + 1)[-1:]
        return pool.exchange(numbered([number]), seeds, 0)[0, 0, 0, 0]

    answers = np.array(
        [int(ask(tf.constant(number))) for number in range(1, 451)]
    )
    numbers = np.arange(1, 451)
    np.testing.assert_array_equal(answers[:50], numbers[:50])
    is_old = answers[50:] < numbers[50:]
    assert is_old.mean() == pytest.approx(0.5, abs=0.08)
    assert (answers[50:] <= numbers[50:]).all()
    # The first fifty are handed on and kept, and handed on once more at most.
    later = answers[50:]
    assert len(set(later)) == len(later)
    # All places are drawn, and what lies there never came back.
    kept = stored(pool)
    assert len(set(kept)) == 50 and not set(kept) & set(later)
    # A place is drawn every 100 questions or so.
    ages = (numbers[50:] - later)[is_old][100:]
    assert 60 < ages.mean() < 140


def test_a_batch_fills_the_places_in_order_and_overflows():
    pool = pool_of(5)
    assert exchanged(pool, [1, 2, 3]) == [1, 2, 3]
    assert stored(pool) == [1, 2, 3, 0, 0]
    assert exchanged(pool, [4, 5, 6]) == [4, 5, 6]
    assert stored(pool) == [1, 2, 3, 4, 5]


def test_a_batch_meets_the_pool_as_it_was_before():
    pool = pool_of(3)
    exchanged(pool, [1, 2, 3])
    numbers = list(range(10, 40))
    answers = exchanged(pool, numbers, seed=5)
    old = [a for a, n in zip(answers, numbers, strict=True) if a != n]
    assert set(old) == {1, 2, 3}
    assert set(stored(pool)) <= set(numbers)
    # Of several images for one place the last one stays.
    swapped = [n for a, n in zip(answers, numbers, strict=True) if a != n]
    assert swapped[-1] in stored(pool)


def test_what_comes_back_depends_on_the_seeds_alone():
    found = []
    for seed in (3, 3, 4):
        pool = pool_of(4)
        exchanged(pool, [1, 2, 3, 4])
        found.append(exchanged(pool, list(range(5, 25)), seed))
    assert found[0] == found[1] != found[2]


def test_replicas_have_pools_of_their_own(two_replicas):
    with two_replicas.scope():
        pool = pool_of(4)

    @tf.function
    def ask(first):
        def on_replica():
            context = tf.distribute.get_replica_context()
            replica = context.replica_id_in_sync_group
            numbers = 100 * (replica + 1) + first + tf.range(2)
            seeds = row_seeds(first, 2) + replica
            return pool.exchange(numbered(numbers), seeds, 0)

        return two_replicas.run(on_replica)

    old = [set(), set()]
    for first in range(1, 41, 2):
        parts = two_replicas.experimental_local_results(ask(tf.constant(first)))
        for replica, part in enumerate(parts):
            numbers = np.array(part).reshape(-1).astype(int)
            assert (numbers // 100 == replica + 1).all()
            old[replica] |= set(numbers[numbers % 100 < first])
        if first == 1:
            assert stored(pool) == [101, 102, 201, 202]
    assert len(old[0]) > 5 and len(old[1]) > 5
    assert [n // 100 for n in stored(pool)] == [1, 1, 2, 2]


def test_places_that_replicas_cannot_share_are_refused(two_replicas):
    words = pytest.raises(ValueError, match="a multiple of 2, the replicas")
    with two_replicas.scope(), words:
        pool_of(3)
