import pytest

from keras_genseq.export import write_saved_model
from tests.export.toy_model import toy_model


@pytest.fixture(scope="module")
def model():
    return toy_model(seed=0)


@pytest.fixture(scope="module")
def saved_model(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "toy"
    write_saved_model(model, folder)
    return folder
