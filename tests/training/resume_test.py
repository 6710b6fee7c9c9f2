"""Runs that are killed go on as if nothing had happened, bit for bit."""

import json
import os
import random
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.training.forks import Forks

# Of NADE's three forms the one that is traced and compiled soonest.
QUICK = ("model.implementation=full", "model.units=9")
# A report of few samples.
FEW = {
    "training.evaluations.adversarial.NUM_SAMPLES": 100,
    "training.evaluations.sample_quality._NUM_SUBSETS": 2,
    "training.evaluations.sample_quality._PATCHED": 50,
}


@pytest.fixture(scope="module")
def forks():
    with Forks() as forks:
        yield forks


def start(forks, run_dir, *options, recipe="nade"):
    """Starts a small run of a demo recipe with noise in all its parts."""
    command = ["train", recipe, "--run-dir", str(run_dir)]
    command += ["--epochs", "12" if recipe == "nade" else "4"]
    command += ["--set", "checkpoint_every=7", "global_batch_size=64", *options]
    command += QUICK if recipe == "nade" else ()
    return forks.start(command, run_dir.with_suffix(".log"), FEW)


def finish(forks, run_dir, *options, recipe="nade"):
    process = start(forks, run_dir, *options, recipe=recipe)
    assert process.wait(timeout=300) == 0, run_dir.with_suffix(".log")


def steps_saved(run_dir):
    folders = (run_dir / "checkpoints").glob("step-*")
    return sorted(int(p.name.removeprefix("step-")) for p in folders)


def stop_in_the_middle(forks, run_dir, signal_number, wait):
    """Signals a run after it has saved something new; returns its exit code."""
    before = steps_saved(run_dir)[-1:]
    process = start(forks, run_dir)
    while steps_saved(run_dir)[-1:] == before and process.poll() is None:
        time.sleep(0.005)
    time.sleep(wait)
    process.send_signal(signal_number)
    return process.wait(timeout=60)


def last_checkpoint(run_dir):
    """Every number of the last checkpoint, and what else it remembers."""
    path = run_dir / "checkpoints" / f"step-{steps_saved(run_dir)[-1]:09d}"
    reader = tf.train.load_checkpoint(str(path / "variables"))
    numbers = {
        name: reader.get_tensor(name)
        for name in sorted(reader.get_variable_to_shape_map())
        if "OBJECT_GRAPH" not in name
    }
    return numbers, json.loads((path / "progress.json").read_text())


def assert_same_run(a, b):
    assert_same_checkpoint(a, b)
    results = [json.loads((r / "results.json").read_text()) for r in (a, b)]
    assert results[0] == results[1]


def assert_same_checkpoint(a, b):
    (numbers_a, progress_a), (numbers_b, progress_b) = (
        last_checkpoint(run) for run in (a, b)
    )
    assert numbers_a.keys() == numbers_b.keys() and len(numbers_a) > 10
    for name, value in numbers_a.items():
        np.testing.assert_array_equal(value, numbers_b[name], err_msg=name)
    assert progress_a == progress_b
    assert (a / "metrics.csv").read_text() == (b / "metrics.csv").read_text()


@pytest.fixture(scope="module")
def whole(forks, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "whole"
    finish(forks, run_dir)
    return run_dir


@pytest.mark.slow
def test_sigterm_saves_and_the_run_goes_on_bit_for_bit(forks, whole, tmp_path):
    run_dir = tmp_path / "run"
    code = stop_in_the_middle(forks, run_dir, signal.SIGTERM, 0.05)
    assert code == 128 + signal.SIGTERM
    (config,) = tmp_path.glob("run/config.json")
    assert "nade" in config.read_text()
    other = start(forks, run_dir, "seed=1")
    assert other.wait(timeout=120) == 2
    assert "holds a run with other numbers" in (
        run_dir.with_suffix(".log").read_text()
    )
    finish(forks, run_dir)
    assert_same_run(whole, run_dir)


@pytest.mark.slow
def test_five_sigkills_change_nothing(forks, whole, tmp_path):
    run_dir = tmp_path / "run"
    rng = random.Random(os.environ.get("KERAS_GENSEQ_TEST_SEED", 0))
    killed = 0
    for _ in range(5):
        wait = rng.uniform(0.0, 0.25)
        code = stop_in_the_middle(forks, run_dir, signal.SIGKILL, wait)
        killed += code == -signal.SIGKILL
    assert killed == 5, "the run is too short to be killed five times"
    finish(forks, run_dir)
    assert_same_run(whole, run_dir)


@pytest.mark.slow
def test_a_run_killed_inside_a_fade_goes_on_bit_for_bit(forks, runs):
    game = {"recipe": "progressive_gan"}
    runs = [runs / f"fade-{name}" for name in ("whole", "killed")]
    fades = [run / "phases" / "2" for run in runs]
    options = (
        "passes_per_epoch=1",
        "model.base_filters=16",
        "model.max_filters=4",
        "model.latent_dim=4",
    )
    finish(forks, runs[0], *options, **game)
    process = start(forks, runs[1], *options, **game)
    while not steps_saved(fades[1]) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    # The first half of four epochs of 20 updates.
    assert 0 < steps_saved(fades[1])[-1] < 40
    finish(forks, runs[1], *options, **game)
    assert_same_checkpoint(*fades)
    results = [json.loads((r / "results.json").read_text()) for r in runs]
    assert results[0] == results[1]
