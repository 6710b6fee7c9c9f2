"""Exported models behind TensorFlow's C++ loader, without Python between.

Python's session refuses what does not fit a placeholder before the graph sees
it. A server does not: what is refused here the graph itself refuses.
"""

import numpy as np
import pytest
import tensorflow as tf

from tests.conformance import serving_promises as promises
from tests.conformance.instances import exportable
from tests.conformance.rows import all_but_slow
from tests.conformance.table import EVERY_MODEL
from tests.export import cpp_server

pytestmark = pytest.mark.skipif(
    cpp_server.COMPILER is None, reason="there is no C++ compiler"
)


@pytest.fixture(scope="session")
def cpp():
    server = cpp_server.CppServer()
    yield server
    server.close()


@all_but_slow(EVERY_MODEL)
def test_warm_up_requests_are_answered_as_in_python(
    answers_of, exported, cpp, case
):
    cpp.load(exported(case))
    promises.answers_as_cpp(answers_of(case), cpp, exported(case))


@all_but_slow(EVERY_MODEL)
def test_malformed_requests_are_refused_by_our_sentences(
    answers_of, exported, cpp, case
):
    cpp.load(exported(case))
    model = exportable(case)
    promises.cpp_refuses_malformed_requests(answers_of(case), cpp, model)


# One that more than the server takes, and one that the model has no room for.
@pytest.mark.parametrize(
    "size, words", [(100_000, "65536"), (60_000, "positions")]
)
@pytest.mark.parametrize("name", ["score", "encode", "generate"])
def test_a_refused_text_costs_no_memory(exported, cpp, name, size, words):
    case = EVERY_MODEL["TransformerLanguageModel"]
    cpp.load(exported(case))
    endpoint = exportable(case).endpoints()[name]
    good = {k: v.example_row() for k, v in endpoint.inputs.items() if v.served}
    answer = cpp.run(name, good)
    text = next(iter(good))
    cpp.peak_memory()
    before = cpp.peak_memory()
    refusal = cpp.run(name, {**good, text: np.array([b"a" * size], object)})
    assert isinstance(refusal, cpp_server.Refusal) and words in refusal
    assert cpp.peak_memory() - before < 100e6
    again = cpp.run(name, good)
    for key, value in answer.items():
        np.testing.assert_array_equal(again[key], value)


def test_limits_are_set_at_export(cpp, tmp_path):
    model = exportable(EVERY_MODEL["RecurrentLanguageModel"])
    model.export(tmp_path / "model", max_steps=6)
    cpp.load(tmp_path / "model")
    seven = np.array([b"a" * 7], object)
    assert "`text` must have at most 6 steps" in cpp.run(
        "score", {"text": seven}
    )
    assert cpp.run("score", {"text": np.array([b"a" * 6], object)}).keys()
    request = {"seed": np.int32([3, 4]), "temperature": np.float32([1, 1])}
    refusal = cpp.run("sample", {**request, "length": np.int32([3, 7])})
    assert "`length` must be at most 6" in refusal
    answer = cpp.run("sample", {**request, "length": np.int32([3, 6])})
    assert answer["x"].shape == (2, 6)


def test_another_dtype_is_an_invalid_argument(exported, cpp):
    cpp.load(exported(EVERY_MODEL["NADE"]))
    for dtype in ("float64", "int32", "float16"):
        refusal = cpp.run("score", {"x": np.zeros((1, 7), dtype)})
        assert refusal.code == tf.errors.INVALID_ARGUMENT
        assert "float" in refusal
