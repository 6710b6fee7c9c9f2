"""Asks exported models in one process without our package."""

import pickle
import subprocess
import sys

import numpy as np

# Loads every SavedModel as TensorFlow Serving does, runs the requests that come
# in, and answers or sends the errors' sentences.
_ANSWER = """
import os, pickle, sys
answers_to = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
sys.modules["keras_genseq"] = sys.modules["keras"] = None
from training.query import ServingSession
while True:
    try:
        path, requests = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    session = ServingSession(path)
    answers = []
    for signature, inputs in requests:
        try:
            answers.append(session.run(signature, **inputs))
        except Exception as error:
            answers.append(str(error))
    del session
    pickle.dump(answers, answers_to)
    answers_to.flush()
"""


class ServingProcess:
    """A process that answers as TensorFlow Serving does, for many models."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ANSWER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ask(self, path, requests):
        """Answers of a SavedModel.

        Args:
            path: str.
            requests: list of (signature, dict of arrays).

        Returns:
            list of dicts of arrays, or of an error's sentence.
        """
        pickle.dump((str(path), requests), self._process.stdin)
        self._process.stdin.flush()
        return pickle.load(self._process.stdout)

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)


def rows(signature, size, offset=0):
    """A valid request of several rows, each another one."""
    rng = np.random.default_rng(offset)
    request = {}
    for name, value in signature.example.items():
        shape = (size, *value.shape[1:])
        if value.dtype == bool:
            request[name] = rng.random(shape) < 0.5
            # No row of parts is empty.
            request[name][:, 0] |= name == "validity"
        elif value.dtype.kind == "O":
            words = [value[0] * (i % 4) for i in range(1, size + 1)]
            request[name] = np.array(words, object)
        elif name in ("length", "horizon", "max_new_tokens"):
            # Rows of one length: a batch of several is as long as the longest.
            request[name] = np.repeat(value, size)
        elif name == "seed":
            request[name] = rng.integers(0, 1000, shape).astype(value.dtype)
        elif name == "best_of":
            request[name] = rng.integers(1, 4, shape).astype(value.dtype)
        elif name == "top_k":
            # One token alone would leave nothing to draw.
            request[name] = 2 * rng.integers(0, 2, shape).astype(value.dtype)
        elif value.dtype.kind == "i":
            request[name] = rng.integers(0, 2, shape).astype(value.dtype)
        elif name == "temperature":
            request[name] = rng.uniform(0.3, 1.5, shape).astype("float32")
        elif name == "top_p":
            request[name] = rng.uniform(0.8, 1.0, shape).astype("float32")
        else:
            request[name] = rng.integers(0, 2, shape).astype("float32")
    return request


def row(request, i):
    return {name: value[i : i + 1] for name, value in request.items()}


def requests_of(signatures, bad_requests):
    """What a model is asked, signature by signature.

    Five rows together, each of them alone, and every bad request, after it the
    five again; at last its example.

    Args:
        signatures: dict of `Signature`s.
        bad_requests: as in `ModelCase`.

    Returns:
        list of (signature, dict of arrays).
    """
    requests = []
    for name, signature in signatures.items():
        five = rows(signature, 5)
        requests.append((name, five))
        requests += [(name, row(five, i)) for i in range(5)]
        for bad, _ in bad_requests.get(name, ()):
            request = row(five, 0)
            request.update({k: v for k, v in bad.items() if k in request})
            requests += [(name, request), (name, five)]
        requests.append((name, signature.example))
    return requests


def served(model, case, path, process):
    """Asks an exported model.

    Args:
        model: the model, in Python.
        case: its row.
        path: where it is exported.
        process: `ServingProcess`.

    Returns:
        dict: signature -> list of (request, answer), in the order of asking.
    """
    requests = requests_of(model.serving_signatures(), case.bad_requests)
    found = {}
    answers = process.ask(path, requests)
    for (name, request), answer in zip(requests, answers, strict=True):
        found.setdefault(name, []).append((request, answer))
    return found
