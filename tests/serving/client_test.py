"""Clients get what the model answers, and try again only where it helps."""

import asyncio
import builtins
import concurrent.futures
import contextlib
import json
import re
import shutil
import socket
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from keras_genseq.export import promote
from keras_genseq.serving import AsyncClient
from keras_genseq.serving import Client
from keras_genseq.serving import ServerError
from tests.export.served_toys import small_nade
from tests.export.toy_model import toy_model
from training.serving import running_server

X = np.array([[0.25] * 4, [0.5] * 4], "float32")


@pytest.fixture(scope="module")
def server(toys, tmp_path_factory):
    root = shutil.copytree(toys, tmp_path_factory.mktemp("served") / "root")
    promote(root, "toy", 1)
    with running_server(root, tell=lambda sentence: None) as server:
        yield server


@pytest.fixture(scope="module", params=["http", "grpc"])
def client(request, server, toys):
    url = server.url if request.param == "http" else server.grpc_url
    with Client(url, cards=toys) as client:
        yield client


def score(seed):
    return toy_model(seed).score(tf.constant(X))["log_prob"]


def test_answers_as_the_model_in_python(client):
    for version, label, seed in ((1, None, 1), (None, None, 0)) + (
        (None, "stable", 1),
        (None, "canary", 0),
    ):
        answer = client.call(
            "toy", "score", {"x": X}, version=version, label=label
        )
        assert answer["log_prob"].dtype == "float32"
        np.testing.assert_allclose(answer["log_prob"], score(seed), atol=1e-6)
    model = small_nade()
    seeds = np.arange(5)
    answer = client.call("nade", "sample", {"seed": seeds, "temperature": 0.7})
    expected = model.sample(5, seed=list(range(5)), temperature=0.7)
    assert answer["x"].shape == expected.shape


def test_strings_come_and_go(client):
    texts = ["b a", "c é", b"\xff\0", ""]
    answer = client.call("toy", "encode", {"text": texts})
    assert answer["text"].tolist() == texts
    assert answer["token_ids"].tolist() == [[2, 1], [3, 0], [0, 0], [0, 0]]
    assert client.call("toy", "encode", {"text": "b"})["text"].tolist() == ["b"]


def test_knobs_have_the_defaults_of_the_card(client):
    given = {"seed": [1, 2, 3], "temperature": [1.0] * 3}
    full = client.call("nade", "sample", given)
    short = client.call("nade", "sample", {"seed": [1, 2, 3]})
    np.testing.assert_array_equal(short["x"], full["x"])
    # Seeds that nobody gave are drawn.
    rows = client.call("nade", "sample", num_rows=64)["x"]
    assert rows.shape == (64, 6) and len(np.unique(rows, axis=0)) > 4
    assert client.call("nade")["x"].shape == (1, 6)


def test_tells_signatures_and_states(client):
    signatures = client.signatures("toy")
    assert set(signatures) == {"encode", "sample", "score", "serving_default"}
    assert signatures["score"]["inputs"] == {"x": ("float32", (None, 4))}
    assert signatures["encode"]["outputs"]["text"] == ("object", (None,))
    states = client.status("toy")
    assert [(s["version"], s["state"]) for s in states] == [
        (2, "AVAILABLE"),
        (1, "AVAILABLE"),
    ]


@pytest.mark.parametrize(
    "model, inputs, options, code, words",
    [
        ("toy", {"x": X + 1}, {}, "INVALID_ARGUMENT", "must be an image"),
        ("toy", {"x": X[:, :3]}, {}, "INVALID_ARGUMENT", r"\(2, 3\)"),
        ("none", {"x": X}, {}, "NOT_FOUND", "There are: nade, toy"),
        ("toy", {"x": X}, {"version": 9}, "NOT_FOUND", "no version 9"),
        ("toy", {"x": X}, {"label": "new"}, "NOT_FOUND", "no label 'new'"),
    ],
)
def test_a_refusal_is_not_sent_again(
    client, model, inputs, options, code, words
):
    started = time.monotonic()
    with pytest.raises(ServerError, match=words) as raised:
        client.call(model, "score", inputs, **options)
    assert raised.value.code == code
    assert time.monotonic() - started < 1.0


def test_teaches_before_it_asks(client):
    with pytest.raises(ValueError, match="no signature 'none'"):
        client.call("toy", "none", {"x": X})
    with pytest.raises(ValueError, match="Give a version or a label, not both"):
        client.call("toy", "score", {"x": X}, version=1, label="stable")


@pytest.mark.parametrize(
    "model, options, words",
    [
        ("toy", {"inputs": X}, "must be a dict of input name .* a ndarray"),
        ("toy", {"num_rows": 0}, "`num_rows` must be positive"),
        ("toy", {"num_rows": 2.5}, "`num_rows` must be positive"),
        ("toy", {"timeout": "5"}, "`timeout` must be a finite number"),
        ("toy", {"timeout": np.nan}, "`timeout` must be a finite number"),
        ("toy", {"version": "1"}, "`version` must be an int"),
        ("toy", {"label": 3}, "`label` must be a str"),
        ("", {}, "must be the name of a model"),
        ("none/../toy", {}, "must be the name of a model"),
        (3, {}, "must be the name of a model"),
    ],
)
def test_arguments_of_other_kinds_are_refused(client, model, options, words):
    with pytest.raises(ValueError, match=words):
        client.call(model, "score", **{"inputs": {"x": X}, **options})


def test_many_threads_and_coroutines_share_a_client(client):
    xs = [X * i / 40 for i in range(40)]

    def ask(x):
        return client.call("toy", "score", {"x": x}, version=2)["log_prob"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, xs))

    async def ask_all():
        return await asyncio.gather(
            *(client.acall("toy", "score", {"x": x}, version=2) for x in xs)
        )

    model = toy_model(0)
    for x, one, other in zip(xs, answers, asyncio.run(ask_all()), strict=True):
        expected = model.score(tf.constant(x))["log_prob"]
        np.testing.assert_allclose(one, expected, atol=1e-5)
        np.testing.assert_allclose(other["log_prob"], expected, atol=1e-5)


def test_an_async_client_belongs_to_a_loop(server, toys):
    async def ask(url):
        async with AsyncClient(url, cards=toys) as client:
            assert len(await client.status("toy")) == 2
            assert "score" in await client.signatures("toy")
            return await client.call("toy", "score", {"x": X}, label="stable")

    for url in (server.url, server.grpc_url):
        answer = asyncio.run(ask(url))["log_prob"]
        np.testing.assert_allclose(answer, score(1), atol=1e-6)


METADATA = {
    "metadata": {
        "signature_def": {
            "signature_def": {
                "score": {
                    side: {
                        name: {
                            "dtype": "DT_FLOAT",
                            "tensor_shape": {"dim": [{"size": "-1"}]},
                        }
                    }
                    for side, name in (("inputs", "x"), ("outputs", "y"))
                }
            }
        }
    }
}


@contextlib.contextmanager
def scripted(*answers):
    """A server whose answers to predictions are (status, seconds)."""
    waiting, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.answer(200, METADATA)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(time.monotonic())
            status, seconds = waiting.pop(0) if waiting else (200, 0)
            time.sleep(seconds)
            if status is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            body = {"outputs": [1.0]} if status == 200 else {"error": "why"}
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.answer(status, body)

        def answer(self, status, body):
            body = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [503, 502, 429, None])
def test_what_passes_is_sent_again_after_growing_pauses(status):
    with scripted(*[(status, 0)] * 3) as (url, asked), Client(url) as client:
        answer = client.call("m", "score", {"x": [1.0]})
    assert answer["y"].tolist() == [1.0]
    assert len(asked) == 4
    pauses = np.diff(asked)
    # 50, 100, 200 ms, each times 0.5 to 1.5.
    assert (pauses >= [0.02, 0.04, 0.09]).all()


@pytest.mark.parametrize(
    "status, code",
    [
        (400, "INVALID_ARGUMENT"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (500, "INTERNAL"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_what_does_not_pass_is_sent_once(status, code):
    with scripted((status, 0)) as (url, asked), Client(url) as client:
        with pytest.raises(ServerError, match="why") as raised:
            client.call("m", "score", {"x": [1.0]})
        assert raised.value.code == code
        assert not raised.value.is_passing
    assert len(asked) == 1


def test_all_tries_share_one_deadline():
    with scripted(*[(503, 0)] * 99) as (url, asked), Client(url) as client:
        started = time.monotonic()
        with pytest.raises(ServerError, match="UNAVAILABLE: why"):
            client.call("m", "score", {"x": [1.0]}, timeout=0.4)
        assert time.monotonic() - started < 0.6
        assert 1 < len(asked) < 6
    with scripted((200, 1.0)) as (url, asked), Client(url) as client:
        with pytest.raises(ServerError, match="No answer in") as raised:
            client.call("m", "score", {"x": [1.0]}, timeout=0.2)
        assert raised.value.code == "DEADLINE_EXCEEDED"
        # After a deadline nothing is sent.
        time.sleep(0.3)
        assert len(asked) == 1


class ScriptedPrediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, *codes):
        self.codes = list(codes)
        self.num_asked = 0

    def GetModelMetadata(self, request, context):  # noqa: N802
        self.num_asked += 1
        context.abort(self.codes.pop(0), "why")


@pytest.mark.parametrize(
    "codes, num_asked",
    [
        (["UNAVAILABLE", "UNAVAILABLE", "NOT_FOUND"], 3),
        (["INVALID_ARGUMENT"], 1),
        (["DEADLINE_EXCEEDED"], 1),
        (["RESOURCE_EXHAUSTED"], 1),
        (["INTERNAL"], 1),
    ],
)
def test_codes_of_grpc_that_are_sent_again(codes, num_asked):
    service = ScriptedPrediction(*(grpc.StatusCode[code] for code in codes))
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        service, server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with Client(f"grpc://127.0.0.1:{port}") as client:
            with pytest.raises(ServerError, match="why") as raised:
                client.signatures("toy")
            assert raised.value.code == codes[-1]
        assert service.num_asked == num_asked
    finally:
        server.stop(None)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_where_nothing_listens_says_so(scheme):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Client(f"{scheme}://127.0.0.1:{port}", retries=2) as client:
        with pytest.raises(ServerError) as raised:
            client.status("toy", timeout=5.0)
        assert raised.value.code == "UNAVAILABLE"


@pytest.mark.parametrize(
    "url, options, message",
    [
        ("localhost:8501", {}, "http://HOST:PORT"),
        ("ftp://localhost", {}, "Received: url='ftp://localhost'"),
        ("http://localhost", {"timeout": 0}, "`timeout` must be positive"),
        ("http://localhost", {"retries": -1}, "`retries` not negative"),
        ("http://localhost", {"retries": 1.5}, "`retries` must be an int"),
        ("http://localhost", {"timeout": "5"}, "`timeout` must be a finite"),
        ("http://localhost", {"timeout": None}, "`timeout` must be a finite"),
        (None, {}, "Received: url=None"),
    ],
)
def test_teaches_how_a_client_is_made(url, options, message):
    with pytest.raises(ValueError, match=message):
        Client(url, **options)


@pytest.mark.parametrize(
    "scheme, package", [("http", "httpx"), ("grpc", "grpc")]
)
def test_says_what_to_install(monkeypatch, scheme, package):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name == package:
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr("importlib.import_module", lambda name: absent(name))
    with pytest.raises(ImportError, match=rf"needs {package}: `pip install"):
        Client(f"{scheme}://localhost:1")


def test_a_card_that_is_none_is_told(server, tmp_path):
    with (
        Client(server.url, cards=tmp_path) as client,
        pytest.raises(ValueError, match=r"toy/card\.json is no card"),
    ):
        client.call("toy", "score", {"x": X})


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_examples_run_as_they_stand(server, toys, kind):
    (code,) = re.findall(r"```python\n(.*?)```", kind.__doc__, re.DOTALL)
    for words, here in (
        ("http://localhost:8501", server.url),
        ("grpc://localhost:8500", server.grpc_url),
        ("saved_models", str(toys)),
    ):
        code = code.replace(words, here)
    names = {"asyncio": asyncio, kind.__name__: kind}
    exec(textwrap.dedent(code), names)
    if "client" in names:
        names["client"].close()
