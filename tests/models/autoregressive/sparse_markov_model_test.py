import numpy as np
import pytest

from keras_genseq.models import MarkovModel
from keras_genseq.models import SparseMarkovModel

X = np.random.default_rng(0).integers(0, 4, (3, 60)).cumsum(1) // 2 % 5
X = X.astype("int32")


def test_equals_the_dense_chain():
    dense, sparse = (
        MarkovModel(5, order=3),
        SparseMarkovModel(5, 200, order=3),
    )
    for model in (dense, sparse):
        model.adapt(X, smoothing="witten_bell")
    other = np.random.default_rng(1).integers(0, 5, (4, 30)).astype("int32")
    np.testing.assert_allclose(
        sparse.log_prob(other), dense.log_prob(other), rtol=1e-5
    )
    np.testing.assert_allclose(
        sparse.transition_probabilities(),
        dense.transition_probabilities(),
        rtol=1e-5,
    )
    for temperature in (1.0, 0.0):
        samples = [
            m.sample(4, length=30, seed=2, temperature=temperature)
            for m in (sparse, dense)
        ]
        np.testing.assert_array_equal(*samples)


def test_an_unseen_context_is_that_without_its_oldest_symbols():
    model = SparseMarkovModel(3, 9, order=2)
    model.adapt(np.array([[0, 1, 0, 1]], "int32"), smoothing=0.5)
    logits = model(np.array([[2, 1, 0], [2, 2, 0]], "int32")).numpy()
    after_1 = np.array([1.0, 0.0, 0.0]) + 0.5
    anything = np.array([2.0, 2.0, 0.0]) + 0.5
    np.testing.assert_allclose(np.exp(logits[0, 2]), after_1 / after_1.sum())
    np.testing.assert_allclose(
        np.exp(logits[1, 2]), anything / anything.sum(), rtol=1e-6
    )


def test_holds_orders_of_which_no_table_fits():
    model = SparseMarkovModel(65, 600, order=9)
    text = np.tile(np.arange(65), 6)[None].astype("int32")
    model.adapt(text[:, :200])
    nats = -model.log_prob(text[:, :200]).numpy() / 200
    assert nats < 1.0
    with pytest.raises(ValueError, match=r"65\^10 entries"):
        model.transition_probabilities()


def test_names_too_few_contexts():
    with pytest.raises(ValueError, match=r"The data hold \d+ contexts"):
        SparseMarkovModel(5, 10, order=3).adapt(X)
    with pytest.raises(ValueError, match="`max_contexts` must be positive"):
        SparseMarkovModel(5, 0)
