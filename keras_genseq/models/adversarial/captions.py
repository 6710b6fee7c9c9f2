"""Captions as character ids, and which captions of a batch do not match."""

import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.models.text.token_padding import padded_rows
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.values import ensure
from keras_genseq.tokenizers.tokenizer import as_texts

# The authors' alphabet. "-" stands there twice, and is found at its last place.
ALPHABET = (
    "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "
)
# Squared distance of embeddings that are the same, as a part of their square:
# what rounding leaves of it.
_SAME = 1e-5
_NUM_CODES = 128
_ID_OF_CODE = np.zeros(_NUM_CODES, "int32")
for _number, _character in enumerate(ALPHABET, start=1):
    _ID_OF_CODE[ord(_character)] = _number


def character_ids(captions, length):
    """Ids of the characters of captions, in a graph too.

    Letters are made lower case; a character that is not in `ALPHABET` is 0,
    as is what follows the end of a caption.

    Args:
        captions: `(batch_size,)` string tensor, in UTF-8.
        length: int. Longer captions are cut off.

    Returns:
        `(batch_size, length)` int32 tensor.
    """
    lower = tf.strings.lower(captions, encoding="utf-8")
    codes = tf.strings.unicode_decode(lower, "UTF-8")
    codes = codes.to_tensor(0, shape=(None, length))
    codes = tf.where(codes < _NUM_CODES, codes, 0)
    return tf.gather(tf.constant(_ID_OF_CODE), codes)


def as_captions(y, num_rows, length, name="y"):
    """Converts what is said of images to character ids and classes.

    Args:
        y: strings, `(num_rows,)` or `(num_rows, most_captions)`, where empty
            ones fill up, or lists of as many as each image has; or a dict of
            them, `captions`, and of `label`, `(num_rows,)` ints. What this
            function returned stays as it is.
        num_rows: int or integer tensor.
        length: int. Characters of a caption that count.
        name: str. What error messages call it.

    Returns:
        dict of `token_ids`, `(num_rows, most_captions, length)` int32, and of
        `label`, `(num_rows,)` int32: without classes every image is of its own.

    Raises:
        ValueError: if it is none of these (in a graph:
            `InvalidArgumentError`).
    """
    if isinstance(y, dict) and "token_ids" in y:
        return y
    if not isinstance(y, dict):
        y = {"captions": y}
    if not {"captions"} <= y.keys() <= {"captions", "label"}:
        raise ValueError(
            f"`{name}` must be captions, or a dict of `captions` and, where "
            f"there are classes, `label`. Received: {sorted(y)}"
        )
    captions = padded_rows(y["captions"], name)
    if captions.shape.rank not in (1, 2):
        raise ValueError(
            f"`{name}` must hold one string for each image, or a row of them. "
            f"Received: shape={tuple(captions.shape)}"
        )
    if captions.shape.rank == 1:
        captions = captions[:, None]
    captions = ensure(
        captions,
        tf.shape(captions)[0] == num_rows,
        f"`{name}` must have captions for every image.",
    )
    most = captions.shape[1] or tf.shape(captions)[1]
    flat = as_texts(tf.reshape(captions, [-1]), name)
    token_ids = tf.reshape(character_ids(flat, length), (-1, most, length))
    labels = tf.range(num_rows)
    if "label" in y:
        labels = as_row_values(y["label"], num_rows, tf.int32, name="label")
    return {"token_ids": token_ids, "label": labels}


def caption_shares(token_ids):
    """What each caption of an image counts: all alike, what fills up not.

    Args:
        token_ids: `(batch_size, most_captions, length)` int32 tensor.

    Returns:
        `(batch_size, most_captions)` float32 tensor, rows of sum 1; of an image
        without words, all is its first caption.
    """
    is_there = ops.any(token_ids > 0, axis=-1)
    is_first = ops.arange(ops.shape(token_ids)[1], dtype="int32") == 0
    none = ops.logical_not(ops.any(is_there, axis=-1, keepdims=True))
    counts = ops.cast(
        ops.logical_or(is_there, ops.logical_and(none, is_first)), "float32"
    )
    return counts / ops.sum(counts, axis=-1, keepdims=True)


def drawn_rows(allowed, uniforms):
    """Draws one of the allowed rows for every row, each equally likely.

    Args:
        allowed: `(batch_size, num_rows)` booleans.
        uniforms: `(batch_size,)` noise in (0, 1).

    Returns:
        `(batch_size,)` int32 numbers of rows, and booleans: whether any was
        allowed; where not, the number is 0.
    """
    counts = ops.cumsum(ops.cast(allowed, "int32"), axis=1)
    totals = counts[:, -1]
    places = ops.cast(uniforms * ops.cast(totals, "float32"), "int32")
    is_reached = ops.cast(counts > places[:, None], "int32")
    return ops.argmax(is_reached, axis=1), totals > 0


def nearest_rows(allowed, z, all_z):
    """Finds the nearest of the allowed rows for every row.

    Rows of the same embedding say the same, whatever their class: none of them
    is meant.

    Args:
        allowed: `(batch_size, num_rows)` booleans.
        z: `(batch_size, size)` floats.
        all_z: `(num_rows, size)` floats.

    Returns:
        `(batch_size,)` int32 numbers of rows, the first of those that are
        equally near, and booleans: whether there was any; where not, the number
        is 0.
    """
    sizes = ops.sum(ops.square(z), axis=-1)[:, None]  # (B, 1)
    all_sizes = ops.sum(ops.square(all_z), axis=-1)  # (N,)
    # (B, N), without the differences of all pairs.
    distances = sizes + all_sizes - 2.0 * ops.matmul(z, ops.transpose(all_z))
    is_other = ops.logical_and(allowed, distances > _SAME * sizes)
    distances = ops.where(is_other, distances, float("inf"))
    return ops.argmin(distances, axis=1), ops.any(is_other, axis=1)
