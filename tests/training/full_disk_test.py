"""A disk that is full, and one that is read-only, by doing it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
TRAIN = (
    '"$PYTHON" -m training train nade --run-dir disk/run --epochs 2 --set '
    "model.units=9 global_batch_size=300 jit_compile=False picture=None"
)
# In a mount namespace of its own, whose disk nobody else sees. An epoch is left
# to train; what is kept is the checkpoint before it.
SCRIPT = f"""
mount -t tmpfs -o size=3m none disk || exit 77
train() {{ {TRAIN} > $1 2>&1; echo $? > $1.status; }}
kept() {{ (cd disk/run && cat checkpoints/step-*/* config.json | sha256sum); }}
train whole
rm -r disk/run/model.keras $(ls -d disk/run/checkpoints/* | tail -1)
kept > before
head -c 9000000 /dev/zero > disk/ballast
train full
kept > after
mount -o remount,ro disk
train read_only
mount -o remount,rw disk
rm disk/ballast
train again
"""


@pytest.mark.slow
def test_a_full_disk_and_a_read_only_one_lose_nothing(tmp_path):
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", SCRIPT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable},
        check=False,
    )
    if done.returncode in (1, 77):
        pytest.skip("needs the right to mount a file system")
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
