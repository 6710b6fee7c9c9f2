"""Texts as long streams of tokens, for truncated backpropagation."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_genseq.tokenizers import split_words
from training.data.sequences import of_dataset

_SPLITS_HELD_OUT = ("valid", "test")


def character_stream(num_rows=16, sequence_length=None):
    """Makes one long row of character ids of a text.

    Ids count from 1, in the order of the characters' codes; `vocabulary[0]` is
    empty, and 0 fills up rows. Validation and test are cut into rows, to be
    scored side by side; joined, they are the text again.

    Args:
        num_rows: int. Rows of validation and of test.
        sequence_length: optional int. Steps of their rows, instead of a number
            of rows.

    Returns:
        Function from a `Dataset` of kind `"text"` to one of kind `"tokens"`.
    """

    return _token_stream(list, num_rows, sequence_length)


def word_stream(num_rows=16, sequence_length=None):
    """Makes one long row of word ids of a text.

    Words are what stands between white space; the end of a line is a word,
    `<eos>`.
    Otherwise as `character_stream`.

    Args:
        num_rows: as for `character_stream`.
        sequence_length: as for `character_stream`. The logits of a long row
            over a large vocabulary do not fit into memory.

    Returns:
        Function from a `Dataset` of kind `"text"` to one of kind `"tokens"`.
    """

    return _token_stream(split_words, num_rows, sequence_length)


def stream_batches(
    examples, *, batch_size, window, seed, start_epoch=0, start_step=0
):
    """Batches of windows without end: row i of each goes on where row i ended.

    All tokens, one after the other, are cut into `batch_size` streams of equal
    length. An epoch walks along them once, `window` steps at a time. It begins
    at an offset below `window`, drawn from `seed` and the number of the epoch,
    so that windows end elsewhere every time.

    Args:
        examples: `tf.data.Dataset` of int32 `(time,)`; 0 is left out.
        batch_size: int. Global batch size: the number of streams.
        window: int. Steps of a batch.
        seed: int.
        start_epoch: int. Epoch of the first batch.
        start_step: int. Step of the first batch within that epoch.

    Returns:
        Infinite `tf.data.Dataset` of int32 `(batch_size, window)`.

    Raises:
        ValueError: if the tokens do not fill one batch.
    """
    tokens = joined(examples)
    steps = stream_steps(len(tokens), batch_size, window)
    tokens = tf.constant(tokens)
    first = start_epoch * steps + start_step
    rows = tf.range(batch_size, dtype=tf.int64)[:, None] * (steps * window)
    columns = tf.range(window, dtype=tf.int64)[None, :]

    def batch(number):
        epoch, step = number // steps, number % steps
        offset = tf.random.stateless_uniform(
            [],
            tf.stack([tf.constant(seed, tf.int64), epoch]),
            maxval=window,
            dtype=tf.int64,
            alg="philox",
        )
        return tf.gather(tokens, offset + rows + step * window + columns)

    batches = tf.data.Dataset.range(first, tf.int64.max).map(batch)
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def stream_steps(num_tokens, batch_size, window):
    """Batches of an epoch of `stream_batches`.

    Raises:
        ValueError: if there is none.
    """
    # The offset of an epoch takes up to a window.
    steps = (num_tokens - window + 1) // batch_size // window
    if steps < 1:
        raise ValueError(
            f"{batch_size} streams and windows of {window} steps need at "
            f"least {(batch_size + 1) * window - 1} tokens. Choose a smaller "
            f"batch or window, or give more data. Received: {num_tokens}"
        )
    return steps


def joined(examples):
    """All tokens of a data set in one array, without padding."""
    parts = [row[row > 0] for row in examples.as_numpy_iterator()]
    return np.concatenate(parts)


def _token_stream(split, num_rows, sequence_length=None):
    def transform(dataset):
        if dataset.kind != "text":
            raise ValueError(
                "This recipe takes data of kind 'text'. Received: "
                f"{dataset.name!r}, of kind {dataset.kind!r}"
            )
        tokens = {
            name: [
                token
                for text in texts.as_numpy_iterator()
                for token in split(text["text"].decode())
            ]
            for name, texts in dataset.splits.items()
        }
        vocabulary = ("", *sorted(set().union(*tokens.values())))
        if len(vocabulary) < 3:
            noun = "character" if split is list else "word"
            raise ValueError(
                f"{dataset.name!r} holds one {noun} again and again, and "
                f"there is nothing to learn. Expected at least two different "
                f"{noun}s. Received: {vocabulary[-1]!r} alone"
            )
        ids = {token: i for i, token in enumerate(vocabulary)}
        splits = {}
        for name, part in tokens.items():
            row = np.array([ids[token] for token in part], "int32")
            rows = num_rows if name in _SPLITS_HELD_OUT else 1
            if sequence_length and rows > 1:
                rows = -(-len(row) // sequence_length)
            row = np.pad(row, (0, -len(row) % rows)).reshape(rows, -1)
            splits[name] = tf.data.Dataset.from_tensor_slices({"x": row})
        return dataclasses.replace(
            dataset,
            kind="tokens",
            splits=splits,
            element_shape=tuple(splits["train"].element_spec["x"].shape),
            vocabulary=vocabulary,
        )

    return of_dataset(transform)
