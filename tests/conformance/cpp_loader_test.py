"""Exported models behind TensorFlow's C++ loader, without Python between.

Python's session refuses what does not fit a placeholder before the graph sees
it. A server does not: what is refused here the graph itself refuses.
"""

import pytest

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
