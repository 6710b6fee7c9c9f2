"""Whether what is asked for fits into memory, before it is drawn."""

import math
import os
import re

import numpy as np
import tensorflow as tf

# Fewer are drawn without a look at what one of them takes.
_MANY = 2**16
# Of each row beside its answer: its seed, and what that is made of.
_LEAST = 64


def check_room(ask_one, values, num_rows):
    """Refuses more rows than a machine has memory for.

    Args:
        ask_one: callable of inputs by name: the answer for one row.
        values: dict of name to input, one or one per row; None is a default.
        num_rows: int.

    Raises:
        ValueError: that says how much they would take.
    """
    memory = _memory()
    if num_rows <= _MANY or memory is None:
        return
    if num_rows * _LEAST > memory:
        size = _LEAST
    else:
        first = {
            name: np.asarray(value)[:1] if np.ndim(value) else value
            for name, value in values.items()
        }
        answer = tf.nest.flatten(ask_one(**first))
        size = _LEAST + sum(
            x.shape.num_elements() * x.dtype.size for x in answer
        )
    if num_rows * size > memory:
        raise ValueError(
            f"{num_rows} rows at once take at least "
            f"{num_rows * size / 2**30:.3g} GiB, and this machine has "
            f"{memory / 2**30:.3g} GiB. Ask for fewer at a time, with another "
            "`seed` each."
        )


def no_room(error):
    """The sentence for a request that did not fit into memory.

    Args:
        error: `tf.errors.ResourceExhaustedError`.
    """
    found = re.search(r"shape ?\[([\d,]+)\]", error.message)
    size = "A tensor"
    if found:
        numbers = math.prod(map(int, found.group(1).split(",")))
        size = f"One tensor of {numbers:,} numbers, {numbers / 2**28:.3g} GiB,"
    return (
        f"{size} does not fit into memory. Ask for fewer rows at once "
        "(`batch_size`), fewer steps or a smaller answer."
    )


def _memory():
    """Bytes of memory of this machine, or None where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
