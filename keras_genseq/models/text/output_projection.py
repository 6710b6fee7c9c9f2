"""From what a model makes of a text to logits of the next token."""

import tensorflow as tf
from keras import ops

from keras_genseq.samplers.token_sampling import EXCLUDED


def tied_logits(x, table):
    """Inner products with every row of a table of embeddings.

    The table is read as it lies: a transposed copy of a large one costs more
    than the products of a few rows.

    Args:
        x: `(..., width)` tensor.
        table: `(vocabulary_size, width)` variable or tensor.

    Returns:
        Tensor `(..., vocabulary_size)` of the type of `x`.

    References:
        - [Press & Wolf, 2017](https://arxiv.org/abs/1608.05859)
    """
    table = ops.cast(table, x.dtype)
    rows = ops.reshape(x, (-1, x.shape[-1]))
    logits = tf.matmul(rows, table, transpose_b=True)
    return ops.reshape(logits, (*ops.shape(x)[:-1], table.shape[0]))


def without_padding(logits):
    """Float32 logits that give id 0, padding, no probability."""
    # Chosen: a sum would be part of the product above, which XLA then computes
    # on one thread.
    is_padding = ops.arange(logits.shape[-1], dtype="int32") == 0
    return ops.where(is_padding, EXCLUDED, ops.cast(logits, "float32"))
