"""Any model with serving signatures, as a SavedModel."""

import json
import os

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_genseq.export.atomic import disk_errors
from keras_genseq.export.atomic import replaced_folder
from keras_genseq.export.documentation import README_FILE
from keras_genseq.export.documentation import describe
from keras_genseq.export.documentation import documentation
from keras_genseq.export.other_runtimes import check_runtimes
from keras_genseq.export.other_runtimes import plan
from keras_genseq.export.other_runtimes import write_files
from keras_genseq.export.serving_graph import read_variables
from keras_genseq.export.serving_graph import resources_of
from keras_genseq.export.serving_graph import serving_signatures
from keras_genseq.export.serving_graph import trace
from keras_genseq.export.small_weights import with_small_weights
from keras_genseq.export.warmup import write_warmup_requests

_GRAPH_FILE = "saved_model.pb"
# What belongs to a model and is no part of it.
_EXTRA = "assets.extra"


def write_saved_model(
    model,
    filepath,
    *,
    card=None,
    name=None,
    max_steps=None,
    weights="float32",
    runtimes=(),
    tell=print,
):
    """Writes a model as a SavedModel that TensorFlow Serving loads.

    The SavedModel has the signatures of the model under their own names, and
    `serving_default`: the model's own, else the first of generate, translate,
    classify, sample and score. It holds the variables that these signatures
    read, and a warm-up request for each of them; `assets.extra/README.md` says
    what may be asked.

    It appears at `filepath` whole or not at all. It is written and synced to
    the disk beside `filepath`, in a hidden folder that a polling server does
    not take for a version, and then renamed. Where a SavedModel exists already,
    it is renamed aside, the new one renamed in, and the old one deleted. A
    process killed between the two renames leaves both whole under hidden names,
    and the next call puts the old one back; killed at any other moment it
    leaves the old one or the new one in place. What a killed process left
    behind is removed by the next call for the same `filepath`.

    Args:
        model: a built Keras model with a method `serving_signatures()`, which
            returns a dict of name to `Signature`.
        filepath: path of a local folder: absent, empty, or a SavedModel.
        card: dict of JSON values, or None. Kept in `assets.extra/card.json`.
        name: str. What the server calls the model; by default the name of the
            folder.
        max_steps: int. The most that a request may ask of one row: steps of a
            sequence, bytes of a text, steps to draw. None leaves it to the
            model.
        weights: `"float32"`; `"float16"` or `"int8"` keep the trainable
            matrices in 16 or 8 bits, from which each request makes float32
            ones.
        runtimes: sequence of `"onnx"` and `"litert"`: signatures of fixed
            tensors are also written as files of ONNX Runtime and LiteRT, in
            `assets.extra/onnx` and `assets.extra/litert`, where they answer
            as the SavedModel does.
        tell: callable that gets sentences on these files.

    Returns:
        dict: the signatures as `describe_signatures` reads them, and what
        clients should know of each input.

    Raises:
        ValueError: if `filepath` holds something else, or if a signature does
            what a stock server refuses: Python at serving time, a region
            compiled by XLA, an example that fails, an untracked resource; or
            if there are no such weights or runtimes.
        ImportError: if the packages of a runtime are missing.
        OSError: if the disk is full or the folder may not be written. What
            was there before is untouched.
    """
    folder = _local_folder(filepath)
    _check_replaceable(folder)
    card_text = None if card is None else json.dumps(card, indent=2)
    check_runtimes(runtimes)
    signatures = serving_signatures(model, max_steps)
    about = _about(model)
    if weights != "float32":
        _check_no_runtimes(runtimes, weights)
        signatures = with_small_weights(model, signatures, weights)
        about += f" Its matrices are kept in {weights}."
    functions, answers = _trace_all(signatures)
    planned = plan(functions, runtimes, tell)
    root = _root(model, signatures, functions)
    with disk_errors(folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with replaced_folder(folder) as new:
            # Again: another process may have been here since.
            _check_replaceable(folder)
            _save(root, new, functions)
            write_warmup_requests(
                new, {name: s.example for name, s in signatures.items()}
            )
            written = write_files(new, planned, signatures, tell)
            described = describe(signatures, describe_signatures(new))
            _write_extra(
                new,
                README_FILE,
                documentation(
                    name or os.path.basename(folder),
                    about + written,
                    signatures,
                    described,
                    answers,
                ),
            )
            if card_text is not None:
                _write_extra(new, "card.json", card_text + "\n")
    return described


def describe_signatures(saved_model):
    """Reads the names, dtypes and shapes of the signatures of a SavedModel.

    Args:
        saved_model: path of a SavedModel.

    Returns:
        dict of signature name to `{"inputs": ..., "outputs": ...}`, each a
        dict of name to `{"dtype": str, "shape": list}`, with None for a free
        dimension.
    """
    with open(os.path.join(saved_model, _GRAPH_FILE), "rb") as file:
        message = saved_model_pb2.SavedModel.FromString(file.read())
    return {
        name: {
            "inputs": _describe_tensors(signature.inputs),
            "outputs": _describe_tensors(signature.outputs),
        }
        for name, signature in sorted(
            message.meta_graphs[0].signature_def.items()
        )
        # TensorFlow keeps its initializer as one more signature.
        if not name.startswith("__saved_model_")
    }


def is_saved_model(folder):
    """Tells whether a folder holds a SavedModel."""
    return os.path.isfile(os.path.join(folder, _GRAPH_FILE))


def readme_of(saved_model):
    """The text of the README that a SavedModel brings."""
    path = os.path.join(saved_model, _EXTRA, README_FILE)
    with open(path, encoding="utf-8") as file:
        return file.read()


def _local_folder(filepath):
    filepath = os.fspath(filepath)
    if "://" in filepath:
        raise ValueError(
            "`filepath` must be a local folder, for only there can a "
            f"SavedModel appear at once. Received: filepath={filepath!r}"
        )
    return os.path.realpath(filepath)


def _check_replaceable(folder):
    if not os.path.lexists(folder):
        return
    if not os.path.isdir(folder):
        raise ValueError(f"There is a file at {folder}: it is not replaced.")
    if os.listdir(folder) and not is_saved_model(folder):
        raise ValueError(
            f"The folder {folder} is not empty and holds no SavedModel: it is "
            "not replaced. Name another folder, or remove it first."
        )


def _check_no_runtimes(runtimes, weights):
    if runtimes:
        raise ValueError(
            f"Weights in {weights} are for the SavedModel alone: for "
            f"{' and '.join(runtimes)} export again without. These have tools "
            "of their own to make weights smaller."
        )


def _trace_all(signatures):
    """Functions and answers to the examples, each a dict by name."""
    traced = {}
    functions, answers = {}, {}
    for name, signature in signatures.items():
        if id(signature) not in traced:
            traced[id(signature)] = trace(name, signature)
        functions[name], answers[name] = traced[id(signature)]
    return functions, answers


def _root(model, signatures, functions):
    variables, resources = resources_of(model, signatures)
    root = tf.Module()
    root.model_variables = read_variables(variables, functions.values())
    root.resources = resources
    return root


def _save(root, folder, functions):
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    try:
        tf.saved_model.save(root, folder, signatures=functions, options=options)
    except AssertionError as error:
        # So TensorFlow says that a function uses an untracked resource.
        raise ValueError(
            "A signature uses a variable or a table that was not found: keep "
            "it in an attribute of the model. The state of a seed generator "
            "is never exported: draw from a seed in the request. TensorFlow "
            f"says: {error}"
        ) from error


def _about(model):
    """The class of a model and the first line of what it says of itself."""
    kind = type(model)
    first = (kind.__doc__ or "").strip().partition("\n")[0]
    return f"`{kind.__name__}`: {first}" if first else f"`{kind.__name__}`."


def _write_extra(folder, file_name, text):
    path = os.path.join(folder, _EXTRA, file_name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _describe_tensors(tensors):
    return {
        name: {
            "dtype": tf.as_dtype(info.dtype).name,
            "shape": _describe_shape(info.tensor_shape),
        }
        for name, info in sorted(tensors.items())
    }


def _describe_shape(shape):
    if shape.unknown_rank:
        return None
    return [None if dim.size < 0 else dim.size for dim in shape.dim]
