import functools

import pytest

from tests.conformance.instances import exportable
from tests.conformance.serving import ServingProcess
from tests.conformance.serving import served


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Callable `case -> path`, each row exported once."""

    @functools.lru_cache(maxsize=3)
    def export(case):
        path = tmp_path_factory.mktemp("exported") / "model"
        exportable(case).export(path)
        return path

    return export


@pytest.fixture(scope="session")
def answers_of(exported):
    """Callable `case -> requests and answers` of the exported row."""
    process = ServingProcess()

    @functools.lru_cache(maxsize=3)
    def answers(case):
        return served(exportable(case), case, exported(case), process)

    yield answers
    process.close()
