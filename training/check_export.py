"""Checks an exported model the way a server runs it.

Run    python -m training check-export saved_models/NAME [--against RUN]
"""

import contextlib
import json
import os
import sys
import time

import numpy as np
import tensorflow as tf

from training.query import ServingSession
from training.query import sentence_of

BATCH_SIZES = (1, 2, 5, 64)
TOLERANCE = 1e-5
_NUM_ALONE = 5
_NUM_TIMED = 5


def check_export(saved_model, against=None):
    """Checks a SavedModel, and prints a line for each promise.

    It is loaded where neither Keras nor this package can be imported, answers
    its own warm-up requests, answers each row alike alone, in batches of up to
    64 and in any order, holds no operation that a stock server refuses, and is
    what its card says.

    Args:
        saved_model: path of a SavedModel, or of a folder of versions, of which
            the highest is taken.
        against: optional path of a run or a `.keras` file, whose model must
            give the same answers in Python; with weights rounded as the
            exported ones are.

    Returns:
        list of the lines.

    Raises:
        ValueError: if there is no SavedModel, or a promise is broken.
    """
    findings = Findings()
    with without_package():
        session = ServingSession(saved_model)
        findings.add(
            f"{session.path} loads where neither `keras` nor `keras_genseq` "
            "can be imported"
        )
        findings.check(_check_card, session)
        answers = {}
        for name in session.signatures:
            findings.check(_check_signature, session, name, answers)
    findings.check(_check_operations, session)
    if against is not None:
        model = _python_model(against, _weights_of(session))
        for name, answer in answers.items():
            findings.check(_check_python, model, name, *answer)
    findings.finish()
    return findings.lines


class Findings:
    """What was found, printed line by line."""

    def __init__(self):
        self.lines = []
        self.num_broken = 0

    def add(self, words, word="ok"):
        self.lines.append(f"{word:6} {words}")
        print(self.lines[-1], flush=True)

    def check(self, promise, *args):
        """Adds what a promise returns, or the sentence that it raises."""
        try:
            words = promise(*args)
        except (ValueError, tf.errors.OpError) as error:
            is_op = isinstance(error, tf.errors.OpError)
            self.add(sentence_of(error) if is_op else str(error), "BROKEN")
            self.num_broken += 1
        else:
            self.add(words)

    def finish(self):
        if self.num_broken:
            raise ValueError(
                f"{self.num_broken} of {len(self.lines)} checks failed: the "
                "lines above say which."
            )


@contextlib.contextmanager
def without_package():
    """Nothing can import Keras or this package's library for a while."""
    names = ("keras", "keras_genseq")
    kept = {name: sys.modules.get(name) for name in names}
    sys.modules.update(dict.fromkeys(names))
    try:
        yield
    finally:
        for name, module in kept.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def _check_operations(session):
    from keras_genseq.export.serving_graph import check_graph

    graph = session.graph_def
    check_graph("The model", graph)
    nodes = [
        *graph.node,
        *(n for f in graph.library.function for n in f.node_def),
    ]
    words = f"{len({n.op for n in nodes})} kinds of operations"
    if session.needs_text:
        return f"{words}, some of tensorflow-text, all in stock servers"
    return f"{words}, all in stock servers"


def _check_card(session):
    path = os.path.join(os.path.dirname(session.path), "card.json")
    if not os.path.exists(path):
        return "there is no card beside this SavedModel"
    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)["signatures"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read as a card: {error!r}"
        ) from error
    found = {
        name: {
            side: {
                key: [spec.dtype.name, spec.shape.as_list()]
                for key, spec in specs.items()
            }
            for side, specs in signature.items()
        }
        for name, signature in session.signatures.items()
    }
    said = {
        name: {
            side: {
                key: [facts["dtype"], facts["shape"]]
                for key, facts in signature[side].items()
            }
            for side in ("inputs", "outputs")
        }
        for name, signature in told.items()
    }
    if said != found:
        different = [
            name
            for name in sorted({*said, *found})
            if said.get(name) != found.get(name)
        ]
        raise ValueError(
            f"{path} tells of other tensors than the signatures "
            f"{', '.join(different)} have. Export the model again."
        )
    return f"the card tells of all {len(found)} signatures"


def _check_signature(session, name, answers):
    """One signature: its example, batches, and rows in another order."""
    example = session.example(name)
    session.run(name, **example)
    rows = _rows(session, name, example, max(BATCH_SIZES))
    alone = [session.run(name, **_some(rows, [i])) for i in range(_NUM_ALONE)]
    furthest = 0.0
    for size in BATCH_SIZES:
        order = np.random.default_rng(size).permutation(size)
        batch = session.run(name, **_some(rows, order))
        for place, i in enumerate(order):
            if i >= _NUM_ALONE:
                continue
            row = {key: value[[place]] for key, value in batch.items()}
            distance, key = _distance(alone[i], row)
            if not distance <= TOLERANCE:
                raise ValueError(
                    f"{name}: {key!r} of a row differs by {distance:.1e} in a "
                    f"batch of {size} from the same row alone. An answer must "
                    "be finite and depend on its own row."
                )
            furthest = max(furthest, distance)
    request = _some(rows, range(_NUM_ALONE))
    answers[name] = request, session.run(name, **request)
    started = time.perf_counter()
    for _ in range(_NUM_TIMED):
        session.run(name, **example)
    seconds = (time.perf_counter() - started) / _NUM_TIMED
    return (
        f"{name}: its example, and each row alike alone and in shuffled "
        f"batches of {', '.join(map(str, BATCH_SIZES))} (within "
        f"{furthest:.0e}); {1000.0 * seconds:.1f} ms a call of one row"
    )


def _rows(session, name, example, size):
    """Requests of many rows: other seeds, and other values where the model
    takes them."""
    rows = {}
    for key, value in example.items():
        value = np.repeat(value[:1], size, axis=0)
        if key == "seed":
            value = value + np.arange(size, dtype=value.dtype)
        rows[key] = value
    for key, value in example.items():
        if value.ndim < 2 or value.dtype.kind not in "fi":
            continue
        moved = [np.roll(value[0], i, axis=0) for i in range(size)]
        changed = {**rows, key: np.stack(moved)}
        try:
            session.run(name, **changed)
        except tf.errors.InvalidArgumentError:
            continue
        rows = changed
    return rows


def _some(rows, indices):
    return {key: value[list(indices)] for key, value in rows.items()}


def _distance(expected, found):
    """How far answers are apart, relatively where they are large.

    Returns:
        The largest distance, infinite where numbers are not finite or what is
        no float differs; and the output that has it.
    """
    distances = {}
    for key, value in expected.items():
        a, b = _padded(value, found[key])
        if a.dtype.kind != "f":
            distances[key] = 0.0 if np.array_equal(a, b) else np.inf
        elif not (np.isfinite(a).all() and np.isfinite(b).all()):
            distances[key] = np.inf
        else:
            scale = np.maximum(np.abs(a), 1.0)
            distances[key] = float(np.max(np.abs(a - b) / scale, initial=0.0))
    key = max(distances, key=distances.get)
    return distances[key], key


def _padded(*arrays):
    """Arrays as wide as the widest one.

    Answers of a language model are as wide as the longest of their batch.
    """
    shape = np.max([array.shape for array in arrays], axis=0)
    return [
        array
        if array.dtype.kind == "O"
        else np.pad(
            array,
            [(0, n - m) for n, m in zip(shape, array.shape, strict=True)],
        )
        for array in arrays
    ]


def _weights_of(session):
    """How the card of a version says that its matrices are kept."""
    path = os.path.join(session.path, "assets.extra", "card.json")
    if not os.path.exists(path):
        return "float32"
    with open(path, encoding="utf-8") as file:
        return json.load(file).get("weights", "float32")


def _python_model(path, weights):
    import keras_genseq
    from keras_genseq.export.small_weights import round_weights

    model = keras_genseq.load(path)
    if weights != "float32":
        round_weights(model, weights)
    return model


def _check_python(model, name, request, served):
    """The Python model gives the answers that were served."""
    from keras_genseq.export.serving_graph import serving_signatures

    signature = serving_signatures(model)[name]
    inputs = {
        key: tf.convert_to_tensor(value, signature.inputs[key].dtype)
        for key, value in request.items()
    }
    answer = {k: v.numpy() for k, v in signature.function(**inputs).items()}
    distance, key = _distance(served, answer)
    if not distance <= TOLERANCE:
        raise ValueError(
            f"{name}: {key!r} differs by {distance:.1e} from the answer of the "
            "Python model. Export it again."
        )
    return f"{name}: as the Python model answers (within {distance:.0e})"
