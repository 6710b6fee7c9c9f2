import pytest
import tensorflow as tf


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


@pytest.fixture
def eager_functions():
    """Runs TensorFlow's functions eagerly: two steps need no graph."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
