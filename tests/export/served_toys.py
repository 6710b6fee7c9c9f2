"""A folder of small exported models, for the tests of servers and clients."""

import keras
import pytest

from keras_genseq.export import publish
from keras_genseq.models import NADE
from tests.export.toy_model import toy_model


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    """Folder with `toy`, versions 1 and 2 (seeds 1 and 0), and `nade`.

    Tests that change something change a copy.
    """
    root = tmp_path_factory.getbasetemp() / "toys"
    # Made once for all modules that import this fixture.
    if not root.exists():
        for seed in (1, 0):
            publish(toy_model(seed), root, "toy", card={})
        publish(small_nade(), root, "nade", card={})
    return root


def small_nade():
    keras.utils.set_random_seed(0)
    return NADE(6, 4)
