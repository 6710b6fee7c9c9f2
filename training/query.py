"""Asks a SavedModel, the way TensorFlow Serving does.

Run    python -m training query saved_models/NAME SIGNATURE --input x=FILE.npy

Needs TensorFlow alone, and tensorflow-text for models with SentencePiece
tokenizers: neither Keras nor the code of the model.
"""

import contextlib
import glob
import importlib.util
import io
import json
import os
import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from training.query_inputs import cast_inputs
from training.query_inputs import expected_inputs
from training.query_inputs import parse_inputs
from training.query_inputs import read_warmup_requests
from training.query_inputs import with_defaults

_WARMUP_FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
_LONGEST_PRINTED = 20
_LAST_VERSION = 2**63 - 1


def query(
    saved_model: str,
    signature: str = "serving_default",
    inputs: Sequence[str] = (),
    output: str | None = None,
):
    """Asks one signature of a SavedModel and prints the answer as JSON.

    Args:
        saved_model: str. A SavedModel, or a folder of numbered versions of
            which the highest is taken.
        signature: str.
        inputs: strings `name=value`. The value is `FILE.npy`, `FILE.npz:key`,
            `FILE.png` (one row, pixels in [0, 1]), or a Python or JSON
            literal. Without any, the example inside the SavedModel is sent;
            of those left out, the card beside it tells the usual values.
        output: str or None. `FILE.npz` to keep all numbers, of which long
            arrays print a few only.

    Returns:
        dict of output name to array.

    Raises:
        ValueError: if the request does not fit the signature, or if the model
            refuses it.
    """
    session = ServingSession(saved_model)
    description = session.describe(signature)
    if inputs:
        specs = description["inputs"]
        defaults = _defaults(session.path, signature, specs)
        request = parse_inputs(inputs, specs, optional=defaults)
        request = with_defaults(request, defaults)
    else:
        request = session.example(signature)
    try:
        answer = session.run(signature, **request)
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"The model refuses the request: {sentence_of(error)}"
        ) from error
    print_answer(answer, output)
    return answer


def _defaults(path, signature, specs):
    """The usual values of inputs, as the card beside a version tells them."""
    card = os.path.join(os.path.dirname(path), "card.json")
    try:
        with open(card, encoding="utf-8") as file:
            notes = json.load(file)["signatures"][signature]["inputs"]
    except (OSError, ValueError, KeyError, TypeError):
        # `check-export` tells what is wrong with a card.
        return {}
    return {
        name: notes[name]["default"]
        for name in specs
        if "default" in notes.get(name, {})
    }


def print_answer(answer, output=None):
    """Prints an answer as JSON, and keeps it.

    Args:
        answer: dict of name to array.
        output: str or None. `FILE.npz`.
    """
    if output is not None:
        arrays = {name: _for_npz(array) for name, array in answer.items()}
        content = io.BytesIO()
        np.savez(content, **arrays)
        _write(output, content.getvalue())
    print(json.dumps({k: _for_json(v) for k, v in answer.items()}, indent=2))


class ServingSession:
    """A SavedModel in a session, as TensorFlow Serving runs it.

    Args:
        saved_model: str. A SavedModel, or a folder of numbered versions of
            which the highest is taken.

    Raises:
        ValueError: if there is no SavedModel.

    Example:

    ```python
    session = ServingSession("saved_models/pixel_cnn")
    session.signatures  # {"sample": {"inputs": ..., "outputs": ...}, ...}
    session.run("sample", seed=[1, 2])["x"]
    ```
    """

    def __init__(self, saved_model):
        self.path = _find_saved_model(os.fspath(saved_model))
        # Operations of tensorflow-text that nothing had registered before.
        self.needs_text = False
        try:
            self._session, meta_graph = _load(self.path)
        except tf.errors.NotFoundError as error:
            if "Op type not registered" not in error.message:
                raise
            _load_text_ops(error)
            self.needs_text = True
            self._session, meta_graph = _load(self.path)
        # Of each signature its `SignatureDef`.
        self.definitions = {
            name: definition
            for name, definition in sorted(meta_graph.signature_def.items())
            # TensorFlow keeps its initializer as one more signature.
            if not name.startswith("__saved_model_")
        }

    @property
    def graph_def(self):
        """The graph of all signatures, a `GraphDef`."""
        return self._session.graph.as_graph_def()

    @property
    def signatures(self):
        """dict of name to `{"inputs": ..., "outputs": ...}`.

        Each is a dict of name to `tf.TensorSpec`.
        """
        return {
            name: {
                "inputs": _specs(definition.inputs),
                "outputs": _specs(definition.outputs),
            }
            for name, definition in self.definitions.items()
        }

    def describe(self, name):
        """Returns the inputs and outputs of one signature.

        Raises:
            ValueError: if there is none of this name.
        """
        if name not in self.definitions:
            raise ValueError(
                f"The model has no signature {name!r}. It has: "
                f"{', '.join(self.definitions)}"
            )
        return self.signatures[name]

    def run(self, name, **inputs):
        """Runs one signature.

        Args:
            name: str. The signature.
            **inputs: arrays, or lists and scalars of Python. An array must have
                the kind of numbers that the signature has (no integers for
                floats); what Python holds is converted.

        Returns:
            dict of output name to array.

        Raises:
            ValueError: if the inputs do not fit, before anything runs.
            tf.errors.InvalidArgumentError: if the model refuses them.
        """
        arrays = cast_inputs(inputs, self.describe(name)["inputs"])
        return self.run_arrays(name, arrays)

    def run_arrays(self, name, arrays, timeout=None):
        """Runs one signature on arrays that fit it.

        Args:
            name: str. The signature.
            arrays: dict of input name to array, as `cast_inputs` returns it.
            timeout: float. Seconds after which the session gives up.

        Returns:
            dict of output name to array.

        Raises:
            tf.errors.InvalidArgumentError: if the model refuses them.
            tf.errors.DeadlineExceededError: if the time is over.
        """
        definition = self.definitions[name]
        feeds = {
            definition.inputs[key].name: array for key, array in arrays.items()
        }
        fetches = {key: info.name for key, info in definition.outputs.items()}
        options = None
        if timeout is not None:
            options = tf.compat.v1.RunOptions(
                timeout_in_ms=max(1, int(1000 * timeout))
            )
        return self._session.run(fetches, feeds, options=options)

    def example(self, name):
        """Returns the warm-up request of one signature.

        Raises:
            ValueError: if the SavedModel has none.
        """
        filepath = os.path.join(self.path, _WARMUP_FILE)
        if os.path.exists(filepath):
            requests = read_warmup_requests(filepath)
            if name in requests:
                return requests[name]
        raise ValueError(
            f"{self.path} has no example for signature {name!r}: give its "
            f"inputs. {expected_inputs(self.describe(name)['inputs'])}"
        )


def _load(path):
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], path)
    return session, meta_graph


def _load_text_ops(error):
    """Registers the operations of tensorflow-text, as servers have them."""
    package = importlib.util.find_spec("tensorflow_text")
    if package is None:
        raise ValueError(
            "This model has tokenizers of tensorflow-text inside: "
            "`pip install tensorflow-text` in the version of tensorflow. "
            f"Received: {error.message}"
        ) from error
    # Not by an import of the package, which imports Keras too.
    (folder,) = package.submodule_search_locations
    for library in glob.glob(os.path.join(folder, "python", "ops", "*.so")):
        tf.load_op_library(library)


def _find_saved_model(path):
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        return path
    versions = [
        os.path.dirname(file)
        for file in glob.glob(
            os.path.join(glob.escape(path), "*", "saved_model.pb")
        )
        if is_version(os.path.basename(os.path.dirname(file)))
    ]
    if versions:
        return max(versions, key=lambda path: int(os.path.basename(path)))
    found = sorted(os.listdir(path)) if os.path.isdir(path) else "no folder"
    raise ValueError(
        f"{path} must be a SavedModel or a folder of versions, numbered from "
        f"0 to {_LAST_VERSION}. Found there: {found}"
    )


def is_version(name):
    """Tells whether a server takes the name of a folder for a version."""
    # What is no int64, it does not see.
    return re.fullmatch("[0-9]+", name) and int(name) <= _LAST_VERSION


def _specs(tensors):
    return {
        name: tf.TensorSpec(info.tensor_shape, tf.as_dtype(info.dtype), name)
        for name, info in sorted(tensors.items())
    }


def sentence_of(error):
    """Takes the words of an assertion out of a report about graph nodes."""
    text = re.sub(r"\s*\[\[\{\{node.*", "", error.message, flags=re.DOTALL)
    found = re.search(r"assertion failed: \[(.*)\]", text, flags=re.DOTALL)
    if not found:
        return text.strip()
    # What TensorFlow adds about the tensors it compared says less.
    words = found.group(1).partition("] [Condition ")[0]
    # It escapes what it prints, as in C.
    words = re.sub(r"""\\(["'\\?])""", r"\1", words)
    # An assertion prints each of its parts in brackets.
    return words.replace("] [", " ")


def _write(path, content):
    """Writes a file that is whole, or as it was before."""
    beside = f"{path}.tmp"
    try:
        with open(beside, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except OSError as error:
        raise OSError(
            error.errno,
            f"Could not write {path}: {error.strerror}. What was there before "
            "is untouched. Name another file, or make room on the disk",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)


def _for_json(array):
    array = np.asarray(array)
    if array.size <= _LONGEST_PRINTED:
        return _plain(array.tolist())
    summary = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind == "O":
        return {**summary, "dtype": "string"}
    return {
        **summary,
        "min": _plain(array.min().item()),
        "max": _plain(array.max().item()),
    }


def _plain(value):
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)  # JSON has no word for it.
    return value


def _for_npz(array):
    array = np.asarray(array)
    # Bytes of a fixed width: objects would need pickle to be read back.
    return array.astype(bytes) if array.dtype.kind == "O" else array
