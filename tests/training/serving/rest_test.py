"""Paths, formats and errors of the REST of TensorFlow Serving."""

import base64
import json
import socket
import urllib.parse

import numpy as np
import pytest
import tensorflow as tf

from tests.export.toy_model import toy_model
from tests.training.serving.conftest import Asker
from training.serving import Limits
from training.serving import running_server

ROWS = [[0.25] * 4, [0.5] * 4]


def score(seed=0):
    x = tf.constant(ROWS)
    return toy_model(seed).score(x)["log_prob"].numpy().tolist()


def test_columns_and_rows(ask):
    request = {"signature_name": "score", "inputs": {"x": ROWS}}
    for inputs in ({"x": ROWS}, ROWS):
        status, answer = ask(
            "/v1/models/toy:predict", {**request, "inputs": inputs}
        )
        assert status == 200
        # One output alone has no name.
        np.testing.assert_allclose(answer["outputs"], score(), atol=1e-6)
    for instances in (ROWS, [{"x": row} for row in ROWS]):
        body = {"signature_name": "score", "instances": instances}
        _, answer = ask("/v1/models/toy:predict", body)
        np.testing.assert_allclose(answer["predictions"], score(), atol=1e-6)


def test_several_outputs_have_names(ask):
    body = {"signature_name": "encode", "instances": ["b a", "c a"]}
    _, answer = ask("/v1/models/toy:predict", body)
    assert answer == {
        "predictions": [
            {"text": "b a", "token_ids": [2, 1]},
            {"text": "c a", "token_ids": [3, 1]},
        ]
    }
    body = {"signature_name": "encode", "inputs": {"text": ["b"]}}
    _, answer = ask("/v1/models/toy:predict", body)
    assert answer == {"outputs": {"text": ["b"], "token_ids": [[2]]}}


@pytest.mark.parametrize("content", [b"a\0b\0", "é".encode(), b"\xff\xfe"])
def test_bytes_travel_in_base64(ask, content):
    encoded = {"b64": base64.b64encode(content).decode()}
    for inputs in ({"inputs": [encoded]}, {"instances": [encoded]}):
        body = {"signature_name": "encode", **inputs}
        status, answer = ask("/v1/models/toy:predict", body)
        assert status == 200
        (row,) = answer.get("predictions") or [
            {k: v[0] for k, v in answer["outputs"].items()}
        ]
        text = row["text"]
        # What is no UTF-8 comes back as it went.
        assert text == (encoded if content[0] == 0xFF else content.decode())


def test_versions_and_states(ask):
    body = {"signature_name": "score", "inputs": ROWS}
    _, answer = ask("/v1/models/toy/versions/2:predict", body)
    np.testing.assert_allclose(answer["outputs"], score(), atol=1e-6)
    status, answer = ask("/v1/models/toy/versions/1:predict", body)
    assert status == 404
    assert answer["error"] == "Model 'toy' has no version 1 here. It has: 2"
    _, answer = ask("/v1/models/toy")
    (state,) = answer["model_version_status"]
    assert state["version"] == "2" and state["state"] == "AVAILABLE"
    assert state["status"] == {"error_code": "OK", "error_message": ""}


def test_metadata_are_the_signatures(ask):
    _, answer = ask("/v1/models/toy/metadata")
    assert answer["model_spec"]["version"] == "2"
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == {"encode", "sample", "score", "serving_default"}
    x = signatures["score"]["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in x["tensor_shape"]["dim"]] == ["-1", "4"]


@pytest.mark.parametrize(
    "path, body, status, words",
    [
        ("/v1/models/none", None, 404, "no model 'none'. There are: nade, toy"),
        ("/v1/models/%2e%2e%2ftoy/metadata", None, 404, "There is nothing at"),
        ("/v1/models/../../etc/passwd", None, 404, "There is nothing at"),
        ("/v1/models/toy/versions/x", None, 400, "A version is a number"),
        ("/v1/models/toy/labels/stable", None, 404, "no label 'stable'"),
        ("/v1/models/toy:classify", b"{}", 404, "There is nothing at"),
        ("/v1/models/toy/metadata", b"{}", 405, "takes GET. Received: POST"),
        ("/v1/models/toy:predict", None, 405, "takes POST. Received: GET"),
        ("/v1/models/toy:predict", b"{", 400, "is no JSON"),
        ("/v1/models/toy:predict", b"\xff\x00", 400, "is no JSON"),
        ("/v1/models/toy:predict", b"[" * 100000, 400, "too deeply"),
        ("/v1/models/toy:predict", b"[]", 400, "Received: a list"),
        ("/v1/models/toy:predict", {}, 400, 'either "inputs"'),
        (
            "/v1/models/toy:predict",
            {"signature_name": "nothing", "inputs": 1},
            400,
            "no signature 'nothing'. It has: encode",
        ),
        (
            "/v1/models/toy:predict",
            {"signature_name": "sample", "inputs": [1]},
            400,
            "must have the names of inputs",
        ),
        (
            "/v1/models/toy:predict",
            {"signature_name": "score", "instances": [{"x": 1}, {"y": 1}]},
            400,
            "must name the same inputs",
        ),
        (
            "/v1/models/toy:predict",
            {"signature_name": "score", "inputs": [[2.0] * 4]},
            400,
            "`x` must be an image with pixels in [0, 1].",
        ),
        (
            "/v1/models/toy:predict",
            {"signature_name": "encode", "inputs": ["\ud800"]},
            400,
            "surrogates not allowed",
        ),
        (
            "/v1/models/toy:predict",
            {"signature_name": "encode", "inputs": [{"b64": "?"}]},
            400,
            "b64",
        ),
    ],
)
def test_errors_are_sentences(ask, path, body, status, words):
    found, answer = ask(path, body)
    assert found == status, answer
    assert words in answer["error"]


def test_metrics_are_those_of_prometheus(ask):
    ask("/v1/models/toy:predict", {"signature_name": "score", "inputs": ROWS})
    ask("/v1/models/other:predict", {})
    for path in ("/metrics", "/monitoring/prometheus/metrics"):
        status, text = ask(path)
        assert status == 200
        lines = text.decode().splitlines()
        assert any(
            line.startswith(
                'requests_total{code="OK",model="toy",protocol="REST"}'
            )
            for line in lines
        )
    # A name that nobody serves is no label.
    assert not any("other" in line for line in lines)


def test_limits_of_body_time_and_number(toys):
    limits = Limits(max_body_bytes=1000, max_seconds=0.5, max_pending=1)
    with running_server(toys, limits=limits, tell=lambda s: None) as server:
        ask = Asker(server.url)
        body = {"signature_name": "score", "inputs": ROWS * 100}
        status, answer = ask("/v1/models/toy:predict", body)
        assert status == 413 and "at most 1000 bytes" in answer["error"]
        address = urllib.parse.urlsplit(server.url).netloc.split(":")
        with socket.create_connection(address) as slow:
            slow.sendall(
                b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\n"
                b"Content-Length: 99\r\n\r\n{"
            )
            # While it is pending nobody else is admitted.
            answers = [Asker(server.url)("/v1/models/toy") for _ in range(3)]
            assert 503 in [status for status, _ in answers]
            answer = slow.recv(1000)
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"did not come in time" in answer + slow.recv(1000)
        body = {"signature_name": "score", "inputs": ROWS}
        status, answer = Asker(server.url)(
            "/v1/models/toy:predict", json.dumps(body)
        )
        assert status == 200
