"""Batches of pairs that are about as long, each of as many tokens."""

import numpy as np
import tensorflow as tf

from training.data.pipeline import without_end


def bucket_batches(
    examples, *, tokens, seed, start_epoch=0, start_step=0, multiple_of=8
):
    """Batches without end, of rows of about one length, cut to that length.

    The length of a pair is that of its longer side, with the end of a target.
    Lengths are rounded up to a multiple; the pairs of one such width are
    shuffled and cut into batches of `tokens // width` rows, and the batches of
    all widths are shuffled. What does not fill a batch, and pairs longer than
    `tokens`, wait for the next pass, which has another order. Like
    `training_batches`, a pure function of `seed` and the step.

    Args:
        examples: `tf.data.Dataset` of pairs `(x, y)`, int32 `(time,)`, padded
            with 0 to one length.
        tokens: int. Tokens of a batch on the longer side, padding counted.
        seed: int.
        start_epoch: int. Epoch of the first batch.
        start_step: int. Step of the first batch within that epoch.
        multiple_of: int. Widths are multiples of it.

    Returns:
        Infinite `tf.data.Dataset` of pairs of int32 `(rows, width)`.

    Raises:
        ValueError: if no width has a full batch.
    """
    x, y = _arrays(examples)
    members = _members(x, y, tokens, multiple_of)
    if not members:
        raise ValueError(
            f"Batches of {tokens} tokens are larger than what there is of any "
            "length. Choose fewer tokens, or give more data. Received: "
            f"{len(x)} pairs"
        )
    sizes = {width: tokens // width for width in members}
    counts = {width: len(m) // sizes[width] for width, m in members.items()}
    num_batches = sum(counts.values())
    each = [(w, sizes[w]) for w in members for _ in range(counts[w])]
    widths = tf.constant([width for width, _ in each])
    rows = tf.constant([size for _, size in each])
    ends = tf.cumsum(rows)
    x, y = tf.constant(x), tf.constant(y)

    def one_pass(pass_index):
        pass_seed = tf.stack([tf.constant(seed, tf.int64), pass_index])

        def shuffled(values, number):
            return tf.random.experimental.stateless_shuffle(
                values,
                tf.random.experimental.stateless_fold_in(
                    pass_seed, number, alg="philox"
                ),
                alg="philox",
            )

        pairs = tf.concat(
            [
                shuffled(tf.constant(m), width)[: counts[width] * sizes[width]]
                for width, m in members.items()
            ],
            axis=0,
        )
        order = shuffled(tf.range(num_batches), 0)
        skipped = tf.where(pass_index == start_epoch, start_step, 0)
        order = tf.data.Dataset.from_tensor_slices(order)

        def batch(number):
            end, width = ends[number], widths[number]
            chosen = pairs[end - rows[number] : end]
            # A target and its end are as wide as the bucket.
            return (
                tf.gather(x, chosen)[:, :width],
                tf.gather(y, chosen)[:, : width - 1],
            )

        return order.skip(tf.cast(skipped, tf.int64)).map(batch)

    passes = tf.data.Dataset.range(start_epoch, tf.int64.max)
    return without_end(passes.flat_map(one_pass))


def bucket_steps(examples, tokens, multiple_of=8):
    """Batches of one pass of `bucket_batches`."""
    members = _members(*_arrays(examples), tokens, multiple_of)
    return sum(len(m) // (tokens // width) for width, m in members.items())


def _arrays(examples):
    count = int(examples.cardinality())
    return next(examples.batch(count).as_numpy_iterator())


def _members(x, y, tokens, multiple_of):
    """dict: width -> numbers of its pairs, where they fill a batch."""
    lengths = np.maximum((x > 0).sum(1), (y > 0).sum(1) + 1)
    widths = -(-lengths // multiple_of) * multiple_of
    members = {
        int(width): np.flatnonzero(widths == width).astype("int32")
        for width in np.unique(widths)
        if width <= tokens
    }
    return {w: m for w, m in members.items() if len(m) >= tokens // w}
