"""A disk that is full, and one that is read-only, by doing it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent


def output_on_a_disk(tmp_path, size, module):
    """What a module prints whose argument is a small disk.

    In a mount namespace of its own: nobody else sees the disk.
    """
    (tmp_path / "disk").mkdir()
    script = (
        f"mount -t tmpfs -o size={size} none disk || exit 77; "
        f'"$PYTHON" -m {module} disk > lines || exit 9'
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
    return (tmp_path / "lines").read_text().splitlines()


@pytest.mark.slow
def test_a_full_disk_and_a_read_only_one_lose_nothing(tmp_path):
    (line,) = output_on_a_disk(tmp_path, "3m", "tests.training.full_disk_runs")
    found = json.loads(line)
    statuses = found["statuses"]
    text = {name: (tmp_path / name).read_text() for name in statuses}
    assert statuses["whole"] == 0, text["whole"]
    assert found["before"] == found["after"] and len(found["before"]) > 3
    for name in ("full", "read_only"):
        assert statuses[name] == 2, text[name]
        *_, last = text[name].splitlines()
        assert last.startswith("Error: ") and "Could not write" in last, last
        assert "What was there before is untouched" in last
    assert statuses["again"] == 0, text["again"]
    assert "Going on after update" in text["again"]


@pytest.mark.slow
def test_a_disk_may_fill_up_at_any_moment(tmp_path):
    """A sentence, and room is all that the same command needs."""
    lines = output_on_a_disk(tmp_path, "6m", "tests.training.full_disk_moments")
    answers = [json.loads(line) for line in lines]
    assert len(answers) >= 10
    for answer in answers:
        assert answer["status"] == 2, answer
        assert answer["kept"] and answer["again"] == 0, answer
        (said,) = answer["said"]
        assert said.startswith("Error: "), answer
        assert "Could not write" in said, answer
        assert "has room" in said or "Free space" in said, answer
