"""What a step needs to run on several hosts, each with a trace of its own."""

import keras
import tensorflow as tf


def spans_hosts(strategy):
    """Whether a strategy's replicas are in several processes."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def with_free_rows(step):
    """A step whose trace is the same for any number of rows.

    Hosts meet in collectives, the first of one in the first of the others. A
    host whose share of the last batch is smaller traces anew, for any number of
    rows, and the gradient of a synchronized batch normalization then has one
    collective more: it differentiates the number of rows. So all trace for any
    number of rows from the beginning.

    Args:
        step: callable of a batch.
    """

    def free(x):
        if not isinstance(x, tf.Tensor) or not x.shape.rank:
            return x
        return tf.raw_ops.PlaceholderWithDefault(
            input=x, shape=[None, *x.shape[1:]]
        )

    def step_of_any_size(batch):
        return step(keras.tree.map_structure(free, batch))

    return step_of_any_size
