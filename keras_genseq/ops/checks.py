"""Checks of what a user or a client sends: errors that say what to do.

In eager code a broken contract is a `ValueError`; in a graph (a `tf.data`
pipeline, a served signature) it is an `InvalidArgumentError` of the same words.
Compiled training steps carry none of these checks.
"""

import numbers

import numpy as np
import tensorflow as tf

from keras_genseq.ops.value_checks import ensure
from keras_genseq.ops.value_checks import not_empty


def check_counts(**counts):
    """Refuses arguments that are no positive ints.

    Args:
        **counts: name -> int, or a sequence of them.

    Raises:
        ValueError: that names the argument.
    """
    for name, value in counts.items():
        values = value if isinstance(value, (tuple, list)) else [value]
        for number in values:
            is_int = isinstance(number, numbers.Integral)
            if not is_int or isinstance(number, bool) or number < 1:
                raise ValueError(
                    f"`{name}` must be positive, at least 1, and an int. "
                    f"Received: {name}={value!r}"
                )


def as_ordering(ordering, input_dim):
    """Converts to a tuple that names each dimension once.

    Args:
        ordering: sequence of ints, or None for no ordering of one's own.
        input_dim: int. Number of dimensions.

    Raises:
        ValueError: if it is no permutation of `range(input_dim)`.
    """
    if ordering is None:
        return None
    ordering = tuple(int(i) for i in ordering)
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
    quantiles = np.asarray(quantiles, "float32")
    inside = (quantiles >= 0.0) & (quantiles <= 1.0)
    if quantiles.ndim != 1 or not np.all(inside):
        raise ValueError(
            "`quantiles` must be a list of numbers in [0, 1]. "
            f"Received: {quantiles.tolist()}"
        )
    return quantiles


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
    x = tf.convert_to_tensor(x)
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
        image_shape: tuple of ints, (height, width, channels).
        name: str. What error messages call it.

    Raises:
        ValueError: if `x` does not hold floats in [0, 1], has another shape,
            or no rows.
    """
    x = tf.convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise ValueError(
            f"`{name}` must hold floats in [0, 1]. "
            f"Received: dtype={x.dtype.name}. Convert 8-bit images first: "
            f'`{name}.astype("float32") / 255`.'
        )
    shape = (None, *image_shape)
    if not x.shape.is_compatible_with(shape):
        words = ", ".join(["batch_size", *map(str, image_shape)])
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
        "least one other value. Scale 8-bit images by 1 / 255.",
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
    x = tf.convert_to_tensor(x)
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
    x = tf.ensure_shape(tf.cast(x, tf.int32), (None, *grid_shape))
    return ensure(
        not_empty(x, name=name),
        tf.reduce_all((x >= 0) & (x < num_tokens)),
        f"`{name}` must hold tokens from 0 to {num_tokens - 1}. Received at "
        "least one other value.",
    )


def as_classes(values, num_rows, num_classes, *, name="condition"):
    """Converts a class, or one per row, to an int32 `(num_rows,)` tensor.

    Args:
        values: integer, or `(num_rows,)` integers.
        num_rows: int or integer tensor.
        num_classes: int.
        name: str. What error messages call it.

    Raises:
        ValueError: if there are neither one nor `num_rows`, or one is no
            class.
    """
    values = as_row_values(values, num_rows, tf.int32, name=name)
    return ensure(
        values,
        tf.reduce_all((values >= 0) & (values < num_classes)),
        f"`{name}` must hold classes from 0 to {num_classes - 1}. Received at "
        "least one other value.",
    )


def as_row_values(values, num_rows, dtype, *, name, minimum=None, maximum=None):
    """Converts a scalar or one value per row to a `(num_rows,)` tensor.

    Args:
        values: scalar, or `(num_rows,)`.
        num_rows: int or integer tensor.
        dtype: dtype of the result.
        name: str. What error messages call it.
        minimum: optional number that no value may fall below.
        maximum: optional number that no value may exceed.

    Raises:
        ValueError: if there are neither one nor `num_rows` values, or one is
            out of range or NaN.
    """
    values = tf.cast(tf.convert_to_tensor(values), dtype)
    if values.shape.rank == 0:
        values = tf.fill([num_rows], values)
    if values.shape.rank != 1:
        raise ValueError(
            f"`{name}` must be one value, or one per row. "
            f"Received: shape={tuple(values.shape)}"
        )
    values = ensure(
        values,
        tf.equal(tf.shape(values)[0], num_rows),
        f"`{name}` must have one value per row.",
    )
    if minimum is not None:
        values = ensure(
            values,
            tf.reduce_all(values >= minimum),
            f"`{name}` must be at least {minimum}, and no NaN.",
        )
    if maximum is not None:
        values = ensure(
            values,
            tf.reduce_all(values <= maximum),
            f"`{name}` must be at most {maximum}.",
        )
    return values


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
    x = tf.convert_to_tensor(x)
    kind, good, cast = (
        ("floats", x.dtype.is_floating, "float32")
        if dtype.is_floating
        else ("integers", x.dtype.is_integer, "int32")
    )
    if not good:
        raise ValueError(
            f"`{name}` must hold {kind}. Received: dtype={x.dtype.name}. "
            f'Convert it first: `{name}.astype("{cast}")`.'
        )
    shape = (None, None, *step_shape)
    if not x.shape.is_compatible_with(shape):
        words = ", ".join(["batch_size", "time", *map(str, step_shape)])
        raise ValueError(
            f"`{name}` must have shape ({words}). "
            f"Received: shape={tuple(x.shape)}"
        )
    x = tf.ensure_shape(tf.cast(x, dtype), shape)
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
    mask = tf.convert_to_tensor(mask)
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
