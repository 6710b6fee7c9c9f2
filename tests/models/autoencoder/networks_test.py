import keras
import numpy as np

from keras_genseq.models.autoencoder.networks import make_encoder

SHAPE = (4, 4, 1)


def encoder(**kwargs):
    keras.utils.set_random_seed(0)
    return make_encoder(
        SHAPE, 3, hidden_units=(16, 8), activation="relu", **kwargs
    )


def test_a_normalized_batch_has_no_scale():
    """In training contrast does not matter, in inference it does."""
    network = encoder(batch_normalization=True)
    for weight in network.trainable_weights:
        if weight.name == "kernel":
            weight.assign(30.0 * weight)
    x = np.random.default_rng(0).random((32, *SHAPE)).astype("float32")
    whole, half = (network(v, training=True) for v in (x, 0.5 * x))
    np.testing.assert_allclose(half, whole, rtol=1e-2, atol=0.1)
    assert np.std(whole) > 3.0
    whole, half = network(x), network(0.5 * x)
    assert np.abs(np.subtract(half, whole)).max() > 3.0
    plain = encoder()
    np.testing.assert_array_equal(plain(x, training=True), plain(x))


def test_shifts_stand_for_biases():
    sizes = [w.shape for w in encoder(batch_normalization=True).weights]
    assert sizes[:5] == [(16, 16), *[(16,)] * 4]
