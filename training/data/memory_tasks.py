"""Two synthetic tasks that ask how long a recurrent network remembers.

Examples are pure functions of their split: the same every time, everywhere.
"""

import math

import numpy as np
import tensorflow as tf

from training.data.dataset import Dataset

_SIZES = {"train": 50_000, "valid": 1_000, "test": 2_000}
NUM_SYMBOLS = 8
NUM_COPIED = 10
# 0 is padding to models of tokens, 1 to 8 are the symbols.
_BLANK, _DELIMITER = 9, 10
NUM_TOKENS = 11
# A blank is labelled 0, symbols keep their numbers.
NUM_LABELS = NUM_SYMBOLS + 1


def load_adding_problem(length):
    """Makes the adding problem.

    A step has two channels: a number from U[0, 1], and a marker that is 1 at
    one step of each half and else 0. The target is the sum of the two marked
    numbers; its variance is 1/6, so that saying 1 has an MSE of 0.1667.

    Args:
        length: int or str. Steps of a sequence, at least 2.

    Returns:
        `Dataset` of kind `"pairs_of_arrays"`: `x` `(length, 2)`, `y` `(1, 1)`.
    """
    length = _as_length("adding", length, least=2)

    def make(rng, count):
        values = rng.random((count, length), "float32")
        markers = np.zeros_like(values)
        half = length // 2
        rows = np.arange(count)
        markers[rows, rng.integers(0, half, count)] = 1.0
        markers[rows, rng.integers(half, length, count)] = 1.0
        y = np.sum(values * markers, axis=1, keepdims=True)
        return np.stack([values, markers], axis=2), y[:, None]

    return _dataset(
        f"adding:{length}",
        make,
        (length, 2),
        None,
        f"The adding problem over {length} steps",
    )


def load_copy_task(length):
    """Makes the copy memory task.

    Ten symbols of eight, `length - 1` blanks, a delimiter, ten blanks; the
    target is blank until the last ten steps, which repeat the symbols.

    Args:
        length: int or str. The papers' T, at least 1; sequences have
            `length + 20` steps.

    Returns:
        `Dataset` of kind `"pairs_of_arrays"`: `x` and `y` int32
        `(length + 20,)`. Tokens are 1 to 8 for symbols, 9 for a blank and 10
        for the delimiter; labels 0 for a blank and 1 to 8.
    """
    length = _as_length("copy", length, least=1)
    steps = length + 2 * NUM_COPIED

    def make(rng, count):
        symbols = rng.integers(1, NUM_SYMBOLS + 1, (count, NUM_COPIED))
        x = np.full((count, steps), _BLANK, "int32")
        x[:, :NUM_COPIED] = symbols
        x[:, length + NUM_COPIED - 1] = _DELIMITER
        y = np.zeros((count, steps), "int32")
        y[:, -NUM_COPIED:] = symbols
        return x, y

    return _dataset(
        f"copy:{length}",
        make,
        (steps,),
        NUM_LABELS,
        f"The copy memory task with T = {length}",
    )


def copy_baseline(length):
    """Nats per step of blanks everywhere and a guess at each symbol.

    Args:
        length: int. The papers' T.
    """
    steps = length + 2 * NUM_COPIED
    return NUM_COPIED * math.log(NUM_SYMBOLS) / steps


def _as_length(task, length, least):
    try:
        number = int(length)
    except ValueError:
        number = 0
    if number < least:
        raise ValueError(
            f"`{task}:T` needs a number of steps, at least {least}. "
            f"Received: {length!r}"
        )
    return number


def _dataset(name, make, shape, num_classes, words):
    splits = {}
    for i, (split, count) in enumerate(_SIZES.items()):
        x, y = make(np.random.default_rng(i), count)
        splits[split] = tf.data.Dataset.from_tensor_slices({"x": x, "y": y})
    sizes = " / ".join(f"{count:,}" for count in _SIZES.values())
    return Dataset(
        name=name,
        kind="pairs_of_arrays",
        splits=splits,
        num_classes=num_classes,
        element_shape=shape,
        description=f"{words}: {sizes} sequences, simulated.",
    )
