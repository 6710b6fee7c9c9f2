"""Runs a compiled function over any number of rows with few compilations."""

import tensorflow as tf

from keras_genseq.ops.checks import check_counts


def map_rows(function, rows, batch_size):
    """Applies `function` to slices of rows and concatenates the results.

    Slices have `batch_size` rows, or, at the end, the next power of two; what
    pads a slice is cut off its result. So a compiled function sees a handful of
    shapes, however many rows callers send.

    Args:
        function: callable of tensors, whose row i depends on their rows i.
        rows: tuple of tensors `(num_rows, ...)`, or structures of such.
        batch_size: int.

    Returns:
        What `function` returns, a structure of tensors, for all rows.
    """
    batch_size = check_counts(batch_size=batch_size)
    num_rows = tf.nest.flatten(rows)[0].shape[0]
    results = []
    for start in range(0, num_rows, batch_size):
        size = min(batch_size, num_rows - start)
        padded = min(batch_size, power_of_two(size))
        part = [
            x if x is None else _pad(x[start : start + size], padded - size)
            for x in tf.nest.flatten(rows)
        ]
        result = function(*tf.nest.pack_sequence_as(rows, part))
        results.append(tf.nest.map_structure(lambda x, n=size: x[:n], result))
    if len(results) == 1:
        return results[0]
    return tf.nest.map_structure(lambda *parts: tf.concat(parts, 0), *results)


def power_of_two(size):
    """The least power of two that is not below `size`."""
    return 1 << max(size - 1, 0).bit_length()


def _pad(x, num_rows):
    """Repeats the first row: padding that any function accepts."""
    if num_rows == 0:
        return x
    return tf.concat([x, tf.repeat(x[:1], num_rows, axis=0)], 0)
