"""The command: it starts, listens at this machine, swaps and stops."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest

from training.__main__ import main
from training.serving import running_server

ROOT = pathlib.Path(__file__).parents[3]
# Neither Keras nor the library can be imported: only TensorFlow is needed.
WITHOUT_KERAS = """
import sys
sys.modules["keras"] = sys.modules["keras_genseq"] = None
from training.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def process(toys, tmp_path):
    """The command in a process of its own; its lines; its URL."""
    shutil.copytree(toys / "toy" / "1", tmp_path / "toy" / "1")
    command = [sys.executable, "-c", WITHOUT_KERAS, "serve", str(tmp_path)]
    command += ["--port", "0", "--grpc-port", "0", "--poll-seconds", "0.05"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Listening at"):
            break
    yield process, lines, tmp_path
    process.kill()
    process.wait()


def score(url, timeout=30):
    body = {"signature_name": "score", "instances": [[0.5] * 4]}
    with urllib.request.urlopen(
        f"{url}/v1/models/toy:predict", json.dumps(body).encode(), timeout
    ) as response:
        return json.load(response)["predictions"][0]


def test_serves_swaps_without_a_failed_request_and_stops(process, toys):
    server, lines, root = process
    text = "".join(lines)
    assert "For production run TensorFlow Serving" in text
    assert "Serving toy, version 1." in text
    (url,) = re.findall(r"http://127\.0\.0\.1:\d+", text)
    found, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            found.append(score(url))

    asker = threading.Thread(target=ask)
    asker.start()
    # As an export does it: written beside, then renamed.
    shutil.copytree(toys / "toy" / "2", root / "toy" / ".2.tmp")
    os.rename(root / "toy" / ".2.tmp", root / "toy" / "2")
    end = time.monotonic() + 30
    while time.monotonic() < end and len(set(found)) < 2:
        time.sleep(0.01)
    stop.set()
    asker.join()
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    assert len(set(found)) == 2 and found == sorted(found, key=found.index)
    assert "Serving toy, version 2." in server.stdout.read()


def test_a_request_that_has_come_is_answered_before_the_end(toys):
    with running_server(toys, tell=lambda sentence: None) as server:
        batcher = server.service.catalog.find("toy")
        run, started = batcher.servable.run, threading.Event()

        def slow(*args):
            started.set()
            time.sleep(0.3)
            return run(*args)

        batcher.servable.run = slow
        found = []
        asker = threading.Thread(target=lambda: found.append(score(server.url)))
        asker.start()
        started.wait(10)
    asker.join()
    assert np.isfinite(found)


def test_a_port_that_is_taken_is_an_error(toys, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for ports in (["--port", port, "--grpc-port", "0"],) + (
            ["--port", "0", "--grpc-port", port],
        ):
            assert main(["serve", str(toys), *ports]) == 2
            error = capsys.readouterr().err
            assert port in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    "option, value, words",
    [
        ("--port", "99999", "`port` must be from 0 to 65535"),
        ("--grpc-port", "-1", "`grpc_port` must be from 0 to 65535"),
        ("--poll-seconds", "0", "`poll_seconds` must be positive"),
        ("--threads", "0", "`num_threads` must be positive"),
        ("--max-seconds", "-1", "`max_seconds` must be positive"),
        ("--max-pending", "0", "`max_pending` must be positive"),
    ],
)
def test_numbers_of_a_server_are_in_range(toys, capsys, option, value, words):
    assert main(["serve", str(toys), option, value]) == 2
    error = capsys.readouterr().err
    assert words in error and len(error.splitlines()) == 1


def test_a_folder_that_is_none_is_an_error(tmp_path, capsys):
    assert main(["serve", str(tmp_path / "gone")]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_the_lines_of_the_readme_are_true(toys):
    text = (ROOT / "README.md").read_text().partition("## Serving")[2]
    with running_server(toys, tell=lambda sentence: None) as server:
        (curl,) = re.findall(r"^curl .*$", text, re.M)
        _, url, option, body = shlex.split(curl)
        assert option == "-d"
        url = url.replace("http://localhost:8501", server.url)
        with urllib.request.urlopen(url, body.encode(), 30) as response:
            answer = json.load(response)["outputs"]
        assert np.shape(answer)[0] == 2
        code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
        code = code.replace("http://localhost:8501", server.url)
        # The folder of the README is that of the models.
        names = {}
        exec(code.replace("saved_models", str(toys)), names)
        names["client"].close()
        assert names["samples"].shape == np.shape(answer)
        page = (ROOT / "docs" / "serving.md").read_text()
        (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        code = code.replace("grpc://localhost:8500", server.grpc_url)
        exec(code.replace("saved_models", str(toys)), names)
