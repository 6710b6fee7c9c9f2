import numpy as np
import pytest

from keras_genseq.metrics import NatsPerStep
from keras_genseq.metrics import Perplexity


def test_every_step_weighs_the_same():
    nats = NatsPerStep()
    nats.update_state(np.array([[6.0, 2.0], [0.0, 0.0]]))
    nats.update_state(np.array([[4.0, 8.0]]))
    assert float(nats.result()) == pytest.approx(1.0)


def test_perplexity_of_a_uniform_model_is_its_number_of_states():
    metric = Perplexity()
    metric.update_state(np.array([[3 * np.log(65.0), 3.0]]))
    assert float(metric.result()) == pytest.approx(65.0)


def test_config_round_trip():
    for metric in (NatsPerStep(name="a"), Perplexity(name="b")):
        again = type(metric).from_config(metric.get_config())
        assert again.get_config() == metric.get_config()
