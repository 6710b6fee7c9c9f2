"""The order of examples in training, pass after pass."""

import dataclasses

import tensorflow as tf

from training.data.random_access import example_bytes

_UNKNOWN_SIZE_BUFFER = 10_000


@dataclasses.dataclass(frozen=True)
class ShuffledEpochs:
    """Endless shuffled passes over `count` examples, from a point onwards.

    The order in a pass is a function of `seed` and the number of the pass.

    Args:
        count: int. Examples in a pass.
        batch_size: int.
        seed: int.
        first_pass: int. The pass in which the stream begins.
        first_example: int. Where it begins there, in shuffled order.
        drop_remainder: bool. Whether a pass ends at its last full batch.
    """

    count: int
    batch_size: int
    seed: int
    first_pass: int
    first_example: int
    drop_remainder: bool

    def indexed(self, access, augment):
        """Batches in a full random order of examples with random access."""

        def orders(pass_index):
            pass_seed = self._pass_seed(pass_index)
            order = tf.random.experimental.stateless_shuffle(
                tf.range(self.count, dtype=tf.int64), pass_seed, alg="philox"
            )
            indices = tf.data.Dataset.from_tensor_slices(order)
            indices = self._batch(indices.skip(self._begin(pass_index)))
            return indices.map(lambda batch: (pass_seed, batch))

        def assemble(pass_seed, indices):
            if augment is None and access.many is not None:
                return access.many(indices)

            def make_one(index):
                example = access.one(index)
                if augment is None:
                    return example
                return augment(example, _example_seed(pass_seed, index))

            batch = tf.data.Dataset.from_tensor_slices(indices).map(make_one)
            return self._batch(batch).get_single_element()

        return self._flat_map(orders).map(
            assemble, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def buffered(self, examples, augment, memory_limit):
        """Batches shuffled through a buffer of at most `memory_limit` bytes."""
        size = example_bytes(examples.element_spec)
        buffer_size = min(
            self.count,
            _UNKNOWN_SIZE_BUFFER if size is None else memory_limit // size,
        )

        def one_pass(pass_index):
            # This binds the graph of this function alone. Without it,
            # `shuffle` mixes in the seed of the process.
            tf.random.set_seed(1)
            pass_seed = self._pass_seed(pass_index)
            indices = tf.data.Dataset.range(self.count)
            shuffled = tf.data.Dataset.zip(indices, examples).shuffle(
                max(1, buffer_size),
                seed=tf.random.stateless_uniform(
                    [], pass_seed, None, None, tf.int64, alg="philox"
                ),
                reshuffle_each_iteration=False,
            )
            shuffled = shuffled.skip(self._begin(pass_index))

            def make_one(index, example):
                if augment is None:
                    return example
                return augment(example, _example_seed(pass_seed, index))

            return self._batch(
                shuffled.map(
                    make_one,
                    num_parallel_calls=tf.data.AUTOTUNE,
                    deterministic=True,
                )
            )

        return self._flat_map(one_pass)

    def augmented(self, batches, augment_batch, steps_per_pass):
        """Hands the inputs of every batch to a function, with a seed.

        One with a true attribute `takes_targets` gets the targets, too.
        """
        takes_targets = getattr(augment_batch, "takes_targets", False)
        first = (
            self.first_pass * steps_per_pass
            + self.first_example // self.batch_size
        )

        def augment(step, batch):
            # The examples of pass p draw from the pair (seed, p); no pass has
            # a negative number.
            seed = tf.stack([tf.constant(self.seed, tf.int64), -1 - step])
            if isinstance(batch, tuple) and not takes_targets:
                x, *targets = batch
                return (augment_batch(x, seed), *targets)
            return augment_batch(batch, seed)

        steps = tf.data.Dataset.range(first, tf.int64.max)
        return tf.data.Dataset.zip(steps, batches).map(
            augment, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def _flat_map(self, function):
        passes = tf.data.Dataset.range(self.first_pass, tf.int64.max)
        return passes.flat_map(function)

    def _pass_seed(self, pass_index):
        return tf.stack([tf.constant(self.seed, tf.int64), pass_index])

    def _begin(self, pass_index):
        is_first = tf.cast(pass_index == self.first_pass, tf.int64)
        return is_first * self.first_example

    def _batch(self, dataset):
        return dataset.batch(
            self.batch_size, drop_remainder=self.drop_remainder
        )


def _example_seed(pass_seed, index):
    return tf.random.experimental.stateless_fold_in(
        pass_seed, index, alg="philox"
    )
