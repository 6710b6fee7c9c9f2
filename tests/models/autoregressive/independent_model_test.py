import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import IndependentModel

RNG = np.random.default_rng(0)
X = RNG.choice(3, (500, 4), p=[0.6, 0.3, 0.1]).astype("float32")


def test_adapt_counts():
    model = IndependentModel(4, 3)
    model.adapt(X, smoothing=0.0)
    frequencies = np.stack([(k == X).mean(0) for k in range(3)], -1)
    expected = sum(
        np.log(frequencies[i, X[:, i].astype(int)]) for i in range(4)
    )
    np.testing.assert_allclose(model.log_prob(X), expected, rtol=1e-4)


def test_adapt_takes_arrays_and_batches_alike():
    whole, batched = IndependentModel(4, 3), IndependentModel(4, 3)
    whole.adapt(X)
    batched.adapt(tf.data.Dataset.from_tensor_slices(X).batch(64))
    np.testing.assert_allclose(whole.logits, batched.logits, atol=1e-6)


def test_smoothing_gives_the_unseen_a_chance():
    model = IndependentModel(1)
    model.adapt(np.zeros((8, 1), "float32"), smoothing=1.0)
    np.testing.assert_allclose(
        np.exp(model.log_prob(np.ones((1, 1), "float32"))), [0.1], rtol=1e-5
    )


def test_fit_descends_to_what_adapt_counts():
    counted, fitted = IndependentModel(4, 3), IndependentModel(4, 3)
    counted.adapt(X, smoothing=0.0)
    fitted.compile("adam")
    fitted.optimizer.learning_rate = 0.05
    fitted.fit(X, epochs=60, batch_size=100, verbose=0)
    np.testing.assert_allclose(fitted.logits, counted.logits, atol=0.05)


@pytest.mark.parametrize("num_categories", [2, 256])
def test_has_as_many_weights_as_free_parameters(num_categories):
    model = IndependentModel(784, num_categories)
    assert model.count_params() == 784 * (num_categories - 1)


def test_names_what_is_wrong():
    with pytest.raises(ValueError, match="`smoothing` must not be negative"):
        IndependentModel(4).adapt(X, smoothing=-1.0)
    with pytest.raises(ValueError, match="without examples"):
        IndependentModel(4, 3).adapt(
            tf.data.Dataset.from_tensor_slices(X).batch(8).take(0)
        )
    with pytest.raises(ValueError, match="whole numbers 0 to 2"):
        IndependentModel(4, 3).log_prob(X + 3.0)
    with pytest.raises(ValueError, match="`num_categories` must be an int"):
        IndependentModel(4, 1)
