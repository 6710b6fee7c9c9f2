"""Requests run together and do not hear each other."""

import asyncio
import concurrent.futures
import time

import numpy as np
import pytest

from training.serving.batcher import Batcher
from training.serving.request_error import RequestError
from training.serving.servable import Servable

SLOW = 0.05


@pytest.fixture(scope="module")
def servable(toys):
    return Servable(str(toys), str(toys / "toy" / "2"), "toy", 2)


def answers(servable, requests, num_threads=1, max_rows=64, seconds=30.0):
    """Answers to requests that come at once, and the sizes of their runs."""
    sizes = []

    async def ask_all():
        with concurrent.futures.ThreadPoolExecutor(num_threads) as executor:
            batcher = Batcher(
                servable, executor, num_threads, max_rows, sizes.append
            )
            deadline = time.monotonic() + seconds
            return await asyncio.gather(
                *(
                    batcher.answer(name, arrays, deadline)
                    for name, arrays in requests
                ),
                return_exceptions=True,
            )

    return asyncio.run(ask_all()), sizes


def pixels(*values):
    return "score", {"x": np.array([[v] * 4 for v in values], "float32")}


def test_those_that_wait_run_together_and_answer_as_alone(servable):
    requests = [pixels(*np.linspace(0.1, 0.9, i % 3 + 1)) for i in range(20)]
    found, sizes = answers(servable, requests)
    # The first finds the thread free; the others gather meanwhile.
    assert sizes == [20] or sizes == [1, 19]
    for (name, arrays), answer in zip(requests, found, strict=True):
        expected = servable.run(name, arrays)
        np.testing.assert_allclose(
            answer["log_prob"], expected["log_prob"], atol=1e-5
        )
    _, sizes = answers(servable, requests, max_rows=8)
    assert sum(sizes) == 20 and len(sizes) >= 5


@pytest.mark.parametrize("bad", [[0], [9], [3, 4], [0, 5, 9]])
def test_a_bad_request_is_refused_alone(servable, bad):
    requests = [pixels(2.0 if i in bad else 0.05 * i) for i in range(10)]
    found, _ = answers(servable, requests)
    for i, answer in enumerate(found):
        if i in bad:
            assert isinstance(answer, RequestError)
            assert answer.code.name == "INVALID_ARGUMENT"
            assert answer.sentence.startswith("`x` must be an image")
        else:
            expected = servable.run(*requests[i])["log_prob"]
            np.testing.assert_allclose(answer["log_prob"], expected, atol=1e-5)


def test_random_rows_are_the_same_in_any_company(servable):
    def request(seed):
        seed = np.array([seed], "int32")
        return "sample", {"seed": seed, "temperature": np.ones(1, "float32")}

    together, sizes = answers(servable, [request(i) for i in range(8)])
    assert max(sizes) > 1
    for i, answer in enumerate(together):
        alone = servable.run(*request(i))["x"]
        np.testing.assert_allclose(answer["x"], alone, atol=1e-6)


def test_answers_as_wide_as_their_longest_row_do_not_mix(servable):
    requests = [
        ("encode", {"text": np.array([text], object)})
        for text in (b"a", b"a b c", b"b a")
    ]
    found, sizes = answers(servable, requests)
    assert sizes == [1, 1, 1]
    shapes = [answer["token_ids"].shape for answer in found]
    assert shapes == [(1, 1), (1, 3), (1, 2)]


def test_uneven_columns_and_no_rows_run_alone_and_are_refused(servable):
    seeds = np.arange(2, dtype="int32")
    uneven = {"seed": seeds, "temperature": np.ones(3, "float32")}
    found, sizes = answers(servable, [("sample", uneven)] * 2)
    assert sizes == [1, 1]
    assert all(isinstance(answer, RequestError) for answer in found)


class SlowServable:
    """Answers after a while, and only so many times."""

    def __init__(self, servable):
        self.num_rows = servable.num_rows
        self.rows = []

    def run(self, signature, arrays, timeout):
        time.sleep(SLOW)
        self.rows.append(len(arrays["x"]))
        return {"log_prob": arrays["x"][:, 0]}


def test_a_request_that_was_given_up_is_not_run(servable):
    slow = SlowServable(servable)

    async def ask():
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            batcher = Batcher(slow, executor, 1, 1, lambda size: None)
            deadline = time.monotonic() + 30
            first, second, third = (
                asyncio.create_task(batcher.answer(*pixels(0.1 * i), deadline))
                for i in range(3)
            )
            await asyncio.sleep(SLOW / 2)
            second.cancel()
            await asyncio.gather(first, third)

    asyncio.run(ask())
    assert len(slow.rows) == 2
