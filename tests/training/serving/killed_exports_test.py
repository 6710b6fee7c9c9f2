"""Exports that are killed, below a folder that a server polls."""

import json
import os
import signal
import time

import numpy as np
import pytest

from tests.training.forks import Forks
from training.__main__ import main
from training.serving import running_server

NUM_KILLED = 20
TRAIN = [
    *("train", "nade", "--epochs", "1", "--strategy", "one_device"),
    *("--set", "model.units=4", "model.implementation=full", "picture=None"),
    "global_batch_size=300",
]


@pytest.mark.slow
def test_a_server_never_sees_half_a_version(tmp_path):
    run, root = tmp_path / "run", tmp_path / "saved_models"
    assert main([*TRAIN, "--run-dir", str(run)]) == 0
    # A version is kept for longer than a server takes to load it.
    export = ["export", str(run), "--output", str(root), "--keep", "3"]
    started = time.monotonic()
    assert main(export) == 0
    longest = time.monotonic() - started
    rng = np.random.default_rng()
    told, statuses = [], []
    with (
        running_server(root, tell=told.append, poll_seconds=0.02) as server,
        Forks() as forks,
    ):
        served = server.service.catalog
        while statuses.count(-signal.SIGKILL) < NUM_KILLED:
            process = forks.start(export, tmp_path / "log")
            time.sleep(rng.uniform(0.0, longest))
            process.send_signal(signal.SIGKILL)
            statuses.append(process.wait(60))
            assert statuses[-1] in (0, -signal.SIGKILL)
            assert not any(sentence for _, sentence in served.states("nade"))
        assert forks.start(export, tmp_path / "log").wait(60) == 0
        newest = max(
            int(name) for name in os.listdir(root / "nade") if name.isdigit()
        )
        until = time.monotonic() + 30
        while served.states("nade")[0][0] != newest:
            assert time.monotonic() < until
            time.sleep(0.02)
    # Of what was killed nothing is left, and nothing that fails was ever seen.
    names = set(os.listdir(root / "nade"))
    assert {n for n in names if not n.isdigit()} == {"README.md", "card.json"}
    assert all(s.startswith(("Serving", "No longer")) for s in told), told
    assert json.loads((root / "nade" / "card.json").read_text())
