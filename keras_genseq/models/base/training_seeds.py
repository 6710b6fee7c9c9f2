"""Noise of training that a resumed run, or another number of replicas, repeats.

It is drawn from a seed, the number of the update (a saved weight) and the place
of an example in the global batch, and from nothing else. That of validation is
drawn from the seed and the example itself.
"""

import math
import random

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.base.distribution import global_rows
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.random import hashes_of_rows
from keras_genseq.ops.random import seeds_of_rows

# A step of training that no run reaches: the noise of validation.
VALIDATION_STEP = 2**32 - 1


class CountedNoise:
    """Gives a model a seed, a saved counter of updates, and seeds of rows.

    For a class before `keras.Model` in the order of resolution, which calls
    `add_counter` when it is built and adds 1 to `updates` at every update.

    Args:
        seed: int. Of the noise of training; None draws one.
        **kwargs: passed on.
    """

    def __init__(self, *, seed=None, **kwargs):
        super().__init__(**kwargs)
        seed = random.randrange(2**31) if seed is None else seed
        self.seed = as_int(seed, "seed")

    def add_counter(self):
        """Makes the weight `updates`."""
        self.updates = self.add_weight(
            name="updates",
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    def seeds_of_batch(self, data, step):
        """A seed for each example of this replica's share of a batch.

        Args:
            data: batch, as `fit` hands it to `train_step`.
            step: number of the update, or `VALIDATION_STEP`.

        Returns:
            `(batch_size,)` int32 tensor.
        """
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return seeds_of_rows(self.seed, global_rows(tf.shape(x)[0]), step)

    def seeds_of_examples(self, x):
        """A seed for each example, from its values: the noise of validation.

        Whatever batch an example is in, it meets the same noise; with seeds of
        places, few batches' worth of noise would judge all of the data.

        Args:
            x: `(batch_size, ...)` tensor of numbers, of static shape otherwise.

        Returns:
            `(batch_size,)` int32 tensor.
        """
        values = tf.reshape(x, (-1, math.prod(x.shape[1:])))
        bits = tf.bitcast(tf.cast(values, tf.float32), tf.uint32)
        rows = hashes_of_rows(bits)
        return seeds_of_rows(self.seed, rows, VALIDATION_STEP)


class SeededLosses(CountedNoise):
    """Training and validation whose `example_losses` take seeds of rows.

    For a class before `Trainer` in the order of resolution.
    """

    def train_step(self, data):
        """One update.

        The noise is drawn outside of what is compiled and shared out: an
        example takes its seed with it.
        """

        def loss_fn(batch):
            data, seeds = batch
            return self._example_losses(data, training=True, seeds=seeds)

        seeds = self.seeds_of_batch(data, ops.convert_to_tensor(self.updates))
        losses, terms = self.minimize(loss_fn, (data, seeds))
        self.updates.assign_add(1)
        return self.track(losses, terms)

    def test_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        seeds = self.seeds_of_examples(x)
        return self.track(
            *self._example_losses(data, training=False, seeds=seeds)
        )
