"""A plug-in of pytest: prints which tests took most CPU time.

Not the time of the clock: a busy machine blurs that. What child processes take
counts, on Linux while they run, elsewhere when they have ended.
"""

import collections
import os
import pathlib
import resource
import time

import pytest

_COUNT = 20


def cpu_seconds():
    """What this process and its children have taken until now."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + ended.ru_utime + ended.ru_stime
    return own + _of_running_children()


def _of_running_children():
    ticks = 0
    for path in pathlib.Path("/proc/self/task").glob("*/children"):
        try:
            for pid in path.read_text().split():
                stat = pathlib.Path("/proc", pid, "stat").read_text()
                # Its own and its ended children's, each user and system: see
                # proc(5).
                ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
        except OSError:
            # A thread or a child that has just ended.
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


class SlowestTests:
    """Reports carry the time of their phase, from xdist's workers too."""

    def __init__(self):
        self._seconds = collections.Counter()
        self._before = cpu_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        now = cpu_seconds()
        # Any attribute of a report travels from a worker to the terminal.
        report.cpu_seconds = now - self._before
        self._before = now
        return report

    def pytest_runtest_logreport(self, report):
        self._seconds[report.nodeid] += getattr(report, "cpu_seconds", 0.0)

    def pytest_terminal_summary(self, terminalreporter):
        if len(self._seconds) < _COUNT:
            return
        total = sum(self._seconds.values())
        terminalreporter.section(f"most CPU seconds, of {total:.0f}")
        for nodeid, seconds in self._seconds.most_common(_COUNT):
            terminalreporter.line(f"{seconds:7.1f}  {nodeid}")
