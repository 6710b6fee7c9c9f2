import numpy as np
import pytest
import tensorflow as tf

from training.data.random_augmentation import OPERATIONS
from training.data.random_augmentation import random_augmentation

SEED = tf.constant([3, 4], tf.int64)
X = tf.constant(np.random.default_rng(0).random((12, 6, 5, 3)), tf.float32)


def augmented(x=X, seed=SEED, **options):
    return random_augmentation(x, seed, **options).numpy()


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_changes_images_and_keeps_their_range(name):
    y = augmented(operations=(name,), num_operations=1, magnitude=8.0)
    assert y.shape == X.shape and y.min() >= 0.0 and y.max() <= 1.0
    changed = np.abs(y - X).max(axis=(1, 2, 3)) > 1e-3
    assert changed.all()


@pytest.mark.parametrize(
    "name",
    [n for n in OPERATIONS if n not in ("auto_contrast", "equalize", "invert")],
)
def test_a_magnitude_of_zero_is_no_change(name):
    y = augmented(operations=(name,), magnitude=0.0, deviation=0.0)
    np.testing.assert_allclose(y, X, atol=1e-5)


def test_draws_depend_on_the_seed_alone_and_differ_by_image():
    np.testing.assert_array_equal(augmented(), augmented())
    other = augmented(seed=tf.constant([3, 5], tf.int64))
    assert (other != augmented()).any()
    same = tf.repeat(X[:1], 12, axis=0)
    y = augmented(same)
    assert len(np.unique(y.reshape(12, -1), axis=0)) > 6


def test_a_graph_gives_what_eager_code_does():
    run = tf.function(
        random_augmentation,
        input_signature=[
            tf.TensorSpec((None, 6, 5, 3)),
            tf.TensorSpec((2,), tf.int64),
        ],
    )
    np.testing.assert_allclose(run(X, SEED), augmented(), atol=1e-5)


def once(name, x, magnitude=10.0):
    return augmented(
        tf.constant(x, tf.float32),
        operations=(name,),
        num_operations=1,
        magnitude=magnitude,
        deviation=0.0,
    )


def test_colors_are_those_of_their_names():
    x = np.linspace(0.2, 0.6, 8, dtype="float32").reshape(1, 2, 4, 1)
    np.testing.assert_allclose(once("invert", x), 1.0 - x, atol=1e-6)
    stretched = (x - 0.2) / 0.4
    np.testing.assert_allclose(once("auto_contrast", x), stretched, atol=1e-5)
    # Levels lie evenly from 0 to 1.
    spread = once("equalize", x**3).ravel()
    np.testing.assert_allclose(spread, np.linspace(0, 1, 8), atol=1e-6)
    bright = np.where(x > 0.5, 1.0 - x, x)
    np.testing.assert_allclose(once("solarize", x, 5.0), bright, atol=1e-6)
    levels = once("posterize", x).ravel() * 255.0
    np.testing.assert_allclose(levels % 16.0, 0.0, atol=1e-3)
    assert np.abs(levels - 255.0 * x.ravel()).max() < 16.0


def test_flat_images_stay():
    x = np.full((2, 4, 4, 3), 0.3, "float32")
    for name in ("auto_contrast", "equalize", "color", "contrast", "sharpness"):
        # TensorFlow's weights of red, green and blue sum to 0.9999.
        np.testing.assert_allclose(once(name, x), x, atol=1e-4)


def test_grey_images_have_no_color_to_change():
    x = np.random.default_rng(1).random((2, 4, 4, 1))
    np.testing.assert_allclose(once("color", x), x, atol=1e-6)


@pytest.mark.parametrize("operations", [("blur",), ()])
def test_unknown_operations_are_refused(operations):
    with pytest.raises(ValueError, match="`operations` must be some of"):
        augmented(operations=operations)
