"""What every exported model promises, each promise a plain function.

`served` is what `serving.served` returns.
"""

import numpy as np
import tensorflow as tf

from keras_genseq.export.warmup import WARMUP_FILE
from tests.conformance.malformed import malformed_requests
from training.query_inputs import read_warmup_requests

DRAWS = ("sample", "complete")


def assert_close(value, expected):
    value, expected = np.asarray(value), np.asarray(expected)
    if value.dtype.kind in "OSU":
        np.testing.assert_array_equal(value, expected)
    else:
        # Two of them would be taken for equal.
        assert not np.isnan(expected).any()
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


def answers_as_python(served, model):
    signatures = model.serving_signatures()
    assert served and served.keys() == signatures.keys()
    for name, asked in served.items():
        # Five rows, and one alone; one draw, as eager loops take their time.
        for request, answer in asked[: 1 if name in DRAWS else 2]:
            expected = signatures[name].function(**request)
            assert set(answer) == set(expected), answer
            for key, value in expected.items():
                assert_close(answer[key], value)


def answers_rows_alone_and_together_alike(served):
    assert served
    for asked in served.values():
        (_, together), *alone = asked[:6]
        assert len(alone) == 5
        for i, (_, answer) in enumerate(alone):
            assert answer.keys() == together.keys()
            for key, value in answer.items():
                assert_close(value[0], together[key][i])
        for value in together.values():
            assert (np.asarray(value) != np.asarray(value)[:1]).any()


def refuses_bad_requests(served, case):
    assert case.bad_requests
    for signature, asked in served.items():
        (_, good), rest = asked[0], asked[6:-1]
        expected = [words for _, words in case.bad_requests[signature]]
        assert expected
        refused, then = rest[::2], rest[1::2]
        for (_, error), words in zip(refused, expected, strict=True):
            assert isinstance(error, str) and words in error, error
        for _, answer in then:
            assert answer.keys() == good.keys()
            for key, value in answer.items():
                np.testing.assert_array_equal(value, good[key])


def samples_as_served(served, model, case):
    """The public methods answer what the signatures do."""
    request, answer = served["sample"][0]
    num_samples = len(request["seed"])
    is_exact = case.kind == "density" and case.draws_categories
    rtol = 0.0 if is_exact else 1e-4
    samples = model.sample(num_samples, **request)
    np.testing.assert_allclose(samples, answer["x"], rtol=rtol, atol=rtol)
    if "complete" in served:
        request, answer = served["complete"][0]
        completed = model.complete(**request)
        np.testing.assert_allclose(completed, answer["x"], rtol=rtol, atol=rtol)


def answers_as_cpp(served, server, path):
    """What a server replays on load, and five rows, in Python and in C++."""
    warmups = read_warmup_requests(str(path / WARMUP_FILE))
    assert served and warmups.keys() - {"serving_default"} == served.keys()
    for name, request in warmups.items():
        asked = served.get(name, ())
        together, example = asked[:1], asked[-1:]
        for sent, expected in [*together, *example]:
            answer = server.run(name, sent)
            assert answer.keys() == expected.keys()
            for key, value in expected.items():
                assert_close(answer[key], value)
        # The record itself, and of the default signature that record alone.
        answer = server.run(name, request)
        assert answer and all(len(value) == 1 for value in answer.values())


def cpp_refuses_malformed_requests(served, server, model):
    """Each by our sentence; and the next good one is answered right."""
    for name, endpoint in model.endpoints().items():
        request, expected = served[name][-1]
        for what, bad, words in malformed_requests(endpoint):
            refusal = server.run(name, bad)
            where = f"{name}, {what}: {refusal}"
            assert isinstance(refusal, str), where
            assert refusal.code == tf.errors.INVALID_ARGUMENT, where
            assert "assertion failed: [" in refusal, where
            assert words in refusal, where
            answer = server.run(name, request)
            for key, value in expected.items():
                assert_close(answer[key], value)
