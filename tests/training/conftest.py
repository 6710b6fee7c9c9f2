import os

import pytest

from training import evaluation
from training import rehearsal
from training import train
from training.resolve import build_model


@pytest.fixture(autouse=True, scope="module")
def _plain_updates():
    """The updates of a recipe are no XLA program, and run one by one.

    A program of ten updates takes long to make, and a test trains for few. The
    tables prove XLA and several updates at once for every model, the tests of
    `BaseModel` that neither changes what is learned.
    """

    with pytest.MonkeyPatch.context() as patch:
        _make_plain(patch)
        yield patch


@pytest.fixture
def several_updates_at_once(_plain_updates):
    """Lets a test's updates run as its recipe says."""
    _plain_updates.undo()
    yield
    _make_plain(_plain_updates)


def _make_plain(patch):
    def plain(recipe, dataset):
        options = {"jit_compile": False, "steps_per_execution": 1}
        compiled = {**recipe.compile, **options}
        return build_model(recipe.replace(compile=compiled), dataset)

    for module in (evaluation, rehearsal, train):
        patch.setattr(module, "build_model", plain)


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
