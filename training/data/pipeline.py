"""From examples to batches; training can stop and come back at any step."""

import tensorflow as tf

from training.data.epochs import ShuffledEpochs
from training.data.random_access import MEMORY_LIMIT
from training.data.random_access import example_bytes
from training.data.random_access import random_access


def training_batches(
    examples,
    *,
    batch_size,
    seed,
    start_epoch=0,
    start_step=0,
    steps_per_epoch=None,
    augment=None,
    augment_batch=None,
    drop_remainder=True,
    memory_limit=MEMORY_LIMIT,
):
    """Shuffled batches without end, a pure function of `seed` and the step.

    Every pass over the examples has an order of its own, drawn from `seed` and
    the number of the pass. So a run that comes back at `(start_epoch,
    start_step)` sees bit for bit what it would have seen without the break,
    and earlier passes are not read again.

    Examples that fit into `memory_limit` are read once and kept. Larger sets
    are shuffled in full where single examples have random access (image
    folders), else through a buffer: only there, a start in the middle of a
    pass reads over the examples before it.

    Args:
        examples: `tf.data.Dataset` of known size, unbatched, in fixed order.
        batch_size: int. Global batch size.
        seed: int.
        start_epoch: int. Epoch of the first batch.
        start_step: int. Step of the first batch within that epoch.
        steps_per_epoch: int. By default an epoch is one pass; another number
            counts epochs differently along the same stream of passes.
        augment: function `(example, seed_pair) -> example`, or None. The int64
            pair is a seed for `tf.random.stateless_*`, different for each
            example and each pass.
        augment_batch: function `(batch, seed_pair) -> batch`, or None. As
            `augment`, for a whole batch at once, which is faster where
            examples are small; the seed is different for each batch. With a
            true attribute `takes_targets` it maps pairs of inputs and targets.
        drop_remainder: bool. True leaves out the last, smaller batch of a
            pass, which makes shapes static.
        memory_limit: int, in bytes.

    Returns:
        Infinite `tf.data.Dataset` of batches.

    Raises:
        ValueError: if `examples` is empty or of unknown size, or holds less
            than one batch, or if the start is not within an epoch.
    """
    count = _checked_count(examples)
    _check_positive("batch_size", batch_size)
    if drop_remainder and batch_size > count:
        raise ValueError(
            f"`batch_size` is larger than the data set of {count} examples, "
            "so that no batch would ever be full. Make it smaller, give more "
            "data, or pass drop_remainder=False. "
            f"Received: batch_size={batch_size}"
        )
    steps_per_pass = count // batch_size
    if not drop_remainder and count % batch_size:
        steps_per_pass += 1
    if steps_per_epoch is None:
        steps_per_epoch = steps_per_pass
    _check_positive("steps_per_epoch", steps_per_epoch)
    if start_epoch < 0 or not 0 <= start_step <= steps_per_epoch:
        raise ValueError(
            "A run starts at `start_epoch` >= 0 and 0 <= `start_step` <= "
            f"{steps_per_epoch}, the steps of an epoch. Received: "
            f"start_epoch={start_epoch}, start_step={start_step}"
        )
    first_pass, first_step = divmod(
        start_epoch * steps_per_epoch + start_step, steps_per_pass
    )
    epochs = ShuffledEpochs(
        count=count,
        batch_size=batch_size,
        seed=seed,
        first_pass=first_pass,
        first_example=first_step * batch_size,
        drop_remainder=drop_remainder,
    )
    access = random_access(examples, count, memory_limit)
    if access is None:
        batches = epochs.buffered(examples, augment, memory_limit)
    else:
        batches = epochs.indexed(access, augment)
    if augment_batch is not None:
        batches = epochs.augmented(batches, augment_batch, steps_per_pass)
    return without_end(batches)


def evaluation_batches(examples, *, batch_size, memory_limit=MEMORY_LIMIT):
    """All examples once, in order, the last batch smaller if need be.

    Batches that fit into `memory_limit` are kept: every epoch reads them again.

    Args:
        examples: `tf.data.Dataset` of known size, unbatched.
        batch_size: int. Global batch size.
        memory_limit: int, in bytes.

    Returns:
        Finite `tf.data.Dataset` of batches.

    Raises:
        ValueError: if `examples` is empty or of unknown size.
    """
    count = _checked_count(examples)
    _check_positive("batch_size", batch_size)
    batches = examples.batch(batch_size)
    size = example_bytes(examples.element_spec)
    if size is not None and count * size <= memory_limit:
        batches = batches.cache()
    return _finish(batches)


def without_end(batches):
    """Finishes an infinite stream: ordered, prefetched, known to be endless."""
    return _finish(
        batches.apply(
            tf.data.experimental.assert_cardinality(
                tf.data.INFINITE_CARDINALITY
            )
        )
    )


def _finish(batches):
    # The autotuner stays on: without it, iterators of many devices have ended
    # validations of four batches after one.
    options = tf.data.Options()
    options.deterministic = True
    # By file, workers would need as many files as there are workers.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def _checked_count(examples):
    count = int(examples.cardinality())
    if count == 0:
        raise ValueError(
            "The data set is empty: no batch can be made of it. Expected at "
            "least one example. Received: 0"
        )
    if count < 0:
        raise ValueError(
            "The data set must be finite and know its size. Use `take`, or "
            "`tf.data.experimental.assert_cardinality`. "
            f"Received: cardinality={count}"
        )
    return count


def _check_positive(name, value):
    if value < 1:
        raise ValueError(
            f"`{name}` must be a positive int. Received: {name}={value}"
        )
