import pytest


class InThisProcess:
    """What `Workers` does, without a process for each candidate.

    `workers_test.py` is about those; starting one takes seconds.
    """

    def __init__(self, threads):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def build(self, framework, builder, *arguments):
        return builder(*arguments)


@pytest.fixture
def in_this_process(monkeypatch):
    """Callable `module` that keeps a benchmark's candidates in this process."""

    def keep(module):
        monkeypatch.setattr(module, "Workers", InThisProcess)

    return keep
