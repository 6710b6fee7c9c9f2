"""From what callers have to tensors, and checks of values: see `checks`.

Errors say what came, in eager code and in a graph.
"""

import collections.abc
import math

import keras
import numpy as np
import tensorflow as tf


def as_tensor(value, name):
    """Converts numbers, booleans or strings in rows of one shape to a tensor.

    Args:
        value: tensor, or whatever NumPy takes for an array of one dtype:
            nested lists, data frames, tensors of other libraries.
        name: str. What error messages call it.

    Raises:
        ValueError: if it is of another kind, or its rows differ in length.
    """
    remedy = _remedy(value, name)
    if remedy is None:
        try:
            return tf.convert_to_tensor(value)
        except (
            TypeError,
            ValueError,
            OverflowError,
            NotImplementedError,  # of a `memoryview` of rows
            tf.errors.OpError,
        ):
            remedy = (
                "Let all rows have one length and all values one kind, none of "
                "them None."
            )
            if _are_texts(value):
                remedy = "A surrogate alone is no character of a text."
    raise ValueError(
        f"`{name}` must be an array or a tensor, of values of one kind in rows "
        f"of one shape. Received: {_kind(value)}. {remedy}"
    )


def refuse_ragged(**inputs):
    """Refuses inputs of a layer whose rows differ in length, or are sparse.

    Args:
        **inputs: name -> tensor, or None.

    Raises:
        ValueError: that names the input and what to do.
    """
    for name, x in inputs.items():
        if isinstance(x, (tf.RaggedTensor, tf.SparseTensor)):
            as_tensor(x, name)


def as_floats(value, name):
    """Converts numbers of any kind, or booleans, to a float32 tensor.

    Args:
        value: as for `as_tensor`.
        name: str. What error messages call it.

    Raises:
        ValueError: if it holds anything else.
    """
    x = as_tensor(value, name)
    if not (x.dtype.is_floating or x.dtype.is_integer or x.dtype.is_bool):
        raise ValueError(
            f"`{name}` must hold numbers. Received: dtype={x.dtype.name}"
        )
    return tf.cast(x, tf.float32)


def as_int32(x, name):
    """Casts integers to int32, and refuses those that it does not hold.

    Args:
        x: integer tensor.
        name: str. What error messages call it.

    Raises:
        ValueError: in eager code (in a graph: `InvalidArgumentError`).
    """
    limits = tf.int32
    if x.dtype.min >= limits.min and x.dtype.max <= limits.max:
        return tf.cast(x, tf.int32)
    fits = tf.reduce_all(x <= tf.constant(limits.max, x.dtype))
    if x.dtype.min < 0:
        fits &= tf.reduce_all(x >= tf.constant(limits.min, x.dtype))
    return ensure(
        tf.cast(x, tf.int32),
        fits,
        f"`{name}` must hold ints of 32 bits, from {limits.min} to "
        f"{limits.max}. Received at least one other value.",
    )


def check_numbers(*, minimum=0.0, **numbers):
    """Converts arguments that are real numbers to floats.

    Args:
        minimum: float that none may fall below.
        **numbers: name -> number, of Python, of NumPy, or a 0-d array.

    Returns:
        The floats in the order of the arguments; of a single one its value
        alone.

    Raises:
        ValueError: that names the argument that is no finite number, or too
            small.
    """
    values = tuple(
        _as_number(number, name, minimum) for name, number in numbers.items()
    )
    return values if len(values) > 1 else values[0]


def check_flags(**flags):
    """Converts arguments that are either True or False to bools.

    Args:
        **flags: name -> bool, or the int 0 or 1, of Python, of NumPy, or a
            0-d array or tensor.

    Returns:
        The bools in the order of the arguments; of a single one its value
        alone.

    Raises:
        ValueError: that names the argument that is none: words are true to
            Python, whatever they say.
    """
    values = tuple(_as_flag(flag, name) for name, flag in flags.items())
    return values if len(values) > 1 else values[0]


def as_rate(value, name="dropout"):
    """Converts the rate of a dropout to a float in [0, 1].

    Args:
        value: number.
        name: str. What error messages call it.

    Raises:
        ValueError: if it is no number, or out of range.
    """
    rate = check_numbers(**{name: value})
    if rate > 1.0:
        raise ValueError(
            f"`{name}` is a share of values: it must be in [0, 1]. "
            f"Received: {name}={value!r}"
        )
    return rate


def check_rates(arguments):
    """Converts the rates among keyword arguments: those called `...dropout`.

    Args:
        arguments: dict of name to value.

    Returns:
        dict of the same names.

    Raises:
        ValueError: as `as_rate` does.
    """
    return {
        name: as_rate(value, name) if name.endswith("dropout") else value
        for name, value in arguments.items()
    }


def ensure(x, condition, message):
    """Returns `x` if `condition` holds, else raises.

    Args:
        x: tensor that is handed through; in a graph it waits for the check.
        condition: boolean scalar tensor.
        message: str. What was expected and what to do.

    Raises:
        ValueError: in eager code (in a graph: `InvalidArgumentError`).
    """
    if tf.executing_eagerly():
        if not bool(condition):
            raise ValueError(message)
        return x
    check = tf.debugging.Assert(condition, [message])
    with tf.control_dependencies([check]):
        return tf.identity(x)


def not_empty(x, *, name="x"):
    """Refuses a batch without rows."""
    return ensure(x, tf.shape(x)[0] > 0, has_no_rows(name))


def has_no_rows(name):
    """The sentence that refuses a batch without rows."""
    return (
        f"`{name}` has no rows: an empty batch has no answer. Send at least "
        "one example."
    )


def all_categories(x, num_categories, *, name="x", where=None):
    """Refuses values other than 0, 1, ..., `num_categories - 1`.

    Args:
        x: float tensor.
        num_categories: int.
        name: str. What error messages call it.
        where: optional boolean tensor; values where it is False do not count.
    """
    valid = (x == tf.floor(x)) & (x >= 0.0) & (x < float(num_categories))
    if where is not None:
        valid = valid | ~where
    expected = (
        "0 and 1 (binarize gray images first: `x > 0.5`)"
        if num_categories == 2
        else f"the whole numbers 0 to {num_categories - 1}"
    )
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must hold only {expected}, and no NaN. Received at least "
        "one other value.",
    )


def all_levels(x, num_levels, *, name="x"):
    """Refuses values other than 0, 1 / (num_levels - 1), ..., 1.

    Args:
        x: float tensor of values in [0, 1].
        num_levels: int.
        name: str. What error messages call it.
    """
    if num_levels == 2:
        return all_categories(x, 2, name=name)
    levels = x * (num_levels - 1.0)
    return ensure(
        x,
        tf.reduce_all(tf.abs(levels - tf.round(levels)) < 0.01),
        f"`{name}` must hold only whole multiples of 1 / {num_levels - 1}, and "
        "no NaN. Received at least one other value. Round the images to "
        f"{num_levels} levels first.",
    )


def all_states(x, num_states, *, name="x", where=None):
    """Refuses token ids other than -1 (padding), 0, ..., `num_states - 1`.

    Args:
        x: integer tensor.
        num_states: int.
        name: str. What error messages call it.
        where: optional boolean tensor; ids where it is False do not count.
    """
    valid = (x >= -1) & (x < num_states)
    if where is not None:
        valid = valid | ~where
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must hold ids from 0 to {num_states - 1}, or -1 for steps "
        "that do not count. Received at least one other value.",
    )


def all_token_ids(x, vocabulary_size, *, name="x", where=None):
    """Refuses token ids other than 0 (padding), 1, ..., `vocabulary_size - 1`.

    Args:
        x: integer tensor.
        vocabulary_size: int.
        name: str. What error messages call it.
        where: optional boolean tensor; ids where it is False do not count.
    """
    valid = (x >= 0) & (x < vocabulary_size)
    if where is not None:
        valid = valid | ~where
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must hold token ids from 1 to {vocabulary_size - 1}, or 0 "
        "for padding. Received at least one other value.",
    )


def all_finite(x, *, name="x", where=None):
    """Refuses NaN and infinity.

    Args:
        x: float tensor.
        name: str. What error messages call it.
        where: optional boolean tensor that broadcasts against `x`; values
            where it is False do not count.
    """
    valid = tf.math.is_finite(x)
    if where is not None:
        valid = valid | ~where
    return ensure(
        x,
        tf.reduce_all(valid),
        f"`{name}` must be finite: it holds NaN or infinity. Remove such "
        "examples, or fill the gaps in.",
    )


def _as_number(value, name, minimum):
    try:
        if isinstance(value, (bool, np.bool_, str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isfinite(number) and number >= minimum:
        return number
    limit = "a finite number"
    if math.isfinite(number):
        limit = f"at least {minimum:g}"
    raise ValueError(f"`{name}` must be {limit}. Received: {name}={value!r}")


def _as_flag(value, name):
    is_whole = isinstance(value, (bool, int))
    if getattr(value, "shape", None) == ():
        dtype = tf.as_dtype(value.dtype)
        is_whole = dtype.is_bool or dtype.is_integer
    if is_whole and int(value) in (0, 1):
        return bool(value)
    raise ValueError(
        f"`{name}` must be True or False. Received: {name}={value!r}"
    )


def _are_texts(value):
    try:
        items = np.array(value, object).flat
    except ValueError:
        return False
    return all(isinstance(item, (str, bytes)) for item in items)


def _remedy(value, name):
    """What to do about a value of a kind that is known not to do, or None."""
    if isinstance(value, tf.RaggedTensor):
        return f"Fill its rows up: `{name}.to_tensor()`."
    if isinstance(value, tf.SparseTensor):
        return f"Make it dense: `tf.sparse.to_dense({name})`."
    if isinstance(value, tf.data.Dataset):
        return "Data sets go to `fit` and `evaluate`; pass one batch of it."
    if isinstance(value, collections.abc.Mapping):
        return (
            "Take its parts, as pairs of inputs and targets if there are any: "
            "`dataset.map(lambda row: (row[...], row[...]))`."
        )
    if isinstance(value, keras.KerasTensor):
        return f"A symbol has no values yet: `model({name})` takes it."
    if np.ma.is_masked(value):
        return f"Fill in what is masked: `{name}.filled(...)`."
    if hasattr(value, "toarray"):
        return f"Make it dense: `{name}.toarray()`."
    if callable(value) and not hasattr(value, "__array__"):
        return "Pass what it returns: call it."
    dtype = getattr(value, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        return "Turn dates and durations into numbers first."
    return None


def _kind(value):
    """A few words on a value: its type, and its dtype and shape if it has
    such."""
    words = [f"a {type(value).__name__}"]
    dtype = getattr(value, "dtype", None)
    shape = getattr(value, "shape", None)
    if isinstance(value, collections.abc.Mapping):
        words.append(f"of {', '.join(map(str, value))}")
    elif dtype is not None and shape is not None:
        words.append(f"of {dtype} and shape {shape}")
    elif isinstance(value, (list, tuple)):
        words.append(f"of {len(value)} entries")
    return " ".join(words)
