"""Runs a compiled function over any number of rows with few compilations."""

import tensorflow as tf


def map_rows(function, rows, batch_size):
    """Applies `function` to slices of rows and concatenates the results.

    Slices have `batch_size` rows, or, at the end, the next power of two; what
    pads a slice is cut off its result. So a compiled function sees a handful of
    shapes, however many rows callers send.

    Args:
        function: callable of tensors, whose row i depends on their rows i.
        rows: tuple of tensors `(num_rows, ...)`.
        batch_size: int.

    Returns:
        What `function` returns, for all rows.
    """
    if batch_size < 1:
        raise ValueError(
            f"`batch_size` must be positive. Received: batch_size={batch_size}"
        )
    num_rows = rows[0].shape[0]
    results = []
    for start in range(0, num_rows, batch_size):
        part = [x[start : start + batch_size] for x in rows]
        size = part[0].shape[0]
        padded = min(batch_size, 1 << (size - 1).bit_length())
        part = [_pad(x, padded - size) for x in part]
        results.append(function(*part)[:size])
    return results[0] if len(results) == 1 else tf.concat(results, 0)


def _pad(x, num_rows):
    """Repeats the first row: padding that any function accepts."""
    if num_rows == 0:
        return x
    return tf.concat([x, tf.repeat(x[:1], num_rows, axis=0)], 0)
