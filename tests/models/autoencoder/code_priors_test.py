import keras
import numpy as np
import pytest

from keras_genseq.models import GaussianMixturePrior
from keras_genseq.models import GaussianPrior
from keras_genseq.models import SwissRollPrior

SEEDS = np.arange(6_000, dtype="int32")
PRIORS = [
    GaussianPrior(3, scale=5.0),
    GaussianMixturePrior(num_classes=4, radius=3.0, tangential_scale=0.2),
    SwissRollPrior(num_classes=5, radius=7.0),
]
EACH = pytest.mark.parametrize("prior", PRIORS, ids=lambda p: type(p).__name__)


@EACH
def test_a_draw_depends_on_its_seed_alone_and_the_prior_is_saved(prior):
    z = np.array(prior.draw(SEEDS))
    assert z.shape == (6_000, prior.dim)
    np.testing.assert_allclose(prior.draw(SEEDS[7:9]), z[7:9], atol=1e-6)
    config = keras.saving.serialize_keras_object(prior)
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(again.draw(SEEDS), z)


def test_the_normal_law_has_its_deviation():
    z = np.array(GaussianPrior(3, scale=5.0).draw(SEEDS))
    np.testing.assert_allclose(z.std(0), [5.0] * 3, rtol=0.03)


def test_parts_of_the_mixture_lie_on_the_circle():
    prior = GaussianMixturePrior(
        num_classes=4, radius=3.0, radial_scale=0.5, tangential_scale=0.1
    )
    z = np.array(prior.draw(SEEDS, np.full(6_000, 1, "int32")))
    # A quarter turn: the radius points up.
    np.testing.assert_allclose(z.mean(0), [0.0, 3.0], atol=0.03)
    np.testing.assert_allclose(z.std(0), [0.1, 0.5], rtol=0.05)
    everything = np.array(prior.draw(SEEDS, np.full(6_000, -1, "int32")))
    np.testing.assert_allclose(everything.mean(0), [0.0, 0.0], atol=0.1)


def test_classes_follow_each_other_along_the_roll():
    prior = SwissRollPrior(num_classes=5, radius=9.0, scale=0.0)
    lengths = [
        np.linalg.norm(prior.draw(SEEDS, np.full(6_000, k, "int32")), axis=1)
        for k in range(5)
    ]
    edges = 9.0 * (1.0 + 2.0 * np.arange(6) / 5) / 3.0
    for i, length in enumerate(lengths):
        assert length.min() == pytest.approx(edges[i], abs=0.01)
        assert length.max() == pytest.approx(edges[i + 1], abs=0.01)
