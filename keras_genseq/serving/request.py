"""From what a caller has to the arrays of a request, and back."""

import collections.abc

import numpy as np

from keras_genseq.ops.checks import as_int

_SEED = "seed"
_KINDS = {"f": "fiu", "i": "iu", "u": "iu", "b": "b", "O": "OSU"}


def complete(inputs, specs, notes, num_rows=None):
    """The arrays of a request: one value per row of every input.

    Args:
        inputs: dict of name to array, list, string or number. A string, or a
            number for an input with one value per row, counts for all rows.
        specs: dict of name to `(dtype, shape)`: a NumPy dtype, object for
            strings, and a tuple with None for free dimensions, or None.
        notes: dict of name to dict, as the card of a model has them:
            `default` is the value of an input that is not given.
        num_rows: optional int. The rows, where no input tells.

    Returns:
        dict of name to array.

    Raises:
        ValueError: if an input is unknown, or missing without a default, or
            holds another kind of values.
    """
    if not isinstance(inputs, collections.abc.Mapping):
        raise ValueError(
            "`inputs` must be a dict of input name to values. Received: a "
            f"{type(inputs).__name__}. {_expected(specs)}"
        )
    num_rows = as_int(num_rows, "num_rows", minimum=1, optional=True)
    unknown = sorted(set(inputs) - set(specs))
    if unknown:
        raise ValueError(f"Unknown inputs: {unknown}. {_expected(specs)}")
    arrays = {
        name: _cast(name, value, *specs[name]) for name, value in inputs.items()
    }
    rows = {len(a) for n, a in arrays.items() if _has_rows(a, specs[n][1])}
    if num_rows is None:
        num_rows = max(rows, default=1)
    for name, (dtype, shape) in specs.items():
        if name in arrays:
            if not arrays[name].ndim and shape is not None and len(shape) == 1:
                arrays[name] = np.repeat(arrays[name], num_rows)
        elif "default" in notes.get(name, {}):
            value = np.asarray(notes[name]["default"], dtype)
            arrays[name] = np.repeat(value[None], num_rows, axis=0)
        elif name == _SEED and shape == (None,):
            arrays[name] = np.random.default_rng().integers(
                2**31, size=num_rows, dtype=dtype
            )
    missing = sorted(set(specs) - set(arrays))
    if missing:
        raise ValueError(
            f"Missing inputs: {missing}, and no default is known: give them, "
            "or `cards=` with the folder of exported models, whose cards tell "
            f"the defaults. {_expected(specs)}"
        )
    return arrays


def as_strings(array):
    """Bytes of an array as `str`, where they are UTF-8."""
    strings = np.empty(array.shape, object)
    for index, item in np.ndenumerate(array):
        strings[index] = _as_string(item)
    return strings


def _as_string(item):
    if not isinstance(item, bytes):
        return item
    try:
        return item.decode()
    except UnicodeDecodeError:
        return item


def _cast(name, value, dtype, shape):
    dtype = np.dtype(dtype)
    try:
        # NumPy's own text drops zeros at the end.
        is_text = dtype.kind == "O"
        array = np.array(value, object) if is_text else np.asarray(value)
    except ValueError as error:
        raise ValueError(f"Input {name!r} has rows of several lengths.") from (
            error
        )
    if (
        array.dtype.kind not in _KINDS.get(dtype.kind, dtype.kind)
        and array.size
    ):
        raise ValueError(
            f"Input {name!r} must have dtype {_word(dtype)} and shape {shape}. "
            f"Received: dtype {array.dtype}, shape {array.shape}"
        )
    if is_text:
        if not all(isinstance(item, str | bytes) for item in array.flat):
            raise ValueError(
                f"Input {name!r} must hold strings or bytes, in rows of one "
                "length."
            )
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(cast, array):
        raise ValueError(f"Input {name!r}: a number is out of {dtype}.")
    return cast


def _has_rows(array, shape):
    return array.ndim > 0 and shape is not None and array.ndim == len(shape)


def _expected(specs):
    described = (
        f"{name} ({_word(np.dtype(dtype))}, shape {shape})"
        for name, (dtype, shape) in specs.items()
    )
    return f"The signature takes: {', '.join(described)}"


def _word(dtype):
    return "string" if dtype.kind == "O" else dtype.name
