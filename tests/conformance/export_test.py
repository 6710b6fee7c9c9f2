"""Every promise of an exported model, in a process without our package."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tests.conformance.table import EVERY_MODEL
from tests.conformance.table import GAMES
from tests.conformance.table import MODELS

# Loads every SavedModel as TensorFlow Serving does, runs all requests of a
# pickle, and writes the answers or the errors' sentences.
ANSWER = """
import pickle, sys
sys.modules["keras_genseq"] = sys.modules["keras"] = None
from training.query import ServingSession
with open(sys.argv[1], "rb") as file:
    requests = pickle.load(file)
answers = []
sessions = {}
for path, signature, inputs in requests:
    if path not in sessions:
        sessions[path] = ServingSession(path)
    try:
        answers.append(sessions[path].run(signature, **inputs))
    except Exception as error:
        answers.append(str(error))
with open(sys.argv[2], "wb") as file:
    pickle.dump(answers, file)
"""


def rows(signature, size, offset=0):
    """A valid request of several rows, each another one."""
    rng = np.random.default_rng(offset)
    request = {}
    for name, value in signature.example.items():
        shape = (size, *value.shape[1:])
        if value.dtype == bool:
            request[name] = rng.random(shape) < 0.5
        elif value.dtype.kind == "O":
            words = [value[0] * (i % 4) for i in range(1, size + 1)]
            request[name] = np.array(words, object)
        elif name in ("length", "horizon", "max_new_tokens"):
            # Rows of one length: a batch of several is as long as the longest.
            request[name] = np.repeat(value, size)
        elif name == "seed":
            request[name] = rng.integers(0, 1000, shape).astype(value.dtype)
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


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Requests and answers of every signature of every model."""
    folder = tmp_path_factory.mktemp("exported")
    models, requests = {}, []
    for name, case in EVERY_MODEL.items():
        model = models[name] = case.make()
        rng = np.random.default_rng(5)
        for weight in model.weights:
            value = case.weight_scale * rng.normal(size=weight.shape)
            is_positive = weight.name == "moving_variance"
            weight.assign(np.abs(value) if is_positive else value)
        path = str(folder / name)
        model.export(path)
        for signature_name, signature in model.serving_signatures().items():
            five = rows(signature, 5)
            requests.append((path, signature_name, five))
            for i in range(5):
                requests.append((path, signature_name, row(five, i)))
            for bad, _ in case.bad_requests.get(signature_name, ()):
                request = row(five, 0)
                request.update({k: v for k, v in bad.items() if k in request})
                requests.append((path, signature_name, request))
                requests.append((path, signature_name, five))
    (folder / "requests").write_bytes(pickle.dumps(requests))
    script = [sys.executable, "-c", ANSWER]
    subprocess.run(
        [*script, str(folder / "requests"), str(folder / "answers")],
        check=True,
        timeout=300,
    )
    answers = pickle.loads((folder / "answers").read_bytes())
    return models, dict(enumerate(zip(requests, answers, strict=True)))


def answers_of(exported, name):
    """signature -> list of (request, answer), in the order of asking."""
    found = {}
    for (path, signature, request), answer in exported[1].values():
        if path.endswith("/" + name):
            found.setdefault(signature, []).append((request, answer))
    return found


CASES = pytest.mark.parametrize("name", EVERY_MODEL)
DENSITIES = pytest.mark.parametrize("name", MODELS)


def assert_close(value, expected):
    value, expected = np.asarray(value), np.asarray(expected)
    if value.dtype.kind in "OSU":
        np.testing.assert_array_equal(value, expected)
    else:
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


@CASES
def test_answers_as_the_python_model(exported, name):
    signatures = exported[0][name].serving_signatures()
    for signature, asked in answers_of(exported, name).items():
        # Five rows, and one alone; eager loops over pixels take their time.
        for request, answer in asked[:2]:
            expected = signatures[signature].function(**request)
            assert set(answer) == set(expected), answer
            for key, value in expected.items():
                assert_close(answer[key], value)


@CASES
def test_a_row_is_answered_alike_alone_and_in_a_batch(exported, name):
    for asked in answers_of(exported, name).values():
        (_, together), *alone = asked[:6]
        for i, (_, answer) in enumerate(alone):
            for key, value in answer.items():
                assert_close(value[0], together[key][i])
        for value in together.values():
            assert (np.asarray(value) != np.asarray(value)[:1]).any()


@CASES
def test_bad_requests_are_refused_and_the_next_one_answered(exported, name):
    bad_requests = EVERY_MODEL[name].bad_requests
    assert bad_requests
    for signature, asked in answers_of(exported, name).items():
        (_, good), rest = asked[0], asked[6:]
        expected = [words for _, words in bad_requests[signature]]
        refused, then = rest[::2], rest[1::2]
        for (_, error), words in zip(refused, expected, strict=True):
            assert isinstance(error, str) and words in error, error
        for _, answer in then:
            for key, value in answer.items():
                np.testing.assert_array_equal(value, good[key])


@pytest.mark.parametrize("name", [*MODELS, *GAMES])
def test_python_samples_equal_served_ones(exported, name):
    model = exported[0][name]
    (request, answer), *_ = answers_of(exported, name)["sample"]
    samples = model.sample(5, **request)
    is_exact = name in MODELS and MODELS[name].draws_categories
    rtol = 0.0 if is_exact else 1e-4
    np.testing.assert_allclose(samples, answer["x"], rtol=rtol, atol=rtol)
    if "complete" not in answers_of(exported, name):
        return
    (request, answer), *_ = answers_of(exported, name)["complete"]
    completed = model.complete(**request)
    np.testing.assert_allclose(completed, answer["x"], rtol=rtol, atol=rtol)


def test_export_replaces_an_older_model_and_lists_its_signatures(tmp_path):
    model = MODELS["NADE"].make()
    for _ in range(2):
        model.export(tmp_path / "nade")
    graph = (tmp_path / "nade" / "saved_model.pb").read_bytes()
    for name in ("score", "sample", "complete", "encode", "serving_default"):
        assert name.encode() in graph
    assert json.dumps(sorted(model.serving_signatures())) == json.dumps(
        ["complete", "encode", "sample", "score"]
    )
