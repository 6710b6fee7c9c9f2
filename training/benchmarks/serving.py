"""A server under load: many clients, signatures mixed, a version swapped.

The stand-in of `python -m training serve` in a process of its own, asked by
clients in this one, on the same cores. Every answer is compared with that of
the SavedModel in a session; nothing is sent twice.
"""

import asyncio
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import aiohttp
import keras
import numpy as np
import tensorflow as tf

from keras_genseq.export import publish
from keras_genseq.models import MADE
from keras_genseq.models import NADE
from keras_genseq.models import RecurrentLanguageModel
from keras_genseq.serving import AsyncClient
from keras_genseq.tokenizers import ByteTokenizer
from training.benchmarks.timing import measure
from training.markdown import markdown_table
from training.query import ServingSession

TITLE = "Serving"

NUM_CLIENTS = 32
_NUM_BARE_CLIENTS = 16
_NUM_SIGNATURES = 5
_NUM_REQUESTS = 16  # Different ones of each signature.
_REQUESTS_PER_REPEAT = 40  # Of one client, by one protocol.
# Sums in another order differ by so much.
_TOLERANCE = 1e-4


def benchmark(repeats, threads):
    """Loads a server, over both protocols and during a swap of versions.

    Args:
        repeats: int. Each client sends 40 times as many requests by each
            protocol.
        threads: int. Threads of the server that run models.

    Returns:
        str, Markdown.

    Raises:
        RuntimeError: if a request fails, an answer is wrong, or the new
            version does not come.
    """
    count = repeats * _REQUESTS_PER_REPEAT
    with tempfile.TemporaryDirectory() as folder:
        root, staged = pathlib.Path(folder, "served"), pathlib.Path(folder, "b")
        for where, seed in ((root, 0), (staged, 1)):
            for name, model in models(seed).items():
                publish(model, where, name, card={})
        publish(MADE(784, (256,)), root, "made", card={})
        questions = questions_of(root, staged)
        calls = _calls(root, models(0), questions, repeats)
        with _server(root, threads) as urls:
            measured = {
                word: asyncio.run(load(url, questions, count, old_alone=True))
                for word, url in urls.items()
            }
            measured["REST, a perceptron"] = asyncio.run(
                load_bare(urls["REST"], root, 10 * count)
            )
            measured["both, during the swap"] = asyncio.run(
                _load_and_swap(list(urls.values()), questions, root, staged)
            )
    lines = [
        f"The stand-in server of `python -m training serve` and {NUM_CLIENTS} "
        "clients share the cores. Requests of one row in turn: NADE of "
        "64 dimensions and 100 units (`score`, `sample`, `encode`), and a "
        "language model over bytes, a GRU of 64 units (`score`, `generate` of "
        "16 tokens). Every answer was compared with that of the SavedModel in "
        "a session, and no request was sent twice. In the last rows versions 2 "
        "of both models appear below the folder while 16 clients ask by each "
        "protocol: no request failed, and all were answered by version 2 in "
        "the end.",
        "",
        "The perceptron is MADE of 784 dimensions and 256 units (`score`), of "
        f"which {_NUM_BARE_CLIENTS} clients ask by requests that are made "
        "before: the server has most of the cores.",
        "",
    ]
    return (
        "\n".join(lines)
        + "\n".join(
            f"\n### {word}\n\n{_table(found)}\n"
            for word, found in measured.items()
        )
        + f"\n### Calls without a server\n\n{calls}\n"
    )


def models(seed):
    """Untrained models by name, whose weights depend on the seed."""
    keras.utils.set_random_seed(seed)
    language_model = RecurrentLanguageModel(
        257, 64, cell="gru", tokenizer=ByteTokenizer()
    )
    return {"nade": NADE(64, 100), "text": language_model}


def questions_of(root, staged):
    """Requests with their answers before and after the swap.

    Returns:
        list of (model, signature, inputs, answers): `answers` is a pair of
        dicts of arrays.
    """
    rng = np.random.default_rng(0)
    found = []
    sessions = {
        name: [ServingSession(where / name) for where in (root, staged)]
        for name in ("nade", "text")
    }
    for i in range(_NUM_REQUESTS):
        x = rng.integers(0, 2, (1, 64)).astype("float32")
        one = np.ones(1, "float32")
        seed = np.array([i], "int32")
        text = np.array([f"Request number {i}".encode()], object)
        knobs = {
            "max_new_tokens": np.array([16], "int32"),
            "top_k": np.array([0], "int32"),
            "top_p": one,
        }
        for name, signature, inputs in (
            ("nade", "score", {"x": x}),
            ("nade", "sample", {"seed": seed, "temperature": one}),
            ("nade", "encode", {"x": x}),
            ("text", "score", {"text": text}),
            (
                "text",
                "generate",
                {"prompt": text, "seed": seed, "temperature": one, **knobs},
            ),
        ):
            answers = [s.run(signature, **inputs) for s in sessions[name]]
            found.append((name, signature, inputs, answers))
    return found


async def load(url, questions, count, old_alone=False, stop=None):
    """Asks with all clients at once.

    Args:
        url: str, or list of them among which the clients are shared.
        questions: as `questions_of` returns them.
        count: int. Requests of each client.
        old_alone: bool. Whether the answers are those before the swap.
        stop: optional `asyncio.Event`, after which each client asks `count`
            times more; until then it goes on.

    Returns:
        dict of signature to list of (seconds, 0 or 1: which version it was),
        and under "" the seconds of all.

    Raises:
        RuntimeError: if a request fails or an answer is wrong.
    """
    urls = [url] if isinstance(url, str) else url
    found = {}

    async def ask(number):
        client = AsyncClient(urls[number % len(urls)], retries=0)
        async with client:
            left, turn = count, number
            while left:
                turn += 1
                left -= 1 if stop is None or stop.is_set() else 0
                name, signature, inputs, answers = questions[
                    turn * 7 % len(questions)
                ]
                started = time.perf_counter()
                answer = await client.call(name, signature, inputs)
                seconds = time.perf_counter() - started
                version = _which(answer, answers)
                if version is None or (old_alone and version):
                    raise RuntimeError(f"{name}, {signature}: a wrong answer.")
                key = f"`{name}` `{signature}`"
                found.setdefault(key, []).append((seconds, version))

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(NUM_CLIENTS):
            group.create_task(ask(number))
    return {**found, "": time.perf_counter() - started}


async def load_bare(url, root, count):
    """Asks the perceptron over REST with all clients at once.

    Args:
        url: str.
        root: path of the folder of models.
        count: int. Requests of each client.

    Returns:
        As `load` does.

    Raises:
        RuntimeError: if a request fails or an answer is wrong.
    """
    x = np.random.default_rng(0).integers(0, 2, (1, 784)).astype("float32")
    (expected,) = ServingSession(root / "made").run("score", x=x).values()
    request = {"signature_name": "score", "inputs": {"x": x.tolist()}}
    body = json.dumps(request).encode()
    found = []

    async def ask(session):
        for _ in range(count):
            started = time.perf_counter()
            async with session.post("/v1/models/made:predict", data=body) as r:
                answer = (await r.json()).get("outputs")
            found.append((time.perf_counter() - started, 0))
            if not np.allclose(answer, expected, rtol=_TOLERANCE):
                raise RuntimeError(f"A wrong answer: {answer}")

    async with aiohttp.ClientSession(url) as session:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(_NUM_BARE_CLIENTS):
                group.create_task(ask(session))
    return {"`made` `score`": found, "": time.perf_counter() - started}


def _calls(root, kept, questions, repeats):
    """A table: one row through the SavedModel, and by a `tf.function`."""
    rows = []
    for name, signature, inputs, _ in questions[:_NUM_SIGNATURES]:
        session = ServingSession(root / name)
        function = tf.function(
            kept[name].serving_signatures()[signature].function
        )
        tensors = {key: tf.constant(value) for key, value in inputs.items()}
        timings = measure(
            {
                "session": lambda s=session, k=signature, x=inputs: s.run(
                    k, **x
                ),
                "function": lambda f=function, x=tensors: {
                    key: value.numpy() for key, value in f(**x).items()
                },
            },
            100 * repeats,
            warmups=20,
        )
        ours, theirs = (timings[k].median for k in ("session", "function"))
        times = f"{1000 * ours:.2f}", f"{1000 * theirs:.2f}"
        rows.append([f"`{name}` `{signature}`", *times, f"{ours / theirs:.2f}"])
    header = ["one row", "SavedModel ms", "`tf.function` ms", "ratio"]
    return markdown_table(header, rows)


async def _load_and_swap(urls, questions, root, staged):
    swapped = asyncio.Event()

    async def swap():
        await asyncio.sleep(2.0)
        for name in ("nade", "text"):
            # As an export does it: written beside, then renamed.
            os.rename(staged / name / "1", root / name / "2")
        async with AsyncClient(urls[0]) as client:
            for name in ("nade", "text"):
                while (await client.status(name))[0]["version"] != 2:
                    await asyncio.sleep(0.1)
        swapped.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(swap())
        asked = group.create_task(load(urls, questions, 40, stop=swapped))
    found = asked.result()
    for key, answers in found.items():
        if key and [answers[0][1], answers[-1][1]] != [0, 1]:
            raise RuntimeError(f"{key}: version 2 did not take over.")
    return found


def _which(answer, answers):
    """0 or 1, the version that gives an answer, or None."""
    for version, expected in enumerate(answers):
        if all(_equal(answer[key], value) for key, value in expected.items()):
            return version
    return None


def _equal(found, expected):
    if expected.dtype.kind == "O":
        texts = [t.decode() for t in expected.tolist()]
        return found.tolist() == texts
    return np.allclose(found, expected, rtol=_TOLERANCE, atol=_TOLERANCE)


def _table(found):
    found = dict(found)
    seconds = found.pop("")
    rows = [
        [key, *_row([s for s, _ in answers], seconds)]
        for key, answers in sorted(found.items())
    ]
    everything = [s for answers in found.values() for s, _ in answers]
    rows.append(["all", *_row(everything, seconds)])
    header = ["requests", "answered", "a second", "p50 ms", "p99 ms"]
    return markdown_table(header, rows)


def _row(times, seconds):
    p50, p99 = 1000 * np.percentile(times, [50, 99])
    rate = len(times) / seconds
    return [f"{len(times):,}", f"{rate:.0f}", f"{p50:.1f}", f"{p99:.1f}"]


@contextlib.contextmanager
def _server(root, threads):
    """The command in a process; yields the URLs by the protocol's name."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "training", "serve", str(root)),
            *("--port", "0", "--grpc-port", "0", "--poll-seconds", "0.2"),
            *("--threads", str(threads)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout:
            urls = re.findall(r"(?:http|grpc)://\S+", line)
            if urls:
                yield dict(zip(("REST", "gRPC"), urls, strict=True))
                return
        raise RuntimeError("The server did not start.")
    finally:
        process.terminate()
        process.wait()
