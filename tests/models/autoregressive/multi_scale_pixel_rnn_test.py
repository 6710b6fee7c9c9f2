import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import MultiScalePixelRNN
from keras_genseq.ops.random import row_seeds
from tests.models.autoregressive.dependence import dependence
from tests.models.autoregressive.pixel_rnn_test import all_images

VARIANTS = pytest.mark.parametrize(
    "variant", ["pixel_cnn", "row_lstm", "diagonal_bilstm"]
)


def make_model(image_shape, variant, **options):
    """A small model with weights large enough to matter."""
    model = MultiScalePixelRNN(
        image_shape,
        variant=variant,
        **{
            "filters": 4,
            "num_layers": 1,
            "head_filters": 6,
            "map_filters": 3,
            **options,
        },
    )
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.4)
    # Rectified units that let every gradient pass.
    for layer in (model.lift, model.smooth, *model.head, *model.small.head):
        layer.kernel.assign(abs(layer.kernel))
        layer.bias.assign(layer.bias + 3.0)
    for network in (model, model.small):
        network.head[-1].kernel.assign(network.head[-1].kernel * 0.03)
        network.head[-1].bias.assign(network.head[-1].bias - 4.5)
    return model


@VARIANTS
def test_probabilities_of_all_images_sum_to_one(variant):
    model = make_model((2, 4, 1), variant)
    probabilities = np.exp(model.log_prob(all_images((2, 4, 1))).numpy())
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert probabilities.std() > 1e-4


@VARIANTS
def test_the_small_image_comes_before_all_other_pixels(variant):
    model = make_model((4, 4, 1), variant)
    gradients = dependence(model)
    on_grid = np.zeros((4, 4), bool)
    on_grid[::2, ::2] = True
    # Its place in the order of drawing, of each pixel.
    order = np.argsort(~on_grid.reshape(-1), kind="stable")
    place = np.argsort(order)
    later = place[None, :] >= place[:, None]
    np.testing.assert_array_equal(gradients[later], 0.0)
    small = on_grid.reshape(-1)
    # All of the small image tells every other pixel something.
    assert (gradients[~small][:, small] > 0.0).all()
    assert (gradients[small][:, ~small] == 0.0).all()
    assert gradients[~small][:, ~small].max() > 0.0


@pytest.mark.parametrize(
    "variant, levels",
    [
        ("pixel_cnn", 2),
        pytest.param("pixel_cnn", 3, marks=pytest.mark.slow),
        pytest.param("row_lstm", 2, marks=pytest.mark.slow),
        pytest.param("diagonal_bilstm", 2, marks=pytest.mark.slow),
        pytest.param("diagonal_bilstm", 3, marks=pytest.mark.slow),
    ],
)
def test_cached_draws_equal_whole_passes(variant, levels):
    shape = (2, 4, 1) if levels == 2 else (2, 4, 3)
    filters = {} if levels == 2 else {"filters": 6}
    model = make_model(shape, variant, num_categories=levels, **filters)
    rng = np.random.default_rng(2)
    x = rng.integers(0, levels, (6, *shape)).astype("float32") / (levels - 1)
    mask = rng.random(x.shape) < 0.3
    drawn = model.complete(x, mask, seed=1, temperature=0.7).numpy()
    # Eagerly: compiling so many passes takes minutes.
    expected = model.draw_by_whole_passes(
        tf.where(mask, x, 0.0),
        tf.constant(mask),
        row_seeds(1, 6),
        tf.fill((6,), 0.7),
    )
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(drawn[mask], x[mask])


def test_a_small_image_that_is_shown_is_kept():
    model = make_model((4, 6, 1), "pixel_cnn")
    x = np.random.default_rng(0).integers(0, 2, (5, 4, 6, 1)).astype("float32")
    mask = np.zeros(x.shape, bool)
    mask[:, ::2, ::2] = True
    drawn = model.complete(x, mask, seed=0).numpy()
    np.testing.assert_array_equal(drawn[mask], x[mask])
    assert (drawn != x).any()


def test_scores_add_up_from_the_small_image_and_the_rest():
    model = make_model((4, 6, 1), "pixel_cnn")
    x = np.random.default_rng(0).integers(0, 2, (5, 4, 6, 1)).astype("float32")
    logits = model(x).numpy()[..., 0]
    terms = x[..., 0] * logits - np.logaddexp(0.0, logits)
    small = model.small.log_prob(x[:, ::2, ::2]).numpy()
    np.testing.assert_allclose(terms[:, ::2, ::2].sum((1, 2)), small, rtol=1e-5)
    total = terms.sum((1, 2))
    np.testing.assert_allclose(model.log_prob(x), total, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"scale": 1}, "`scale` must be at least 2 and divide"),
        ({"scale": 3}, r"Received: scale=3, image_shape=\(8, 8, 1\)"),
        ({"map_filters": 0}, "`map_filters` must be positive"),
        ({"variant": "lstm"}, "`variant` must be one of"),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiScalePixelRNN((8, 8, 1), **arguments)
