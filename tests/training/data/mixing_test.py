import numpy as np
import pytest
import tensorflow as tf

from training.data.mixing import cutmix
from training.data.mixing import mixup
from training.data.mixing import mixup_or_cutmix
from training.data.mixing import random_erasing
from training.data.mixing import soft_labels

SEED = tf.constant([3, 4], tf.int64)
COUNT = 64
# Image i is of the grey level i / COUNT, and of a class of its own.
LEVELS = np.arange(COUNT) / COUNT
X = tf.constant(np.tile(LEVELS[:, None, None, None], (1, 8, 6, 2)), tf.float32)
Y = tf.eye(COUNT)


def test_soft_labels_sum_to_1():
    y = soft_labels(tf.constant([2, 0]), 4, 0.2).numpy()
    np.testing.assert_allclose(y[0], [0.05, 0.05, 0.85, 0.05])
    np.testing.assert_allclose(y.sum(1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(soft_labels(tf.constant(y), 4), y)


def test_mixup_mixes_labels_as_it_does_images():
    x, y = (t.numpy() for t in mixup(X, Y, SEED, alpha=0.8))
    np.testing.assert_allclose(y.sum(1), 1.0, rtol=1e-5)
    assert (x == x[:, :1, :1, :1]).all()
    np.testing.assert_allclose(x[:, 0, 0, 0], y @ LEVELS, atol=1e-5)
    # Each example is mixed with the next one, by a share of its own.
    share = np.diag(y)
    np.testing.assert_allclose(
        y[np.arange(COUNT), (np.arange(COUNT) + 1) % COUNT],
        1.0 - share,
        atol=1e-6,
    )
    assert len(np.unique(share)) > COUNT // 2


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_shares_are_those_of_the_beta_distribution(alpha):
    x, y = tf.zeros((4000, 1, 1, 1)), tf.tile([[1.0], [0.0]], (2000, 1))
    _, mixed = mixup(x, y, SEED, alpha=alpha)
    share = np.where(y.numpy() > 0, mixed, 1.0 - mixed.numpy())
    assert share.mean() == pytest.approx(0.5, abs=0.03)
    variance = 1.0 / (4.0 * (2.0 * alpha + 1.0))
    assert share.var() == pytest.approx(variance, rel=0.1)


def test_cutmix_pastes_a_rectangle_and_labels_its_pixels():
    x, y = (t.numpy() for t in cutmix(X, Y, SEED, alpha=1.0))
    own = np.isclose(x, X)[..., 0]
    foreign = np.isclose(x, np.roll(X, -1, axis=0))[..., 0]
    assert (own | foreign).all()
    np.testing.assert_allclose(np.diag(y), own.mean((1, 2)), atol=1e-6)
    np.testing.assert_allclose(y.sum(1), 1.0, rtol=1e-5)
    # What is pasted fills the box around it.
    for mask in foreign:
        rows, columns = mask.any(1), mask.any(0)
        np.testing.assert_array_equal(mask, np.outer(rows, columns))
    assert 0.2 < foreign.mean() < 0.6


def test_a_share_of_the_examples_is_mixed_in_either_way():
    options = {"mixup_alpha": 0.8, "cutmix_alpha": 1.0}
    x = tf.tile(X, (8, 1, 1, 1))
    x, y = mixup_or_cutmix(x, tf.eye(8 * COUNT), SEED, share=0.5, **options)
    mixed = np.diag(y) < 1.0
    assert 0.3 < mixed.mean() < 0.55
    flat = (x == x[:, :1, :1, :1]).numpy().all((1, 2, 3))
    by_mixup = mixed & flat
    assert 0.15 < by_mixup.mean() < 0.35 and (mixed & ~flat).mean() > 0.1


def test_without_an_alpha_nothing_is_mixed():
    x, y = mixup_or_cutmix(X, Y, SEED, mixup_alpha=0.0, cutmix_alpha=0.0)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


def test_erasing_fills_one_rectangle_of_a_share_of_the_images():
    x = tf.tile(X, (8, 1, 1, 1))
    y = random_erasing(x, SEED, share=0.4, area=(0.2, 0.3)).numpy()
    erased = (y != x.numpy())[..., 0]
    assert y.min() >= 0.0 and y.max() <= 1.0
    assert erased.any((1, 2)).mean() == pytest.approx(0.4, abs=0.08)
    for mask in erased[erased.any((1, 2))]:
        box = np.outer(mask.any(1), mask.any(0))
        np.testing.assert_array_equal(mask, box)
        assert mask.mean() < 0.45


@pytest.mark.parametrize("function", [mixup, cutmix, random_erasing])
def test_a_graph_gives_what_eager_code_does(function):
    args = (X,) if function is random_erasing else (X, Y)
    specs = [tf.TensorSpec((None, *a.shape[1:])) for a in args]
    run = tf.function(
        function, input_signature=[*specs, tf.TensorSpec((2,), tf.int64)]
    )
    for a, b in zip(
        tf.nest.flatten(run(*args, SEED)),
        tf.nest.flatten(function(*args, SEED)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-6)
