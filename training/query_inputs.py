"""What a request holds: from words, files and examples to checked arrays."""

import ast
import json
import zipfile

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

_LITERAL_TYPES = (bool, int, float, str, bytes, list, tuple)


def parse_inputs(texts, specs, optional=()):
    """Reads inputs given as `name=value`.

    Args:
        texts: strings. The value is `FILE.npy`, `FILE.npz:key`, `FILE.png` or
            a Python or JSON literal.
        specs: dict of input name to `tf.TensorSpec`.
        optional: names of inputs that may be missing.

    Returns:
        dict of input name to array or Python value.

    Raises:
        ValueError: if a name is unknown or missing, or a value is unreadable.
    """
    parsed = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise ValueError(
                "An input is given as name=value. Received: "
                f"{text!r}. {expected_inputs(specs)}"
            )
        if name in parsed:
            raise ValueError(f"Input {name!r} is given twice.")
        parsed[name] = value
    _check_names(parsed, specs, optional)
    return {
        name: _parse_value(name, value, specs[name])
        for name, value in parsed.items()
    }


def with_defaults(request, defaults):
    """A request, and the usual values of the inputs it leaves out.

    Args:
        request: dict of input name to array or Python value.
        defaults: dict of input name to the value of one row.

    Returns:
        dict of input name to array or Python value.
    """
    lengths = (
        len(x) if isinstance(x, (list, tuple)) else len(np.atleast_1d(x))
        for x in request.values()
    )
    rows = max(lengths, default=1)
    usual = {name: [value] * rows for name, value in defaults.items()}
    return usual | request


def cast_inputs(inputs, specs):
    """Checks inputs against a signature.

    Args:
        inputs: dict of input name to array or Python value.
        specs: dict of input name to `tf.TensorSpec`.

    Returns:
        dict of input name to array of the dtype of the signature.

    Raises:
        ValueError: if names, kinds of numbers or shapes do not fit.
    """
    _check_names(inputs, specs)
    return {
        name: _cast(name, value, specs[name]) for name, value in inputs.items()
    }


def read_warmup_requests(filepath):
    """Reads the requests that a server replays on load.

    Args:
        filepath: str. A TFRecord of `PredictionLog` messages.

    Returns:
        dict of signature name to dict of input name to array.
    """
    records = tf.data.TFRecordDataset(filepath)
    return dict(_decode_prediction_log(record.numpy()) for record in records)


def expected_inputs(specs):
    """Says what a signature takes, for an error."""
    described = (
        f"{name} ({spec.dtype.name}, shape {spec.shape})"
        for name, spec in specs.items()
    )
    return f"The signature takes: {', '.join(described)}"


def _check_names(inputs, specs, optional=()):
    unknown = sorted(set(inputs) - set(specs))
    missing = sorted(set(specs) - set(inputs) - set(optional))
    words = [f"Unknown inputs: {unknown}. "] if unknown else []
    words += [f"Missing inputs: {missing}. "] if missing else []
    if words:
        raise ValueError(f"{''.join(words)}{expected_inputs(specs)}")


def _cast(name, value, spec):
    def refusal(received):
        return ValueError(
            f"Input {name!r} must have dtype {spec.dtype.name} and shape "
            f"{spec.shape}. Received: {received}"
        )

    is_literal = isinstance(value, _LITERAL_TYPES)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise refusal("rows of several lengths") from error
    # An empty list has no kind of its own.
    is_empty_literal = is_literal and array.size == 0
    fits = is_empty_literal or _is_kind(array, spec.dtype, is_literal)
    if not (fits and spec.shape.is_compatible_with(array.shape)):
        raise refusal(f"dtype {array.dtype}, shape {array.shape}")
    if spec.dtype == tf.string:
        return array.astype(object)
    with np.errstate(over="ignore"):
        cast = array.astype(spec.dtype.as_numpy_dtype, copy=False)
    if spec.dtype.is_integer and not np.array_equal(cast, array):
        raise refusal(
            f"dtype {array.dtype}, shape {array.shape}, with numbers out of "
            "range"
        )
    return cast


def _is_kind(array, dtype, is_literal):
    kind = array.dtype.kind
    if dtype == tf.string:
        strings = all(isinstance(item, (str, bytes)) for item in array.flat)
        return kind in "SU" or (kind == "O" and strings)
    if dtype.is_floating:
        # Kinds of NumPy do not tell floats of other packages: bfloat16.
        is_float = kind == "f" or array.dtype == dtype.as_numpy_dtype
        return is_float or (is_literal and kind in "iu")
    if dtype.is_integer:
        return kind in "iu"
    return array.dtype == dtype.as_numpy_dtype


def _parse_value(name, text, spec):
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, _LITERAL_TYPES):
            return value
    archive, _, key = text.rpartition(":")
    try:
        if text.endswith(".npy"):
            return np.load(text, allow_pickle=False)
        if archive.endswith(".npz"):
            return _load_npz(name, archive, key)
        if text.endswith(".png"):
            return _load_png(name, text, spec)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"Input {name!r}: cannot read {text}: {error}"
        ) from error
    raise ValueError(
        f"Input {name!r} must be FILE.npy, FILE.npz:key, FILE.png or a "
        f"literal such as [1, 2] or ['text']. Received: {text}"
    )


def _load_npz(name, archive, key):
    with np.load(archive, allow_pickle=False) as arrays:
        if key not in arrays:
            raise ValueError(
                f"Input {name!r}: {archive} has no array {key!r}. It has: "
                f"{', '.join(arrays)}"
            )
        return arrays[key]


def _load_png(name, filepath, spec):
    channels = spec.shape[-1] if spec.shape.rank == 4 else None
    with open(filepath, "rb") as file:
        data = file.read()
    try:
        image = tf.io.decode_png(data, channels=channels or 0).numpy()
    except (tf.errors.InvalidArgumentError, ValueError) as error:
        raise ValueError(
            f"Input {name!r}: {filepath} is no image with {channels} "
            f"channels: {error}"
        ) from error
    pixels = (image / 255).astype("float32")
    # Models of flat vectors, such as NADE, take an image row by row.
    if spec.shape.rank == 2 and spec.shape[1] == pixels.size:
        return pixels.reshape(1, -1)
    return pixels[None]


# The numbers are those of tensorflow_serving's prediction_log.proto and the
# files it imports: log.predict_log.request.{model_spec.signature_name, inputs}.
def _decode_prediction_log(record):
    request = _fields(_fields(record)[6][0])[1][0]
    fields = _fields(request)
    signature_name = _fields(fields[1][0])[3][0].decode()
    inputs = {}
    for entry in map(_fields, fields.get(2, ())):
        tensor = tensor_pb2.TensorProto.FromString(entry[2][0])
        inputs[entry[1][0].decode()] = tf.make_ndarray(tensor)
    return signature_name, inputs


def _fields(message):
    """Reads a message whose fields all have a length (wire type 2)."""
    fields = {}
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        length, position = _varint(message, position)
        if key & 7 != 2:
            raise ValueError("The warm-up record is of an unknown kind.")
        payload = message[position : position + length]
        fields.setdefault(key >> 3, []).append(payload)
        position += length
    return fields


def _varint(message, position):
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
