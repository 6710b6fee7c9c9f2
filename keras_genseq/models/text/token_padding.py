"""Rows of token ids: of texts, in few widths, their padding at the end."""

import contextlib

import numpy as np
import tensorflow as tf

from keras_genseq.models.base.batched_apply import power_of_two
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure
from keras_genseq.ops.values import not_empty
from keras_genseq.tokenizers.tokenizer import as_list
from keras_genseq.tokenizers.tokenizer import as_texts


def holds_text(x):
    """Whether these are strings, or one string, and no token ids."""
    if isinstance(x, (list, tuple)):
        return bool(x) and isinstance(x[0], (str, bytes))
    if isinstance(x, (str, bytes)):
        return True
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, tf.DType):
        return dtype == tf.string
    # Columns of data frames have kinds of text of their own.
    return hasattr(x, "__array__") and np.asarray(x).dtype.kind in "SUO"


def encode_texts(tokenizer, texts, name, empty=False):
    """Token ids of texts.

    Args:
        tokenizer: `keras_genseq.tokenizers.Tokenizer`, or None: refused.
        texts: str, list of str, or string tensor.
        name: str. What error messages call them.
        empty: bool. Whether rows may have no column; else a batch of empty
            texts is one of padding alone.

    Returns:
        `(num_texts, time)` int32 tensor.

    Raises:
        ValueError: if there is no tokenizer, or a text has what it does not
            know.
    """
    if tokenizer is None:
        raise ValueError(
            "This model has no tokenizer: it takes token ids. Make it with "
            "`tokenizer=`, or encode the text first."
        )
    x = tokenizer.encode(as_list(texts), name)
    if empty:
        longest = tf.reduce_max(tf.reduce_sum(tf.cast(x > 0, tf.int32), 1))
        return x[:, :longest]
    missing = tf.cast(tf.equal(tf.shape(x)[1], 0), tf.int32)
    return tf.pad(x, [[0, 0], [0, missing]])


def token_windows(tokenizer, texts, length):
    """Token ids of texts, cut into rows of at most `length`.

    Args:
        tokenizer: `keras_genseq.tokenizers.Tokenizer`.
        texts: str, list of str, or string tensor.
        length: int.

    Returns:
        `(num_windows, at most length)` int32 tensor, rows filled up with 0,
        and `(num_windows,)` ints: which text each is of.
    """
    ids = tokenizer.split(as_texts(as_list(texts), "x"), "x")
    lengths = ids.row_lengths().numpy()
    # An empty text is one row of padding.
    counts = np.maximum(-(-lengths // length), 1)
    rows = np.repeat(np.arange(len(lengths)), counts)
    begins = length * (np.arange(len(rows)) - (counts.cumsum() - counts)[rows])
    windows = tf.RaggedTensor.from_row_lengths(
        ids.flat_values, np.minimum(lengths[rows] - begins, length)
    )
    x = tf.cast(windows.to_tensor(), tf.int32)
    missing = tf.maximum(1 - tf.shape(x)[1], 0)
    return tf.pad(x, [[0, 0], [0, missing]]), rows


def as_strings(texts, like):
    """Decoded texts as callers gave theirs: one str, or a list of str."""
    texts = [text.decode() for text in texts.numpy()]
    return texts[0] if isinstance(like, (str, bytes)) else texts


def padded_rows(x, name="x"):
    """Rows of ids as a tensor; shorter ones are filled up with 0.

    Args:
        x: token ids, rows of any length.
        name: str. What error messages call it.
    """
    if isinstance(x, tf.RaggedTensor):
        return x.to_tensor()
    # What is no such list is told by `as_tensor`.
    with contextlib.suppress(TypeError, ValueError):
        is_list = isinstance(x, (list, tuple)) and all(map(np.ndim, x))
        if is_list and len({len(row) for row in x}) > 1:
            return tf.ragged.constant([list(row) for row in x]).to_tensor()
    x = as_tensor(x, name)
    if x.shape.rank == 1 and x.shape[0] == 0:
        # An empty list has no kind of its own.
        not_empty(x, name=name)
    return x


def room_for(size):
    """The least power of two, or one and a half of one, not below `size`."""
    whole = power_of_two(size)
    half_way = 3 * whole // 4
    return half_way if half_way >= size else whole


def widened(x, least=1):
    """Lengthens rows to a power of two: a handful of shapes to compile."""
    size = x.shape[1]
    return tf.pad(x, [[0, 0], [0, power_of_two(max(size, least)) - size]])


def shifted(x, starts):
    """Rows from a column of their own on, filled up with 0.

    Args:
        x: `(batch_size, time)`.
        starts: `(batch_size,)` int32.

    Returns:
        Tensor like `x`.
    """
    steps = tf.shape(x)[1]
    columns = starts[:, None] + tf.range(steps)[None, :]
    return tf.gather(tf.pad(x, [[0, 0], [0, steps]]), columns, batch_dims=1)


def padded_at_the_end(x, name):
    """Moves padding before a row to its end; refuses padding inside.

    Args:
        x: `(batch_size, time)` int32.
        name: str. What error messages call it.
    """
    before = tf.cumsum(tf.cast(x > 0, tf.int32), axis=1) == 0
    x = shifted(x, tf.reduce_sum(tf.cast(before, tf.int32), axis=1))
    return ensure(
        x,
        tf.reduce_all((x[:, 1:] == 0) | (x[:, :-1] > 0)),
        f"`{name}` must have its padding at one end of each row. Received a 0 "
        "between tokens.",
    )
