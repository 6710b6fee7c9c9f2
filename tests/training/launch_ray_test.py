"""A real cluster of Ray on this machine, with two workers."""

import os
import pathlib
import subprocess
import sys

import pytest

from training.launch_ray import launch_ray

ROOT = pathlib.Path(__file__).parent.parent.parent


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"keras-genseq\[ray\]"):
        launch_ray([sys.executable])


@pytest.mark.slow
def test_workers_of_ray_train_and_start_again_when_one_is_killed(tmp_path):
    pytest.importorskip("ray.train", reason="needs Ray (the extra `ray`)")
    # The second worker kills itself after some updates, the first time.
    (tmp_path / "sitecustomize.py").write_text(
        "import json, os, pathlib, threading, time\n"
        "config = json.loads(os.environ.get('TF_CONFIG') or '{}')\n"
        "def watch():\n"
        "    while not list(pathlib.Path('run').glob('checkpoints/step-*')):\n"
        "        time.sleep(0.01)\n"
        "    pathlib.Path('killed').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
        "is_it = config.get('task', {}).get('index') == 1\n"
        "if is_it and not pathlib.Path('killed').exists():\n"
        "    threading.Thread(target=watch, daemon=True).start()\n"
    )
    command = [sys.executable, "-m", "training", "launch", "--ray"]
    command += ["--max-restarts", "1", "--", "train", "nade"]
    command += ["--run-dir", "run", "--epochs", "6", "--set", "model.units=9"]
    command += ["checkpoint_every=5", "jit_compile=False"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert (tmp_path / "killed").exists()
    assert (tmp_path / "run" / "report.md").exists()
    assert "Going on after update" in done.stdout + done.stderr
