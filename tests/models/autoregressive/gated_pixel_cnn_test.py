import itertools

import keras
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
    # Eagerly: compiling so many passes takes longer.
    expected = model.draw_by_whole_passes(
        tf.where(mask, x, 0.0),
        tf.constant(mask),
        row_seeds(1, 6),
        tf.fill((6,), 0.7),
    )
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(drawn[mask], x[mask])


@pytest.fixture(scope="module")
def conditional():
    """A model told one of three classes, which matter."""
    model = make_model((3, 3, 1), num_classes=3)
    for block in model.blocks:
        for dense in (block.vertical_condition, block.horizontal_condition):
            dense.kernel.assign(dense.kernel * 4.0)
    # Coins that are not all but certain.
    model.head[-1].bias.assign(model.head[-1].bias - 4.8)
    return model


def test_probabilities_given_a_class_sum_to_one(conditional):
    images = np.array(list(itertools.product([0.0, 1.0], repeat=9)), "float32")
    images = images.reshape(-1, 3, 3, 1)
    given = [
        np.exp(conditional.log_prob(images, condition=c).numpy())
        for c in range(3)
    ]
    np.testing.assert_allclose(np.sum(given, 1), 1.0, atol=1e-5)
    for a, b in itertools.combinations(given, 2):
        assert np.abs(a - b).sum() > 0.01


def test_a_class_reaches_the_gates_of_both_stacks(conditional):
    x = tf.constant(RNG.integers(0, 2, (2, 3, 3, 1)).astype("float32"))
    condition = tf.constant([0, 2])
    with tf.GradientTape() as tape:
        logits = conditional(x, condition)[:, 2, 2]
    kernels = [b.horizontal_condition.kernel for b in conditional.blocks]
    kernels += [b.vertical_condition.kernel for b in conditional.blocks]
    for gradient in tape.gradient(logits, kernels):
        size = np.abs(gradient).max(1)
        assert size[1] == 0.0 and (size[[0, 2]] > 0.0).all()


def test_cached_draws_given_classes_equal_whole_passes(conditional):
    mask = RNG.random((6, 3, 3, 1)) < 0.3
    x = RNG.integers(0, 2, mask.shape).astype("float32")
    classes = np.array([0, 1, 2, 0, 1, 2], "int32")
    drawn = conditional.complete(x, mask, seed=1, condition=classes).numpy()
    expected = conditional.draw_by_whole_passes(
        tf.where(mask, x, 0.0),
        tf.constant(mask),
        row_seeds(1, 6),
        tf.ones((6,)),
        tf.constant(classes),
    )
    np.testing.assert_array_equal(drawn, expected)


def test_signatures_take_the_class(conditional):
    signatures = conditional.serving_signatures()
    for name in ("score", "sample", "complete"):
        assert "condition" in signatures[name].inputs
    classes, seeds = tf.constant([2, 0]), tf.constant([7, 8])
    answer = tf.function(signatures["sample"].function)(
        seed=seeds, temperature=tf.ones(2), condition=classes
    )
    samples = conditional.sample(2, seed=[7, 8], condition=[2, 0])
    np.testing.assert_array_equal(answer["x"], samples)
    scores = signatures["score"].function(x=samples, condition=classes)
    np.testing.assert_allclose(
        scores["log_prob"],
        conditional.log_prob(samples, condition=[2, 0]),
        rtol=1e-5,
    )


@pytest.mark.slow
def test_trains_on_images_and_classes():
    model = GatedPixelCNN(
        (3, 3, 1), filters=6, num_layers=2, first_kernel_size=3, num_classes=2
    )
    model.compile(keras.optimizers.Adam(0.03))
    classes = np.arange(32, dtype="int32") % 2
    x = np.ones((32, 3, 3, 1), "float32") * classes[:, None, None, None]
    model.fit(x, classes, epochs=40, verbose=0)
    samples = model.sample(8, seed=0, condition=classes[:8]).numpy()
    np.testing.assert_array_equal(samples.mean((1, 2, 3)) > 0.5, classes[:8])
    with pytest.raises(ValueError, match="conditional on 2 classes"):
        model.fit(x, verbose=0)


def test_a_class_must_be_there_and_be_one_of_them(conditional):
    x = np.zeros((2, 3, 3, 1), "float32")
    with pytest.raises(ValueError, match="conditional on 3 classes"):
        conditional.log_prob(x)
    with pytest.raises(ValueError, match="from 0 to 2"):
        conditional.sample(1, condition=3)


def test_a_model_without_classes_takes_no_condition():
    model = GatedPixelCNN((3, 3, 1), filters=2, num_layers=1)
    with pytest.raises(ValueError, match="takes no condition"):
        model.sample(1, condition=0)
    with pytest.raises(ValueError, match="`num_classes` must be positive"):
        GatedPixelCNN((3, 3, 1), num_classes=0)


@pytest.mark.parametrize("name", ["kernel_size", "first_kernel_size"])
def test_an_even_kernel_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be odd"):
        GatedPixelCNN((4, 4, 1), **{name: 4})
