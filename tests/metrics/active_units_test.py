import keras
import numpy as np

from keras_genseq.metrics import ActiveUnits

RNG = np.random.default_rng(0)


def test_counts_dimensions_whose_means_vary():
    z = RNG.normal(size=(500, 4)) * [1.0, 0.2, 0.05, 0.0] + [0, 3, 3, 3]
    metric = ActiveUnits(4)
    metric.update_state(z)
    assert float(metric.result()) == 2.0
    np.testing.assert_allclose(metric.variances(), z.var(axis=0), atol=1e-4)
    assert float(ActiveUnits(4, threshold=0.5).result()) == 0.0


def test_batches_count_as_their_whole():
    z = RNG.normal(size=(90, 3)).astype("float32")
    whole, parts = ActiveUnits(3), ActiveUnits(3)
    whole.update_state(z)
    for part in (z[:10], z[10:40], z[40:]):
        parts.update_state(part)
    np.testing.assert_allclose(whole.variances(), parts.variances(), rtol=1e-4)
    parts.reset_state()
    assert float(parts.result()) == 0.0


def test_config_round_trip():
    metric = ActiveUnits(5, threshold=0.1, name="units", dtype="float32")
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    assert again.threshold == 0.1
