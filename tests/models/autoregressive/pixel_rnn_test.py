import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import PixelRNN
from keras_genseq.ops.random import row_seeds
from tests.models.autoregressive.dependence import dependence

VARIANTS = pytest.mark.parametrize(
    "variant", ["pixel_cnn", "row_lstm", "diagonal_bilstm"]
)
RNG = np.random.default_rng(0)


def make_model(image_shape, variant, num_layers=2, **options):
    """A small model with weights large enough to matter."""
    model = PixelRNN(
        image_shape,
        variant=variant,
        num_layers=num_layers,
        **{"filters": 6, "head_filters": 9, **options},
    )
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.4)
    return model


def with_open_head(model):
    """One whose ReLUs behind the blocks let every gradient pass."""
    for conv in model.head:
        conv.kernel.assign(abs(conv.kernel))
        conv.bias.assign(conv.bias + 9.0)
    return model


def all_images(image_shape, num_categories=2):
    size = math.prod(image_shape)
    values = itertools.product(range(num_categories), repeat=size)
    images = np.array(list(values), "float32") / (num_categories - 1)
    return images.reshape(-1, *image_shape)


@VARIANTS
@pytest.mark.parametrize(
    "image_shape, levels",
    [((3, 3, 1), 2), ((2, 1, 3), 2), ((1, 2, 2), 4)],
    ids=["binary", "colors", "levels"],
)
def test_probabilities_of_all_images_sum_to_one(variant, image_shape, levels):
    model = make_model(image_shape, variant, num_categories=levels)
    images = all_images(image_shape, levels)
    probabilities = np.exp(model.log_prob(images).numpy())
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert probabilities.std() > 1e-4


@VARIANTS
@pytest.mark.parametrize("image_shape", [(5, 4, 1), (3, 4, 3)])
def test_no_logit_depends_on_its_own_or_a_later_value(variant, image_shape):
    levels = 2 if image_shape[2] == 1 else 4
    model = make_model(image_shape, variant, num_categories=levels)
    place = np.arange(model.input_dim)
    later = place[None, :] >= place[:, None]
    for _ in range(2):
        gradients = dependence(model)
        np.testing.assert_array_equal(gradients[later], 0.0)
        assert gradients[~later].max() > 1e-4
        # Masks hold after an update too.
        model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        model.fit(np.zeros((2, *image_shape), "float32"), verbose=0)


@VARIANTS
def test_a_color_sees_all_colors_before_it(variant):
    model = make_model((1, 2, 3), variant, 1, num_categories=4)
    gradients = dependence(with_open_head(model))
    place = np.arange(6)
    earlier = place[None, :] < place[:, None]
    np.testing.assert_array_equal(gradients > 0.0, earlier)


@pytest.mark.parametrize("image_shape", [(9, 9, 1), (3, 9, 3)])
def test_diagonal_bilstm_sees_all_but_the_end_of_the_row_above(image_shape):
    """The features that it shifts down know a pixel only from the next on.

    So nothing tells a pixel about the last value of the row above, where the
    stem's window does not reach it: in the paper's network as in ours.
    """
    model = with_open_head(make_model(image_shape, "diagonal_bilstm", 1))
    gradients = dependence(model)
    _, width, colors = image_shape
    place = np.arange(model.input_dim)
    pixel = place // colors
    last = pixel // width * width * colors - 1
    above = place[None, :] == last[:, None]
    hidden = above & (pixel % width < width - 4)[:, None]
    expected = (place[None, :] < place[:, None]) & ~hidden
    np.testing.assert_array_equal(gradients > 0.0, expected)


def test_plain_pixel_cnn_has_a_blind_spot_and_row_lstm_a_triangle():
    shape, pixel = (12, 12, 1), 11 * 12 + 2
    model = with_open_head(make_model(shape, "pixel_cnn", 3))
    seen = dependence(model)[pixel].reshape(12, 12) > 0.0
    # Behind the stem's 3 pixels a masked kernel gains a column to the right
    # with each row upwards: a wedge stays hidden, however many layers.
    reach = [seen[row].sum() for row in (10, 9, 8, 7, 6, 5, 4)]
    assert reach == [6, 7, 8, 9, 9, 9, 0]
    model = with_open_head(make_model(shape, "row_lstm", 1))
    seen = dependence(model)[pixel].reshape(12, 12) > 0.0
    reach = [seen[row].sum() for row in range(10, -1, -1)]
    assert reach == [6, 7, 8, 9, 10, 11, 12, 12, 12, 12, 12]


@VARIANTS
@pytest.mark.parametrize("image_shape", [(5, 4, 1), (3, 4, 3)])
def test_cached_draws_equal_whole_passes(variant, image_shape):
    levels = 2 if image_shape[2] == 1 else 4
    model = make_model(
        image_shape,
        variant,
        num_categories=levels,
        position_bias=variant == "pixel_cnn",
    )
    rng = np.random.default_rng(2)
    x = rng.integers(0, levels, (6, *image_shape)) / (levels - 1.0)
    x = x.astype("float32")
    mask = rng.random(x.shape) < 0.3
    mask[0] = False
    drawn = model.complete(x, mask, seed=1, temperature=0.7).numpy()
    # Eagerly: compiling so many passes takes longer.
    expected = model.draw_by_whole_passes(
        tf.where(mask, x, 0.0),
        tf.constant(mask),
        row_seeds(1, 6),
        tf.fill((6,), 0.7),
    )
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(drawn[mask], x[mask])
    assert len(np.unique(drawn)) == levels


@VARIANTS
def test_samples_follow_the_density(variant):
    model = make_model((2, 3, 1), variant)
    expected = np.exp(model.log_prob(all_images((2, 3, 1))).numpy())
    samples = model.sample(10_000, seed=0, batch_size=4096).numpy()
    codes = samples.reshape(-1, 6).astype(int) @ (2 ** np.arange(5, -1, -1))
    observed = np.bincount(codes, minlength=64) / len(samples)
    assert np.abs(observed - expected).sum() < 0.08
    assert np.abs(np.roll(observed, 7) - expected).sum() > 0.3


def test_a_uniform_model_has_eight_bits_per_dimension():
    model = PixelRNN((2, 2, 3), filters=3, num_layers=1, num_categories=256)
    model.head[-1].kernel.assign(tf.zeros_like(model.head[-1].kernel))
    model.compile("adam")
    x = RNG.integers(0, 256, (4, 2, 2, 3)).astype("float32") / 255.0
    logs = model.evaluate(x, verbose=0, return_dict=True)
    assert logs["bits_per_dim"] == pytest.approx(8.0, abs=1e-4)
    sample = model.sample(2, seed=0).numpy()
    np.testing.assert_allclose(sample * 255, np.round(sample * 255), atol=1e-3)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"variant": "lstm"}, "`variant` must be one of"),
        ({"filters": 0}, "`filters` must be positive"),
        ({"image_shape": (8, 8)}, r"must be \(height, width, channels\)"),
        ({"image_shape": (8, 0, 1)}, "`image_shape` must be positive"),
        ({"num_categories": 1}, "`num_categories` must be an int"),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        PixelRNN(**{"image_shape": (8, 8, 1), **arguments})


@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros((2, 4, 3, 1), "float32"), "must have shape"),
        (np.full((2, 3, 4, 1), 0.3, "float32"), "only 0 and 1"),
        (np.full((2, 3, 4, 1), 2.0, "float32"), r"values in \[0, 1\]"),
        (np.zeros((2, 3, 4, 1), "uint8"), "must hold floats"),
    ],
    ids=["shape", "value", "range", "integer"],
)
def test_names_what_is_wrong_with_the_input(x, message):
    model = PixelRNN((3, 4, 1), filters=3, num_layers=1)
    with pytest.raises(ValueError, match=message):
        model.log_prob(x)
    with pytest.raises(ValueError, match=message):
        model.complete(x, np.ones(x.shape, bool))
