import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import GatedPixelCNN
from keras_genseq.ops.random import row_seeds
from tests.models.autoregressive.dependence import dependence

SHAPES = pytest.mark.parametrize(
    "image_shape, levels", [((5, 4, 1), 2), ((3, 4, 3), 4)]
)
RNG = np.random.default_rng(0)


def make_model(image_shape, num_layers=2, **options):
    """A small model with weights large enough to matter."""
    model = GatedPixelCNN(
        image_shape,
        num_layers=num_layers,
        **{
            "filters": 6,
            "head_filters": 9,
            "first_kernel_size": 5,
            **options,
        },
    )
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.4)
    # ReLUs that let every gradient pass.
    for conv in (model.blocks[-1].output_conv, *model.head[:-1]):
        conv.bias.assign(conv.bias + 9.0)
    for conv in model.head:
        conv.kernel.assign(abs(conv.kernel) * 0.2)
    model.head[-1].bias.assign(model.head[-1].bias - 5.0)
    return model


def test_probabilities_of_all_images_sum_to_one():
    model = make_model((3, 3, 1))
    images = np.array(list(itertools.product([0.0, 1.0], repeat=9)), "float32")
    log_prob = model.log_prob(images.reshape(-1, 3, 3, 1)).numpy()
    assert np.exp(log_prob).sum() == pytest.approx(1.0, abs=1e-5)
    assert np.exp(log_prob).std() > 1e-4


@SHAPES
def test_a_logit_depends_on_all_earlier_values_only(image_shape, levels):
    model = make_model(image_shape, num_layers=5, num_categories=levels)
    place = np.arange(model.input_dim)
    earlier = place[None, :] < place[:, None]
    np.testing.assert_array_equal(dependence(model) > 0.0, earlier)


@SHAPES
def test_cached_draws_equal_whole_passes(image_shape, levels):
    model = make_model(image_shape, num_categories=levels)
    x = RNG.integers(0, levels, (6, *image_shape)) / (levels - 1.0)
    x = x.astype("float32")
    mask = RNG.random(x.shape) < 0.3
    drawn = model.complete(x, mask, seed=1, temperature=0.7).numpy()
    slow = tf.function(model.draw_by_whole_passes, jit_compile=True)
    expected = slow(
        tf.where(mask, x, 0.0), mask, row_seeds(1, 6), tf.fill((6,), 0.7)
    )
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(drawn[mask], x[mask])


@pytest.mark.parametrize("name", ["kernel_size", "first_kernel_size"])
def test_an_even_kernel_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be odd"):
        GatedPixelCNN((4, 4, 1), **{name: 4})
