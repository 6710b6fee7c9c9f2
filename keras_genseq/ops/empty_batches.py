"""Batches without rows, where TensorFlow's kernels crash on them."""

import functools

import keras
from keras import ops


def answers_no_rows(method):
    """Lets a method of tensors answer a batch of 0 rows with 0 rows.

    TensorFlow 2.21 convolves no rows to a tensor of another shape on a CPU, and
    its gradient fails: here a row of zeros goes through, and is cut off.

    Args:
        method: callable `(self, x, *others) -> tensors`, whose rows are those
            of `x`.
    """

    @functools.wraps(method)
    def wrapped(self, x, *others, **kwargs):
        if x.shape[0] != 0:
            return method(self, x, *others, **kwargs)
        rows = [_with_one_row(each) for each in (x, *others)]
        outputs = method(self, *rows, **kwargs)
        return keras.tree.map_structure(lambda x: x[:0], outputs)

    return wrapped


def _with_one_row(x):
    if x is None or x.shape[0] != 0:
        return x
    return ops.zeros((1, *x.shape[1:]), x.dtype)
