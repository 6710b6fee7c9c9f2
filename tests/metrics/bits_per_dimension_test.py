import numpy as np
import pytest

from keras_genseq.metrics import BitsPerDimension


def test_uniform_models_score_their_number_of_bits():
    metric = BitsPerDimension(10)
    metric.update_state(np.full(3, 10 * np.log(256.0)))
    assert float(metric.result()) == pytest.approx(8.0)


def test_examples_weigh_alike_however_they_are_batched():
    nats = np.random.default_rng(0).normal(50.0, 9.0, 10).astype("float32")
    whole, parts = BitsPerDimension(7), BitsPerDimension(7)
    whole.update_state(nats)
    for part in (nats[:3], nats[3:]):
        parts.update_state(part)
    assert float(whole.result()) == pytest.approx(float(parts.result()))


def test_config_round_trip():
    metric = BitsPerDimension(7, name="bpd")
    again = BitsPerDimension.from_config(metric.get_config())
    assert again.get_config() == metric.get_config()


def test_names_a_number_that_is_not_positive():
    with pytest.raises(ValueError, match="`num_dimensions` must be positive"):
        BitsPerDimension(0)
