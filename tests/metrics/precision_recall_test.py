import numpy as np
import pytest

from keras_genseq.metrics import precision_recall

RNG = np.random.default_rng(0)


def test_equal_sets_have_all_and_far_ones_nothing():
    x = RNG.normal(size=(200, 4))
    assert precision_recall(x, x) == (1.0, 1.0)
    assert precision_recall(x, x + 100.0) == (0.0, 0.0)


def test_lost_modes_cost_recall_alone():
    real = RNG.normal(size=(400, 2)) + 20.0 * (np.arange(400) % 4)[:, None]
    fake = RNG.normal(size=(400, 2))
    precision, recall = precision_recall(real, fake)
    assert precision > 0.9 and recall < 0.3
    assert precision_recall(fake, real) == (recall, precision)


def test_radii_are_distances_to_the_kth_neighbor():
    # On a line: the balls of 0, 1, 3 with k = 1 have radii 1, 1, 2.
    real = np.array([[0.0], [1.0], [3.0]])
    fake = np.array([[-0.9], [-1.1], [4.9], [5.1]])
    precision, _ = precision_recall(real, fake, num_neighbors=1, batch_size=2)
    assert precision == 0.5


def test_names_sets_that_are_too_small():
    with pytest.raises(ValueError, match="more than 3 rows"):
        precision_recall(np.zeros((3, 2)), np.zeros((9, 2)))
