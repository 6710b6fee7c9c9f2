"""A disk that is full, and one that is read-only, by doing it.

`python -m tests.training.full_disk_test FOLDER` does it, in a mount namespace
of its own, whose disk nobody else sees.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.training.forks import ROOT
from tests.training.forks import Forks

KEPT = "(cd disk/run && cat checkpoints/step-*/* config.json | sha256sum)"
# An epoch is left to train; what is kept is the checkpoint before it.
STEPS = (
    "train whole",
    "rm -r disk/run/model.keras $(ls -d disk/run/checkpoints/* | tail -1)",
    f"{KEPT} > before",
    "head -c 9000000 /dev/zero > disk/ballast",
    "train full",
    f"{KEPT} > after",
    "mount -o remount,ro disk",
    "train read_only",
    "mount -o remount,rw disk",
    "rm disk/ballast",
    "train again",
)
NO_RIGHT = 77


def main(folder):
    """Goes through the steps; returns an exit status."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", "disk"]
    if subprocess.run(mount, cwd=folder, check=False).returncode:
        return NO_RIGHT
    command = ["train", "nade", "--run-dir", str(folder / "disk" / "run")]
    command += ["--epochs", "2", "--set", "model.units=9", "picture=None"]
    command += ["global_batch_size=300", "jit_compile=False"]
    with Forks() as forks:
        for step in STEPS:
            if not step.startswith("train "):
                subprocess.run(step, shell=True, cwd=folder, check=False)
                continue
            name = step.removeprefix("train ")
            status = forks.start(command, folder / name).wait(timeout=300)
            (folder / f"{name}.status").write_text(f"{status}\n")
    return 0


@pytest.mark.slow
def test_a_full_disk_and_a_read_only_one_lose_nothing(tmp_path):
    (tmp_path / "disk").mkdir()
    own = ["unshare", "--mount"]
    has_right = subprocess.run([*own, "true"], check=False).returncode == 0
    command = [sys.executable, "-m", "tests.training.full_disk_test", tmp_path]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = has_right and subprocess.run(
        [*own, *command], cwd=ROOT, env=environment, check=False
    )
    if not has_right or done.returncode == NO_RIGHT:
        pytest.skip("needs the right to mount a file system")
    assert done.returncode == 0
    text = {p.name: p.read_text() for p in tmp_path.iterdir() if p.is_file()}
    assert text["whole.status"] == "0\n", text["whole"]
    assert text["before"] == text["after"]
    for name in ("full", "read_only"):
        assert text[f"{name}.status"] == "2\n", text[name]
        *_, last = text[name].splitlines()
        assert last.startswith("Error: ") and "Could not write" in last, last
        assert "What was there before is untouched" in last
    assert text["again.status"] == "0\n", text["again"]
    assert "Going on after update" in text["again"]


@pytest.mark.slow
def test_a_disk_may_fill_up_at_any_moment(tmp_path):
    """A sentence, and room is all that the same command needs."""
    (tmp_path / "disk").mkdir()
    script = (
        "mount -t tmpfs -o size=6m none disk || exit 77; "
        '"$PYTHON" -m tests.training.full_disk_moments disk > lines || exit 9'
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable},
        check=False,
    )
    if done.returncode in (1, 77):
        pytest.skip("needs the right to mount a file system")
    assert done.returncode == 0
    lines = (tmp_path / "lines").read_text().splitlines()
    answers = [json.loads(line) for line in lines]
    assert len(answers) >= 10
    for answer in answers:
        assert answer["status"] == 2, answer
        assert answer["kept"] and answer["again"] == 0, answer
        (said,) = answer["said"]
        assert said.startswith("Error: "), answer
        assert "Could not write" in said, answer
        assert "has room" in said or "Free space" in said, answer


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
