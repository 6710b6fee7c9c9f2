"""A plug-in of pytest: prints which tests took most CPU time.

Not the time of the clock: a busy machine blurs that. What child processes took
counts when they have ended.
"""

import collections
import resource
import time

import pytest

_COUNT = 20


def _cpu_seconds():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class SlowestTests:
    """Reports carry the time of their phase, from xdist's workers too."""

    def __init__(self):
        self._seconds = collections.Counter()
        self._before = _cpu_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        now = _cpu_seconds()
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
