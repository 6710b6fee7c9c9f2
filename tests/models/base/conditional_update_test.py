"""Updates of some steps: all replicas make them, or none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models.base.conditional_update import run_if


def updates(strategy):
    """What two steps return, of which the second one updates; the weight."""
    with strategy.scope():
        weight = keras.Variable(np.ones(2, "float32"))
        optimizer = keras.optimizers.SGD(0.5)
        optimizer.build([weight])

    def update(x):
        # Replicas meet here: their gradients are added up.
        optimizer.apply([x], [weight])
        return {"seen": 2.0 * x}

    @tf.function
    def step(x, is_due):
        otherwise = {"seen": tf.zeros((2,))}

        def on_replica(x):
            found = run_if(tf.equal(is_due, 1), update, otherwise, x)
            assert found["seen"].shape == (2,)
            return found["seen"]

        return strategy.run(on_replica, args=(x,))

    seen = []
    for is_due in (0, 1):
        values = strategy.experimental_distribute_values_from_function(
            lambda context: tf.fill([2], 1.0 + context.replica_id_in_sync_group)
        )
        answers = step(values, tf.constant(is_due))
        local = strategy.experimental_local_results(answers)
        seen.append([each.numpy().tolist() for each in local])
        if not is_due:
            np.testing.assert_array_equal(weight.numpy(), 1.0)
    return seen, weight.numpy(), int(optimizer.iterations.numpy())


def test_one_replica():
    seen, weight, iterations = updates(tf.distribute.get_strategy())
    assert seen == [[[0.0, 0.0]], [[2.0, 2.0]]] and iterations == 1
    np.testing.assert_array_equal(weight, 0.5)


@pytest.mark.slow
def test_two_replicas(two_replicas):
    seen, weight, iterations = updates(two_replicas)
    assert seen == [[[0.0] * 2] * 2, [[2.0] * 2, [4.0] * 2]]
    assert iterations == 1
    np.testing.assert_array_equal(weight, 1.0 - 0.5 * 3.0)
