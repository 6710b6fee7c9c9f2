import os

import pytest


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder for runs of several tests: they share trained classifiers.

    It is one for all workers of pytest-xdist, of which the first trains.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = root / "runs"
    folder.mkdir(exist_ok=True)
    return folder
