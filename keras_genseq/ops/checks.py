"""Checks of what a user or a client sends: errors that say what to do.

In eager code a broken contract is a `ValueError`; in a graph (a `tf.data`
pipeline, a served signature) it is an `InvalidArgumentError` of the same words.
Compiled training steps carry none of these checks.
"""

import operator
import random

import numpy as np
import tensorflow as tf

from keras_genseq.ops.random import row_seeds
from keras_genseq.ops.values import as_int32
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure
from keras_genseq.ops.values import not_empty


def as_int(value, name, *, minimum=None, maximum=None, optional=False, note=""):
    """Converts whatever is a whole number by its type to an int.

    Args:
        value: int, NumPy integer, or a 0-d array or tensor of integers.
        name: str. What error messages call it.
        minimum: optional int that it may not fall below.
        maximum: optional int that it may not exceed.
        optional: bool. Whether None is taken, and returned.
        note: str. What an error message says of such an int.

    Raises:
        ValueError: if it is a bool, a float, not one number, or out of range.
    """
    if optional and value is None:
        return None
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    # An eager tensor of floats or bools raises the second.
    except (TypeError, AttributeError):
        number = None
    too_small = number is None or (minimum is not None and number < minimum)
    if too_small or (maximum is not None and number > maximum):
        raise ValueError(
            f"The argument `{name}` must be "
            f"{_kind_of_int(minimum, maximum)}{note}. "
            f"Received: {name}={value!r}"
        )
    return number


def _kind_of_int(minimum, maximum):
    if maximum is not None:
        return f"an int from {minimum} to {maximum}"
    if minimum is None:
        return "an int"
    if minimum == 1:
        return "positive, at least 1, and an int"
    return f"an int of at least {minimum}"


def check_counts(**counts):
    """Converts arguments that count something to positive ints.

    Args:
        **counts: name -> int; see `as_int`.

    Returns:
        The ints in the order of the arguments: `units, order =
        check_counts(units=units, order=order)`; of a single argument its
        value alone.

    Raises:
        ValueError: that names the argument that is not a positive int.
    """
    values = tuple(
        as_int(value, name, minimum=1) for name, value in counts.items()
    )
    return values if len(values) > 1 else values[0]


def as_counts(values, name):
    """Converts a sequence to a tuple of positive ints.

    Args:
        values: sequence of ints; see `as_int`.
        name: str. What error messages call it.

    Raises:
        ValueError: if it is no sequence, or not of positive ints.
    """
    if isinstance(values, (str, bytes)) or not np.iterable(values):
        raise ValueError(
            f"`{name}` must be a sequence of positive ints. "
            f"Received: {name}={values!r}"
        )
    return tuple(as_int(value, name, minimum=1) for value in values)


def as_image_shape(shape, name="image_shape"):
    """Converts to a tuple of three positive ints.

    Args:
        shape: sequence of (height, width, channels).
        name: str. What error messages call it.

    Raises:
        ValueError: if it is none.
    """
    if np.ndim(shape) != 1 or len(shape) != 3:
        raise ValueError(
            f"`{name}` must be (height, width, channels). "
            f"Received: {name}={shape!r}"
        )
    return as_counts(shape, name)


def as_ordering(ordering, input_dim):
    """Converts to a tuple that names each dimension once.

    Args:
        ordering: sequence of ints, or None for no ordering of one's own.
        input_dim: int. Number of dimensions.

    Raises:
        ValueError: if it is not a permutation of `range(input_dim)`.
    """
    if ordering is None:
        return None
    ordering = tuple(as_int(i, "ordering") for i in ordering)
    if sorted(ordering) != list(range(input_dim)):
        raise ValueError(
            f"`ordering` must hold each of 0 to {input_dim - 1} once. "
            f"Received {len(ordering)} entries, "
            f"{len(set(ordering) & set(range(input_dim)))} of them different "
            "and in range."
        )
    return ordering


def as_quantiles(quantiles):
    """Converts to a float32 vector of numbers in [0, 1].

    Raises:
        ValueError: if it is none.
    """
    try:
        found = np.asarray(quantiles, "float32")
    except (TypeError, ValueError):
        found = np.array(np.nan, "float32")
    if found.ndim != 1 or not np.all((found >= 0.0) & (found <= 1.0)):
        raise ValueError(
            "`quantiles` must be a list of numbers in [0, 1]. "
            f"Received: {quantiles!r}"
        )
    return found


def as_vectors(x, size, *, name="x"):
    """Converts to a float32 `(batch_size, size)` tensor, checking the shape.

    Args:
        x: array or tensor of floats.
        size: int. Expected length of a row.
        name: str. What error messages call it.

    Raises:
        ValueError: if `x` does not hold floats, has another rank or length, or
            no rows.
    """
    x = as_tensor(x, name)
    if not x.dtype.is_floating:
        raise ValueError(
            f"`{name}` must hold floats. Received: dtype={x.dtype.name}. "
            f'Convert it first: `{name}.astype("float32")`.'
        )
    if x.shape.rank != 2 or x.shape[1] not in (None, size):
        raise ValueError(
            f"`{name}` must have shape (batch_size, {size}). "
            f"Received: shape={tuple(x.shape)}. Flatten each example to a row "
            f"of {size} values."
        )
    x = tf.cast(x, tf.float32)
    if x.shape[1] is None:
        x = ensure(
            x,
            tf.equal(tf.shape(x)[1], size),
            f"`{name}` must have rows of {size} values.",
        )
        x = tf.ensure_shape(x, (None, size))
    return not_empty(x, name=name)


def as_images(x, image_shape, *, name="x"):
    """Converts to a float32 `(batch_size, height, width, channels)` tensor.

    Args:
        x: array or tensor of floats in [0, 1].
        image_shape: tuple, (height, width, channels), None where it is free.
        name: str. What error messages call it.

    Raises:
        ValueError: if `x` does not hold floats in [0, 1], has another shape,
            or no rows.
    """
    x = as_tensor(x, name)
    if not x.dtype.is_floating:
        raise ValueError(
            f"`{name}` must hold floats in [0, 1]. "
            f"Received: dtype={x.dtype.name}. Convert 8-bit images first: "
            f'`{name}.astype("float32") / 255`.'
        )
    shape = (None, *image_shape)
    if not x.shape.is_compatible_with(shape):
        names = ("height", "width", "channels")
        sizes = [
            name if size is None else str(size)
            for name, size in zip(names, image_shape, strict=True)
        ]
        words = ", ".join(["batch_size", *sizes])
        raise ValueError(
            f"`{name}` must have shape ({words}). "
            f"Received: shape={tuple(x.shape)}. Reshape or resize the images, "
            "or make a model of their shape."
        )
    x = not_empty(tf.ensure_shape(tf.cast(x, tf.float32), shape), name=name)
    return ensure(
        x,
        tf.reduce_all((x >= 0.0) & (x <= 1.0)),
        f"`{name}` must hold only values in [0, 1], and no NaN. Received at "
        "least one other value. Scale 8-bit images by 1 / 255, and those in "
        "[-1, 1] by `(x + 1) / 2`.",
    )


def as_token_grids(x, grid_shape, num_tokens, *, name="x"):
    """Converts to an int32 `(batch_size, rows, columns)` tensor of tokens.

    Args:
        x: array or tensor of ints in `[0, num_tokens)`.
        grid_shape: tuple of ints, (rows, columns).
        num_tokens: int.
        name: str. What error messages call it.

    Raises:
        ValueError: if `x` does not hold such ints, has another shape, or no
            rows.
    """
    x = as_tensor(x, name)
    if not x.dtype.is_integer:
        raise ValueError(
            f"`{name}` must hold tokens, as ints. "
            f"Received: dtype={x.dtype.name}"
        )
    if not x.shape.is_compatible_with((None, *grid_shape)):
        words = ", ".join(["batch_size", *map(str, grid_shape)])
        raise ValueError(
            f"`{name}` must have shape ({words}). "
            f"Received: shape={tuple(x.shape)}"
        )
    x = tf.ensure_shape(as_int32(x, name), (None, *grid_shape))
    return ensure(
        not_empty(x, name=name),
        tf.reduce_all((x >= 0) & (x < num_tokens)),
        f"`{name}` must hold tokens from 0 to {num_tokens - 1}. Received at "
        "least one other value.",
    )


def as_classes(
    values, num_rows, num_classes, *, unknown=False, name="condition"
):
    """Converts a class, or one per row, to an int32 `(num_rows,)` tensor.

    Args:
        values: integer, or `(num_rows,)` integers.
        num_rows: int or integer tensor.
        num_classes: int.
        unknown: bool. Whether -1 stands for a class that is not known.
        name: str. What error messages call it.

    Raises:
        ValueError: if there are neither one nor `num_rows`, they are not
            integers, or one is not a class.
    """
    values = as_tensor(values, name)
    if values.shape.rank == 2:
        raise ValueError(
            f"`{name}` must be one class, or one per row. "
            f"Received: shape={tuple(values.shape)}. For a column use "
            f"`{name}.reshape(-1)`, for one-hot rows `{name}.argmax(-1)`."
        )
    values = as_row_values(values, num_rows, tf.int32, name=name)
    minimum, words = (-1, ", or -1 if unknown") if unknown else (0, "")
    return ensure(
        values,
        tf.reduce_all((values >= minimum) & (values < num_classes)),
        f"`{name}` must hold classes from 0 to {num_classes - 1}{words}. "
        "Received at least one other value.",
    )


def as_seeds(seed, num_rows):
    """Converts what callers give as a seed to one seed for each row.

    Args:
        seed: int, or any scalar that `as_int` takes, modulo 2^32: it is spread
            over the rows, see `row_seeds`; or `(num_rows,)` integers, one for
            each row; or None, which draws one.
        num_rows: int or integer tensor.

    Returns:
        `(num_rows,)` int32 tensor.

    Raises:
        ValueError: if the seeds are not integers, or there are neither one nor
            `num_rows` of them (in a graph: `InvalidArgumentError`).
    """
    if seed is None:
        seed = random.randrange(2**31)
    if not tf.is_tensor(seed):
        if np.ndim(seed) == 0:
            # As an int of Python, it has any size.
            return row_seeds(as_int(seed, "seed") % 2**32, num_rows)
        seed = _of_any_size(seed)
    if seed.dtype.is_integer and seed.shape.rank == 0:
        seed = tf.cast(seed, tf.int64) % 2**32
        return row_seeds(seed, num_rows)
    if seed.dtype.is_integer:
        # Modulo 2^32, as one for all rows.
        seed = tf.cast(seed, tf.int32)
    return as_row_values(seed, num_rows, tf.int32, name="seed")


def _of_any_size(seeds):
    """A tensor of seeds; ints of Python are taken modulo 2^32."""
    if isinstance(seeds, (list, tuple)):
        try:
            # An array would hold large ones as objects, or as floats.
            seeds = [as_int(seed, "seed") % 2**32 for seed in seeds]
            return tf.constant(seeds, tf.int64, (len(seeds),))
        except ValueError:
            pass  # What is no list of ints is named below.
    return as_tensor(seeds, "seed")


def as_row_values(values, num_rows, dtype, *, name, minimum=None, maximum=None):
    """Converts a scalar or one value per row to a `(num_rows,)` tensor.

    Args:
        values: scalar, or `(num_rows,)`.
        num_rows: int or integer tensor.
        dtype: dtype of the result. For integers only integers are taken.
        name: str. What error messages call it.
        minimum: optional number that no value may fall below.
        maximum: optional number that no value may exceed.

    Raises:
        ValueError: if there are neither one nor `num_rows` values, or one is
            out of range, NaN or infinite, or not a number of that kind.
    """
    values = as_tensor(values, name)
    kind = values.dtype
    if not kind.is_integer and not (kind.is_floating and dtype.is_floating):
        raise ValueError(
            f"`{name}` must hold {'numbers' if dtype.is_floating else 'ints'}. "
            f"Received: dtype={kind.name}{_how_to_number(kind, name)}"
        )
    if dtype.is_integer:
        values = as_int32(values, name)
    values = tf.cast(values, dtype)
    if values.shape.rank == 0:
        values = tf.fill([num_rows], values)
    if values.shape.rank != 1:
        raise ValueError(
            f"`{name}` must be one value, or one per row. "
            f"Received: shape={tuple(values.shape)}. Flatten a column: "
            f"`{name}.reshape(-1)`."
        )
    values = ensure(
        values,
        tf.equal(tf.shape(values)[0], num_rows),
        f"`{name}` must have one value per row.",
    )
    if dtype.is_floating:
        values = ensure(
            values,
            tf.reduce_all(tf.math.is_finite(values)),
            f"`{name}` must be finite, and no NaN.",
        )
    if minimum is not None:
        values = ensure(
            values,
            tf.reduce_all(values >= minimum),
            f"`{name}` must be at least {minimum}.",
        )
    if maximum is not None:
        values = ensure(
            values,
            tf.reduce_all(values <= maximum),
            f"`{name}` must be at most {maximum}.",
        )
    return values


def _how_to_number(kind, name):
    """What to do about values that are no ints, a sentence; or nothing."""
    if kind == tf.string:
        return f". Number names: `np.unique({name}, return_inverse=True)[1]`."
    if kind.is_bool:
        return f'. Convert them: `{name}.astype("int32")`.'
    if kind.is_floating:
        return f'. Of whole numbers in floats: `{name}.astype("int32")`.'
    return ""


def as_sequences(x, step_shape, dtype, *, name="x"):
    """Converts to a `(batch_size, time, *step_shape)` tensor.

    Args:
        x: array or tensor: integers for token ids, else floats.
        step_shape: tuple of ints. Shape of one step.
        dtype: dtype of the result, int32 or float32.
        name: str. What error messages call it.

    Raises:
        ValueError: if `x` holds another kind of numbers, has another shape,
            no rows or no steps.
    """
    x = as_tensor(x, name)
    kind, good, cast = (
        ("floats", x.dtype.is_floating, "float32")
        if dtype.is_floating
        else ("integers", x.dtype.is_integer, "int32")
    )
    if not good:
        remedy = f'Convert it first: `{name}.astype("{cast}")`.'
        if x.dtype == tf.string:
            remedy = "Turn texts into tokens: `model.tokenizer.encode(texts)`."
        raise ValueError(
            f"`{name}` must hold {kind}. Received: dtype={x.dtype.name}. "
            f"{remedy}"
        )
    shape = (None, None, *step_shape)
    if not x.shape.is_compatible_with(shape):
        words = ", ".join(["batch_size", "time", *map(str, step_shape)])
        remedy = ""
        if dtype.is_floating and x.shape.rank == 3:
            remedy = f". Make the model with `channels={x.shape[2]}` for these."
        raise ValueError(
            f"`{name}` must have shape ({words}). "
            f"Received: shape={tuple(x.shape)}{remedy}"
        )
    x = tf.cast(x, dtype) if dtype.is_floating else as_int32(x, name)
    x = tf.ensure_shape(x, shape)
    x = not_empty(x, name=name)
    return ensure(
        x,
        tf.shape(x)[1] > 0,
        f"`{name}` has sequences without steps. Send at least one step.",
    )


def as_mask(mask, x):
    """Converts to a boolean tensor with one value per step of `x`.

    Args:
        mask: booleans, `(batch_size, time)`.
        x: `(batch_size, time, ...)` tensor.

    Raises:
        ValueError: if it is not boolean or has another shape.
    """
    mask = as_tensor(mask, "mask")
    if mask.dtype != tf.bool or not mask.shape.is_compatible_with(x.shape[:2]):
        raise ValueError(
            "`mask` must be boolean, with a value for each step of `x`: shape "
            f"{tuple(x.shape[:2])}. Received: dtype={mask.dtype.name}, "
            f"shape={tuple(mask.shape)}"
        )
    return ensure(
        mask,
        tf.reduce_all(tf.shape(mask) == tf.shape(x)[:2]),
        "`mask` must have the shape of the steps of `x`.",
    )
