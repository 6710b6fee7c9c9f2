"""Tests are charged with what they take, in their children, too."""

import subprocess
import sys
import time

import pytest

from tests.slowest_tests import cpu_seconds


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_child_counts_while_it_runs_and_once():
    busy = [sys.executable, "-c", "while True: pass"]
    before, until = cpu_seconds(), time.monotonic() + 30.0
    with subprocess.Popen(busy) as child:
        while cpu_seconds() - before < 0.3:
            assert time.monotonic() < until
            time.sleep(0.02)
        child.kill()
        child.wait()
    assert 0.3 <= cpu_seconds() - before < 5.0
