import contextlib

import pytest
import tensorflow as tf

from keras_genseq.export import write_saved_model
from tests.export.toy_model import toy_model

# An error says that TensorFlow runs already, with the devices that it has.
with contextlib.suppress(RuntimeError):
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )


@pytest.fixture(scope="module")
def model():
    return toy_model(seed=0)


@pytest.fixture(scope="module")
def saved_model(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "toy"
    write_saved_model(model, folder)
    return folder
