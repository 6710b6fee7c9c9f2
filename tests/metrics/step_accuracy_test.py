import numpy as np
import pytest

from keras_genseq.metrics import StepAccuracy


def test_every_step_weighs_the_same():
    metric = StepAccuracy()
    metric.update_state(np.array([[1.0, 1.0], [0.0, 0.0]], "float32"))
    metric.update_state(np.array([[3.0, 9.0]], "float32"))
    assert float(metric.result()) == pytest.approx(4 / 10)


def test_config_round_trip():
    config = StepAccuracy(name="tags", dtype="float32").get_config()
    assert StepAccuracy.from_config(config).get_config() == config
