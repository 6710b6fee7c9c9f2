"""Noise of training that a resumed run, or another number of replicas, repeats.

It is drawn from a seed, the number of the update (a saved weight) and the
position of an example in the global batch, and from nothing else. That of
validation is drawn from the seed and the example itself.
"""

import math
import random

import tensorflow as tf

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.random import hashes_of_rows
from keras_genseq.ops.random import seeds_of_rows

# A step of training that no run reaches: the noise of validation.
VALIDATION_STEP = 2**32 - 1


class TrainingSeeds:
    """A counter-based random stream for each example, whatever the batch.

    Args:
        seed: int; None draws one.
    """

    def __init__(self, seed=None):
        seed = as_int(seed, "seed", optional=True)
        self.seed = random.randrange(2**31) if seed is None else seed

    def of_batch(self, num_rows, step):
        """A seed for each example of this replica's share of a batch.

        It must not be called where XLA compiles a replica's part.

        Args:
            num_rows: integer scalar. Examples of the share.
            step: number of the update, or `VALIDATION_STEP`.

        Returns:
            `(num_rows,)` int32 tensor.
        """
        return seeds_of_rows(self.seed, global_rows(num_rows), step)

    def of_examples(self, x):
        """A seed for each example, from its values: the noise of validation.

        Whatever batch an example is in, it meets the same noise; with seeds of
        positions, few batches' worth of noise would judge all of the data.

        Args:
            x: `(batch_size, ...)` tensor of numbers, of static shape otherwise.

        Returns:
            `(batch_size,)` int32 tensor.
        """
        values = tf.reshape(x, (-1, math.prod(x.shape[1:])))
        bits = tf.bitcast(tf.cast(values, tf.float32), tf.uint32)
        rows = hashes_of_rows(bits)
        return seeds_of_rows(self.seed, rows, VALIDATION_STEP)


def global_rows(num_rows):
    """Numbers of this replica's rows within the global batch.

    What is drawn from the number of a row is the same however the batch is
    shared out. It must not be called where XLA compiles a replica's part.

    Args:
        num_rows: integer scalar. Rows of this replica's share.

    Returns:
        int32 tensor `(num_rows,)`.
    """
    context = tf.distribute.get_replica_context()
    rows = tf.range(num_rows)
    num_replicas = context.num_replicas_in_sync
    if num_replicas == 1:
        return rows
    replica = context.replica_id_in_sync_group
    mine = tf.one_hot(replica, num_replicas, on_value=num_rows, off_value=0)
    shares = context.all_reduce(tf.distribute.ReduceOp.SUM, mine)
    # What reduces forgets the shape.
    shares = tf.ensure_shape(shares, (num_replicas,))
    return rows + tf.reduce_sum(shares[:replica])


def next_rows(x):
    """For each row of this replica's share the next one of the global batch.

    After the last comes the first. It must not be called where XLA compiles a
    replica's part.

    Args:
        x: `(num_rows, ...)` tensor of floats.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tf.roll(x, -1, axis=0)
    batch = rows_of_all_replicas(x)
    rows = global_rows(tf.shape(x)[0]) + 1
    return tf.ensure_shape(tf.gather(batch, rows % tf.shape(batch)[0]), x.shape)


def rows_of_all_replicas(tensors):
    """The global batch, of this replica's share of it.

    Args:
        tensors: structure of `(num_rows, ...)` tensors. It must not be called
            where XLA compiles a replica's part.

    Returns:
        Structure of tensors with the rows of all replicas, in their order: row
        i of this replica's share is row `global_rows(num_rows)[i]`.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors

    def gathered(x):
        # What gathers forgets the shape of a row.
        rows = context.all_gather(x, axis=0)
        return tf.ensure_shape(rows, (None, *x.shape[1:]))

    return tf.nest.map_structure(gathered, tensors)
