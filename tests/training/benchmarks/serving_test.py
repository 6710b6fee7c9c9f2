"""The load checks every answer, and tells of a wrong one."""

import asyncio

import numpy as np
import pytest

from keras_genseq.export import publish
from keras_genseq.models import MADE
from tests.export.served_toys import toys  # noqa: F401
from training.benchmarks import serving
from training.query import ServingSession
from training.serving import running_server

INPUTS = {"x": np.full((1, 4), 0.25, "float32")}


@pytest.fixture(scope="module")
def server(toys):  # noqa: F811
    with running_server(toys, tell=lambda sentence: None) as server:
        yield server


@pytest.fixture(scope="module")
def answers(toys):  # noqa: F811
    return [
        ServingSession(toys / "toy" / version).run("score", **INPUTS)
        for version in "21"
    ]


def test_answers_are_counted_and_timed(server, answers):
    questions = [("toy", "score", INPUTS, answers)]
    urls = [server.url, server.grpc_url]
    found = asyncio.run(serving.load(urls, questions, 2, old_alone=True))
    times = found["`toy` `score`"]
    assert len(times) == 2 * serving.NUM_CLIENTS
    assert all(seconds > 0 and version == 0 for seconds, version in times)
    table = serving._table(found)
    assert "| all | 64 |" in table and "p99 ms" in table


def test_an_answer_of_another_version_is_told(server, answers):
    questions = [("toy", "score", INPUTS, answers[::-1])]
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(serving.load(server.url, questions, 1, old_alone=True))
    assert "toy, score: a wrong answer." in str(raised.value.exceptions[0])
    found = asyncio.run(serving.load(server.url, questions, 1))
    assert {version for _, version in found["`toy` `score`"]} == {1}


def test_a_perceptron_is_asked_by_requests_made_before(tmp_path):
    root, other = tmp_path / "served", tmp_path / "other"
    for folder in (root, other):
        publish(MADE(784, (4,)), folder, "made", card={})
    with running_server(root, tell=lambda sentence: None) as server:
        found = asyncio.run(serving.load_bare(server.url, root, 2))
        assert "| `made` `score` | 32 |" in serving._table(found)
        with pytest.raises(ExceptionGroup) as raised:
            asyncio.run(serving.load_bare(server.url, other, 2))
    assert "A wrong answer" in str(raised.value.exceptions[0])
