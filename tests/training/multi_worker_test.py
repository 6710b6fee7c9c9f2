"""Two processes over loopback: they train as one, and die as one."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tests.conformance.table import EVERY_MODEL
from tests.training import two_workers
from tests.training.resume_test import steps_saved

ROOT = pathlib.Path(__file__).parent.parent.parent
ROWS = ("NADE", "Transformer", "VAE", "DCGAN")
LAUNCH = (
    "import sys; from training.launch import launch; "
    "sys.exit(launch(sys.argv[1:], max_restarts=2))"
)
# Hosts that share no disk: each worker has a working directory of its own.
ON_ITS_HOST = (
    "import json, os, runpy; "
    "index = json.loads(os.environ['TF_CONFIG'])['task']['index']; "
    "print(os.getpid(), file=open(f'pid-{index}', 'w')); "
    "os.makedirs(f'host-{index}', exist_ok=True); os.chdir(f'host-{index}'); "
    "runpy.run_module('training', run_name='__main__')"
)
TRAIN = ("train", "nade", "--run-dir", "run", "--epochs", "6", "--set")
TRAIN += ("checkpoint_every=7", "global_batch_size=64", "model.units=9")
# Of NADE's three forms the one that is traced and compiled soonest.
TRAIN += ("model.implementation=full",)


def start(folder, *command, restarts=0):
    """Starts a launcher of workers that share one import of TensorFlow."""
    launcher = ["-m", "tests.training.forked_workers", str(restarts)]
    return start_python(folder, *launcher, *command)


def start_python(folder, *words):
    with open(folder / "log", "a") as log:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def finish(folder, *command):
    status = start(folder, *command).wait(timeout=900)
    assert status == 0, (folder / "log").read_text()[-3000:]


@pytest.mark.slow
def test_two_hosts_train_as_one_process(tmp_path):
    finish(tmp_path, "-m", "tests.training.two_workers", str(tmp_path), *ROWS)
    two_workers.main(str(tmp_path), *ROWS)
    for name in ROWS:
        one, two = (np.load(tmp_path / f"{name}-{n}.npz") for n in (1, 2))
        assert one.files == two.files and len(one.files) > 6
        for key in one.files:
            if key.endswith("_distance"):
                # Of neighbours within a replica's share.
                continue
            is_weight = key.startswith("weight")
            np.testing.assert_allclose(
                one[key],
                two[key],
                atol=EVERY_MODEL[name].replica_atol if is_weight else 1e-6,
                rtol=0.0 if is_weight else 1e-5,
                err_msg=f"{name} {key}",
            )


@pytest.mark.slow
def test_what_the_chief_refuses_ends_all_at_once(tmp_path):
    command = ["-m", "training", "train", "nade", "--run-dir", "run"]
    command += ["--data", "npz:gone.npz"]
    launcher = start_python(tmp_path, "-c", LAUNCH, sys.executable, *command)
    assert launcher.wait(timeout=900) == 2
    log = (tmp_path / "log").read_text()
    assert "[worker 0] Error: " in log and "gone.npz" in log
    assert "Starting all" not in log and not (tmp_path / "run").exists()


def weights(run):
    return keras.models.load_model(run / "model.keras").get_weights()


def metrics(run):
    lines = (run / "metrics.csv").read_text().splitlines()
    values = np.genfromtxt(lines[1:], delimiter=",")
    return lines[0], values


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    finish(folder, "-c", ON_ITS_HOST, *TRAIN)
    return folder


@pytest.mark.slow
def test_a_run_on_two_hosts_is_that_of_one_and_the_chief_alone_writes(
    whole, tmp_path
):
    assert not list((whole / "host-1").iterdir())
    run = whole / "host-0" / "run"
    assert (run / "report.md").exists()
    command = [sys.executable, "-m", "training", *TRAIN[:3]]
    command += [tmp_path / "run", *TRAIN[4:]]
    subprocess.run(command, cwd=ROOT, check=True)
    for a, b in zip(weights(run), weights(tmp_path / "run"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    (names, values), (others, other) = metrics(run), metrics(tmp_path / "run")
    assert names == others and len(values) == 6
    np.testing.assert_allclose(values, other, rtol=1e-5)


# A report would take longer than the training.
WITHOUT_REPORT = (
    "import os, runpy, sys, json, training.evaluate, training.train; "
    "training.evaluate.evaluate = lambda run: None; "
    "task = json.loads(os.environ.get('TF_CONFIG', '{}')).get('task', {}); "
    "folder = f\"host-{task.get('index', 'alone')}\"; "
    "os.makedirs(folder); os.chdir(folder); "
    "runpy.run_module('training', run_name='__main__')"
)


def runs_alone_and_together(folder, *command):
    """The run of one process, and that of the chief of two."""
    alone = start_python(folder, "-c", WITHOUT_REPORT, *command)
    assert alone.wait(timeout=900) == 0, (folder / "log").read_text()[-3000:]
    finish(folder, "-c", WITHOUT_REPORT, *command)
    assert not list((folder / "host-1").iterdir())
    return folder / "host-alone" / "run", folder / "host-0" / "run"


@pytest.mark.slow
def test_phases_on_two_hosts_are_those_of_one(tmp_path):
    command = ["train", "progressive_gan", "--run-dir", "run", "--steps", "4"]
    command += ["--set", "model.base_filters=16", "model.max_filters=4"]
    command += ["model.latent_dim=4", "steps_per_execution=1"]
    one, two = runs_alone_and_together(tmp_path, *command)
    phases = sorted(p.name for p in (one / "phases").iterdir())
    assert phases == ["1", "2"]
    for name in phases:
        a, b = (weights(run / "phases" / name) for run in (one, two))
        assert len(a) == len(b) > 20
        for mine, its in zip(a, b, strict=True):
            np.testing.assert_allclose(mine, its, atol=1e-5)


def pid_of(folder, index):
    """Process of the worker that was the last one to start on a host."""
    return int((folder / f"pid-{index}").read_text())


def wait_for_checkpoint(run, launcher):
    before = steps_saved(run)[-1:]
    while steps_saved(run)[-1:] == before:
        assert launcher.poll() is None
        time.sleep(0.005)


@pytest.mark.slow
def test_workers_are_killed_and_told_to_stop_and_nothing_changes(
    whole, tmp_path
):
    run = tmp_path / "host-0" / "run"
    launcher = start(tmp_path, "-c", ON_ITS_HOST, *TRAIN, restarts=2)
    for index in (1, 0):
        wait_for_checkpoint(run, launcher)
        os.kill(pid_of(tmp_path, index), signal.SIGKILL)
    wait_for_checkpoint(run, launcher)
    # One worker alone is told: all save the same update and stop.
    os.kill(pid_of(tmp_path, 1), signal.SIGTERM)
    assert launcher.wait(timeout=900) == 128 + signal.SIGTERM
    log = (tmp_path / "log").read_text()
    for index in (1, 0):
        assert f"Worker {index} was killed by SIGKILL" in log
    assert "which is saved" in log and not (run / "model.keras").exists()
    finish(tmp_path, "-c", ON_ITS_HOST, *TRAIN)
    assert not list((tmp_path / "host-1").iterdir())
    other = whole / "host-0" / "run"
    for a, b in zip(weights(run), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)
    # A broken epoch's sums are added up in another order.
    np.testing.assert_allclose(metrics(run)[1], metrics(other)[1], rtol=1e-6)
