import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.scan import scan


def running_sum(carry, x):
    return carry + x, carry * 2.0


@pytest.mark.parametrize("jit", [False, True])
def test_carries_forwards_and_backwards(jit):
    x = tf.constant([1.0, 2.0, 3.0])

    @tf.function(jit_compile=jit)
    def run(x):
        return scan(running_sum, 0.0, x), scan(
            running_sum, 0.0, x, reverse=True
        )

    (total, before), (_, after) = run(x)
    assert float(total) == 6.0
    np.testing.assert_array_equal(before, [0.0, 2.0, 6.0])
    np.testing.assert_array_equal(after, [10.0, 6.0, 0.0])


@pytest.mark.parametrize("jit", [False, True])
def test_is_differentiable(jit):
    @tf.function(jit_compile=jit)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            _, squares = scan(lambda c, v: (c + v, c * v), 1.0, x)
            loss = tf.reduce_sum(squares)
        return tape.gradient(loss, x)

    # loss = x0 + (1 + x0) x1 + (1 + x0 + x1) x2
    np.testing.assert_allclose(
        gradient(tf.constant([1.0, 2.0, 3.0])), [6.0, 5.0, 4.0]
    )


def test_a_graph_takes_a_free_number_of_steps():
    @tf.function(input_signature=[tf.TensorSpec([None])])
    def run(x):
        return scan(running_sum, 0.0, x)

    for x in ([2.0, 1.0], [1.0, 2.0, 3.0]):
        total, before = run(tf.constant(x))
        assert float(total) == sum(x)
        np.testing.assert_array_equal(before[1:3], 2.0 * np.cumsum(x)[:-1])
