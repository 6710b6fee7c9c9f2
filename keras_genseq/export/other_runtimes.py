"""Signatures as files of other runtimes, beside the graph of a SavedModel.

Below `assets.extra`, where a server does not look: `onnx/NAME.onnx` and
`litert/NAME.tflite`. They hold the arithmetic of a signature and none of its
checks of a request.
"""

import os

import numpy as np
import tensorflow as tf

from keras_genseq.export import litert_format
from keras_genseq.export import onnx_format
from keras_genseq.export.bare_graph import bare_graph
from keras_genseq.export.bare_graph import has_text

RUNTIMES = {"onnx": onnx_format, "litert": litert_format}
_TOLERANCE = 1e-4
_BATCH_SIZES = (1, 3)
_LONGEST_REASON = 300


def check_runtimes(runtimes):
    """Refuses runtimes that are unknown, or not installed.

    Args:
        runtimes: sequence of str.

    Raises:
        ValueError: if one is unknown.
        ImportError: if the packages of one are missing.
    """
    for runtime in runtimes:
        if runtime not in RUNTIMES:
            raise ValueError(
                f"`runtimes` must be of {', '.join(map(repr, RUNTIMES))}. "
                f"Received: {runtime!r}"
            )
        RUNTIMES[runtime].check_installed()


def plan(functions, runtimes, tell):
    """Finds what can be converted, and tells what cannot.

    Args:
        functions: dict of signature name to concrete function.
        runtimes: sequence of str, keys of `RUNTIMES`.
        tell: callable that gets sentences.

    Returns:
        dict of runtime to dict of signature name to `BareGraph`.

    Raises:
        ValueError: if a runtime has no signature left.
    """
    graphs = {}
    for name, function in functions.items():
        # The default signature is one of the others.
        if runtimes and name != "serving_default" and not has_text(function):
            graphs[name] = bare_graph(function)
    planned = {}
    for runtime in runtimes:
        form = RUNTIMES[runtime]
        planned[runtime] = {}
        for name in functions:
            if name == "serving_default":
                continue
            if name in graphs:
                planned[runtime][name] = graphs[name]
            else:
                tell(f"{form.NAME}: {name} is left out: it has strings.")
        _check_any(planned[runtime], form)
    return planned


def write_files(folder, planned, signatures, tell):
    """Writes files beside a SavedModel; keeps those that answer as it does.

    Args:
        folder: str. The SavedModel.
        planned: as `plan` returns it.
        signatures: dict of name to `Signature`.
        tell: callable that gets sentences.

    Returns:
        str: a sentence for each runtime that says which files there are.

    Raises:
        ValueError: if no signature of a runtime could be written.
    """
    sentences = ""
    saved_model = tf.saved_model.load(folder) if planned else None
    for runtime, graphs in planned.items():
        form, written = RUNTIMES[runtime], []
        os.makedirs(os.path.join(folder, "assets.extra", runtime))
        for name, graph in graphs.items():
            path = os.path.join(
                folder, "assets.extra", runtime, name + form.SUFFIX
            )
            try:
                form.convert(graph, path)
                distance = _furthest(
                    saved_model.signatures[name],
                    form.Runner(path),
                    signatures[name].example,
                )
            # Converters and runtimes raise whatever they like.
            except Exception as error:
                _remove(path)
                tell(f"{form.NAME}: {name} is left out: {_first_line(error)}")
                continue
            tell(
                f"{form.NAME}: {name} answers as the SavedModel does (within "
                f"{distance:.0e})."
            )
            written.append(name)
        _check_any(written, form)
        sentences += (
            f" `assets.extra/{runtime}/` of a version holds "
            f"{', '.join(f'`{name}{form.SUFFIX}`' for name in written)} for "
            f"{form.NAME}."
        )
    return sentences


def _check_any(names, form):
    if not names:
        raise ValueError(
            f"{form.NAME} can hold no signature of this model: the lines above "
            "say why. Export it without."
        )


def _furthest(serve, run, example):
    """The largest distance of two answers to the same rows.

    Raises:
        ValueError: if it is too large.
    """
    furthest = 0.0
    for size in _BATCH_SIZES:
        request = _rows(example, size)
        try:
            expected = _answer(serve, request)
        except tf.errors.InvalidArgumentError:
            # Moved, the example breaks the contract.
            request = _rows(example, size, moved=False)
            expected = _answer(serve, request)
        found = run(request)
        for name, value in expected.items():
            furthest = max(furthest, _distance(name, value, found[name]))
    return furthest


def _answer(serve, request):
    tensors = {name: tf.constant(value) for name, value in request.items()}
    return {name: value.numpy() for name, value in serve(**tensors).items()}


def _rows(example, size, moved=True):
    """Requests of several rows: other seeds, and other values."""
    rows = {}
    for name, value in example.items():
        value = np.asarray(value)
        rows[name] = np.repeat(value, size, axis=0)
        if name == "seed":
            rows[name] = rows[name] + np.arange(size, dtype=value.dtype)
        elif moved and value.ndim > 1:
            rows[name] = np.stack(
                [np.roll(value[0], i, axis=0) for i in range(size)]
            )
    return rows


def _distance(name, expected, found):
    found = np.asarray(found)
    if found.shape != expected.shape:
        raise ValueError(
            f"{name!r} has shape {found.shape}, and that of the SavedModel "
            f"{expected.shape}."
        )
    if expected.dtype.kind != "f":
        distance = 0.0 if np.array_equal(expected, found) else np.inf
    else:
        scale = np.maximum(np.abs(expected), 1.0)
        differences = np.abs(expected - found) / scale
        distance = float(np.max(differences, initial=0.0))
    if not distance <= _TOLERANCE:
        raise ValueError(
            f"{name!r} differs by {distance:.1e} from the SavedModel's answer."
        )
    return distance


def _remove(path):
    if os.path.exists(path):
        os.unlink(path)


def _first_line(error):
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:_LONGEST_REASON]
