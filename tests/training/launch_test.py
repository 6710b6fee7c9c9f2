"""Groups of workers, here small scripts that need no TensorFlow."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from training import command_checks

ROOT = pathlib.Path(__file__).parent.parent.parent
# Keeps what it was told in a file of its own, and counts its starts.
WORKER = """
import json, os, pathlib, signal, sys, time
config = json.loads(os.environ["TF_CONFIG"])
index = config["task"]["index"]
starts = pathlib.Path(f"starts-{index}")
count = len(starts.read_text()) if starts.exists() else 0
starts.write_text("x" * (count + 1))
pathlib.Path(f"config-{index}-{count}").write_text(json.dumps(config))
print("hello from", index, flush=True)
"""
LASTS = """
def stop(*_):
    pathlib.Path(f"told-{index}").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
pathlib.Path(f"pid-{index}").write_text(str(os.getpid()))
time.sleep(60)
"""


def start(folder, script, **options):
    (folder / "worker.py").write_text(WORKER + script)
    code = (
        "import sys; from training.launch import launch; "
        f"sys.exit(launch([sys.executable, 'worker.py'], **{options!r}))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process):
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def starts(folder):
    return [len(p.read_text()) for p in sorted(folder.glob("starts-*"))]


def wait_for(*paths):
    until = time.monotonic() + 30.0
    while not all(p.exists() and p.read_text() for p in paths):
        assert time.monotonic() < until, paths
        time.sleep(0.02)


def test_every_worker_knows_its_place_and_has_a_label(tmp_path):
    bar = "sys.stdout.write('1/2\\b\\b\\b\\r2/2\\n')"
    status, output = ended(start(tmp_path, bar, workers=3))
    assert status == 0 and starts(tmp_path) == [1, 1, 1]
    configs = [
        json.loads((tmp_path / f"config-{i}-0").read_text()) for i in range(3)
    ]
    assert [c["task"]["index"] for c in configs] == [0, 1, 2]
    (cluster,) = {json.dumps(c["cluster"]) for c in configs}
    assert len(set(json.loads(cluster)["worker"])) == 3
    for i in range(3):
        assert f"[worker {i}] hello from {i}\n" in output
        assert f"[worker {i}] 2/2\n" in output


def test_all_start_again_on_new_ports_when_one_is_killed(tmp_path):
    script = "if count == 0:\n  if index == 1: os.kill(os.getpid(), 9)\n"
    status, output = ended(start(tmp_path, script + "  time.sleep(60)"))
    assert status == 0 and starts(tmp_path) == [2, 2]
    assert "Worker 1 was killed by SIGKILL. Starting all 2 again" in output
    clusters = {(tmp_path / f"config-0-{i}").read_text() for i in (0, 1)}
    assert len(clusters) == 2


def test_who_died_is_told_from_who_lost_it(tmp_path):
    script = "if index == 0: sys.exit(75)\ntime.sleep(0.5)\nsys.exit(7)"
    status, output = ended(start(tmp_path, script, max_restarts=1))
    assert status == 7 and starts(tmp_path) == [2, 2]
    assert output.count("Worker 1 died with exit status 7") == 2
    assert "Stopped after 1 restarts" in output


def test_a_command_that_is_wrong_is_not_started_again(tmp_path):
    script = "sys.exit(2 if index == 0 else 75)"
    status, output = ended(start(tmp_path, script))
    assert status == 2 and starts(tmp_path) == [1, 1]
    assert "again" not in output


def test_sigterm_reaches_all_and_nothing_starts_again(tmp_path):
    process = start(tmp_path, LASTS)
    wait_for(tmp_path / "pid-0", tmp_path / "pid-1")
    process.send_signal(signal.SIGTERM)
    status, _ = ended(process)
    assert status == 143 and starts(tmp_path) == [1, 1]
    assert (tmp_path / "told-0").exists() and (tmp_path / "told-1").exists()


def test_workers_do_not_outlive_a_launcher_that_is_killed(tmp_path):
    process = start(tmp_path, LASTS)
    pids = [tmp_path / "pid-0", tmp_path / "pid-1"]
    wait_for(*pids)
    process.kill()
    process.wait()
    until = time.monotonic() + 30.0
    while any(pathlib.Path(f"/proc/{p.read_text()}").exists() for p in pids):
        assert time.monotonic() < until
        time.sleep(0.02)
    process.stdout.close()


def test_the_network_is_the_workers_own_or_a_sentence_says_it_is_not(tmp_path):
    script = "print(open('/proc/net/dev').read())"
    host = pathlib.Path("/proc/net/dev").read_text()
    _, output = ended(start(tmp_path, script, workers=1))
    interfaces = re.findall(r"\] +(\w+):", output)
    if "network of their own" in output:
        assert interfaces == ["lo"]
    else:
        assert "listen on every interface" in output
    script = "print(open('/proc/net/dev').read())"
    options = {"workers": 1, "host_network": True}
    _, output = ended(start(tmp_path, script, **options))
    assert "listen on every interface" in output
    assert re.findall(r"\] +(\w+):", output) == re.findall(r"(\w+):", host)


@pytest.mark.parametrize(
    "command, address, words",
    [
        ((), None, r"Received after `--`: ''"),
        (("evaluate", "runs/x"), None, "Workers train"),
        (("train", "nadee"), None, "Did you mean `nade`"),
        (("train", "nade"), "host:1", "say `--ray`"),
        (
            ("train", "nade", "--checkpoint-to", "s3://a/b"),
            None,
            "say `launch --host-network`",
        ),
        (
            ("train", "nade", "--data-service=far:5050"),
            None,
            "say `launch --host-network`",
        ),
    ],
)
def test_what_workers_cannot_do_is_refused(command, address, words):
    with pytest.raises(ValueError, match=words):
        command_checks.check_launch(command, address, ray=False)


def test_workers_reach_a_store_where_they_can():
    reach = ("train", "nade", "--checkpoint-to=s3://a/b")
    command_checks.check_launch(reach, None, False, host_network=True)
    command_checks.check_launch(reach, "host:1", ray=True)
    with pytest.raises(ValueError, match="name a cluster by `--address`"):
        command_checks.check_launch(reach, None, ray=True)
    of_disk = ("train", "nade", "--checkpoint-to", "file:///runs/a")
    command_checks.check_launch(of_disk, None, ray=False)
