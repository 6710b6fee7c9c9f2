"""Progressive growing: levels, how they fade in, and what training keeps."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import ProgressiveGAN
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.resampling import doubled
from keras_genseq.ops.resampling import halved
from tests.conformance.batches import binary_images
from tests.conformance.instances import awake
from tests.conformance.instances import counted_traces
from tests.conformance.instances import optimizers
from tests.conformance.instances import without_values
from training.checkpoints import CheckpointStore

IMAGES = binary_images(8, (16, 16, 1))


def make_gan(level=None, **kwargs):
    keras.utils.set_random_seed(3)
    settings = {"base_filters": 16, "max_filters": 4, "seed": 1, **kwargs}
    return ProgressiveGAN((16, 16, 1), 3, level=level, **settings)


def grown(updates=0, **kwargs):
    """A level of 4x4 whose weights are awake, and one of 8x8 on top of it."""
    before = awake(make_gan(0, **kwargs))
    before.averaged_generator.set_weights(before.generator.get_weights())
    model = before.grown(fade_updates=8, **kwargs)
    model.updates.assign(updates)
    return before, model


def trained(model, count, size=8, images=IMAGES):
    if not model.compiled:
        model.compile(**optimizers(model, 1e-3), jit_compile=False)
    data = tf.data.Dataset.from_tensors(images[:size]).repeat(count)
    return model.fit(data, verbose=0)


def drawn(model, seed=0):
    z = model.sample_latents(np.arange(seed, seed + 4, dtype="int32"))
    return np.array(model.generate_images(z))


@pytest.mark.parametrize(
    "name, counts",
    [
        ("progressive_gan_1024", (23_071_456 + 7_659, 23_077_073 + 10_176)),
        ("progressive_gan_cifar10", (1_295_360 + 1_548, 1_296_641 + 2_048)),
    ],
)
def test_presets_have_the_papers_parameters(name, counts):
    with without_values():
        model = ProgressiveGAN.from_preset(name, ema_decay=None)
        found = [
            sum(math.prod(w.shape) for w in model.networks[each].weights)
            for each in ("generator", "discriminator")
        ]
    assert tuple(found) == counts
    assert all(w._value is None for w in model.generator.weights)


def test_the_papers_filters_by_side():
    with without_values():
        model = ProgressiveGAN.from_preset(
            "progressive_gan_1024", ema_decay=None
        )
    filters = [model.generator.filters(stage) for stage in range(1, 10)]
    assert filters == [512, 512, 512, 512, 256, 128, 64, 32, 16]
    first, last = (
        [layer.filters for layer in model.discriminator.convolutions[end]]
        for end in (slice(-2, None), slice(0, 2))
    )
    assert first == [16, 32] and last == [512, 512]
    assert model.discriminator.last_convolution.kernel.shape[2] == 513


@pytest.mark.parametrize("level, side", [(0, 4), (1, 8), (None, 16)])
def test_a_level_has_its_side_and_the_weights_up_to_it(level, side):
    model = make_gan(level)
    x = np.array(model.sample(2, seed=0))
    assert x.shape == (2, side, side, 1) and model.image_shape == (16, 16, 1)
    assert x.min() >= 0.0 and x.max() <= 1.0 and x.std() > 0.0
    names = " ".join(w.path for w in model.weights)
    assert f"{side}x{side}" in names and f"{2 * side}x{2 * side}" not in names


def test_at_an_alpha_of_0_all_is_the_level_before():
    before, model = grown()
    assert float(model.alpha) == 0.0
    images = drawn(before)
    np.testing.assert_array_equal(drawn(model), doubled(images))
    assert np.ptp(images) > 0.1
    x = binary_images(8, (8, 8, 1))
    for training in (False, True):
        np.testing.assert_array_equal(
            model.discriminator_logits(x, training=training),
            before.discriminator_logits(halved(x), training=training),
        )
    np.testing.assert_allclose(
        model.sample(3, seed=5), doubled(before.sample(3, seed=5)), atol=1e-6
    )


def test_at_an_alpha_of_1_all_is_the_level_itself():
    _, model = grown(updates=8)
    assert float(model.alpha) == 1.0
    awake(model)
    plain = make_gan(1)
    plain.load_from(model)
    assert plain.alpha is None
    np.testing.assert_array_equal(drawn(model), drawn(plain))
    x = binary_images(8, (8, 8, 1))
    np.testing.assert_array_equal(
        model.discriminator_logits(x, training=True),
        plain.discriminator_logits(x, training=True),
    )
    # What fades is no constant.
    model.updates.assign(4)
    assert np.abs(drawn(model) - drawn(plain)).max() > 1e-2


def test_growing_keeps_the_weights_and_begins_the_average_with_them():
    before, model = grown()
    new = {w.path: w.numpy() for w in model.generator.weights}
    for weight in before.generator.weights:
        np.testing.assert_array_equal(new[weight.path], weight.numpy())
    assert len(new) == len(before.generator.weights) + 6
    for a, b in zip(
        model.generator.weights, model.averaged_generator.weights, strict=True
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    with pytest.raises(ValueError, match=r"levels from 0 to 2.*level=3"):
        make_gan(2).grown()


def test_reals_fade_like_images():
    _, model = grown()
    x = tf.constant(binary_images(4, (8, 8, 1)))
    for updates, alpha in ((0, 0.0), (2, 0.25), (8, 1.0), (20, 1.0)):
        model.updates.assign(updates)
        assert float(model.alpha) == alpha
        real = model.batch_of(x, None)["real"]
        expected = (1.0 - alpha) * doubled(halved(x)) + alpha * x
        np.testing.assert_allclose(real, expected, atol=1e-7)


def test_alpha_follows_the_counter_in_one_trace_and_trains_what_is_used(
    recwarn,
):
    model = make_gan(2, fade_updates=8)
    idle = [
        v
        for network in (model.generator, model.discriminator)
        for v in network.colors[0].trainable_variables
    ]
    before = [v.numpy() for v in idle]
    used = [v for _, vs in model.optimizer_groups.values() for v in vs]
    assert {id(v) for v in used + idle} == {
        id(v) for v in model.trainable_variables
    }
    traced = []
    with counted_traces(traced):
        assert trained(model, 4).history["alpha"] == [0.1875]
        count = len(traced)
        assert float(model.alpha) == 0.5
        assert trained(model, 4).history["alpha"] == [0.6875]
        assert trained(model, 2).history["alpha"] == [1.0]
    assert len(traced) == count > 0
    for v, value in zip(idle, before, strict=True):
        np.testing.assert_array_equal(v.numpy(), value)
    assert not [w for w in recwarn if "Gradients" in str(w.message)]


def test_a_fade_goes_on_where_a_checkpoint_left_it(tmp_path):
    (_, whole), (_, resumed) = grown(), grown()
    trained(whole, 3)
    CheckpointStore(tmp_path, whole.training_state).save(3, {})
    resumed.compile(**optimizers(resumed, 1e-3), jit_compile=False)
    resumed.sample(1)
    CheckpointStore(tmp_path, resumed.training_state).restore()
    assert float(resumed.alpha) == 0.375
    for model in (whole, resumed):
        trained(model, 3)
    for a, b in zip(whole.training_state, resumed.training_state, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert float(whole.alpha) == 0.75


def test_a_saved_level_grows(tmp_path):
    before, model = grown()
    before.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again = loaded.grown(fade_updates=8)
    np.testing.assert_array_equal(drawn(again), drawn(model))


def test_images_of_higher_levels_are_shrunk_by_means():
    model = make_gan(0)
    x = np.random.default_rng(0).random((3, 16, 16, 1), "float32")
    small = x.reshape(3, 4, 4, 4, 4, 1).mean((2, 4))
    np.testing.assert_allclose(model.check_inputs(x), small, atol=1e-6)
    np.testing.assert_allclose(
        model.discriminate(x)["logits"],
        model.discriminate(small)["logits"],
        atol=1e-6,
    )
    trained(model, 1, size=3, images=x)
    for bad in (x[:, :12], x[:, :12, :12]):
        with pytest.raises(ValueError, match="must have shape"):
            model.discriminate(bad)


def test_penalties_are_the_papers():
    """A steep critic pays by (slope / target - 1)^2, a far one by its logit."""
    model = awake(make_gan(0, target_slope=3.0, group_size=1))
    x = tf.constant(binary_images(4, (4, 4, 1)))
    batch = model.seeded_batch(x, 0)
    found, terms = model.discriminator_loss(batch)
    fake = model.generate_images(model.sample_latents(batch["seeds"]))
    mixing = row_uniform(batch["seeds"], 1, stream=1)[:, :, None, None]
    between = mixing * (2.0 * x - 1.0) + (1.0 - mixing) * (2.0 * fake - 1.0)
    with tf.GradientTape() as tape:
        tape.watch(between)
        logits = model.discriminator_logits(
            0.5 * (between + 1.0), training=True
        )
    slopes = np.linalg.norm(
        np.reshape(tape.gradient(logits, between), (4, -1)), axis=1
    )
    real, fake = terms["real_logit"], terms["fake_logit"]
    expected = fake - real + 10.0 * (slopes / 3.0 - 1.0) ** 2
    expected += 0.001 * np.square(real)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_level_that_begins_pays_what_the_one_before_paid():
    """Where the free slope is halved, as slopes by smaller pixels are."""
    before, model = grown(halves_slope=True, group_size=1)
    faithful = before.grown(fade_updates=8, halves_slope=False)
    found = [
        each.discriminator_loss(
            each.seeded_batch(each.check_inputs(IMAGES), 0)
        )[0]
        for each in (before, model, faithful)
    ]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4)
    assert np.abs(np.array(found[2]) - found[0]).min() > 0.01
    assert model.grown().free_slope == 0.25


def test_the_average_moves_by_its_decay():
    model = make_gan(0, ema_decay=0.05)
    old = [w.numpy() for w in model.averaged_generator.weights]
    trained(model, 1)
    for before, average, new in zip(
        old,
        model.averaged_generator.weights,
        model.generator.weights,
        strict=True,
    ):
        expected = 0.05 * before + 0.95 * new.numpy()
        np.testing.assert_allclose(average.numpy(), expected, atol=1e-6)


@pytest.mark.slow
def test_two_replicas_are_one_where_groups_divide_their_shares(two_replicas):
    with two_replicas.scope():
        _, two = grown(updates=3, group_size=2)
        two.compile(**optimizers(two, 1e-3), jit_compile=False)
    _, one = grown(updates=3, group_size=2)
    for model in (one, two):
        trained(awake(model), 3)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-5)
    assert float(one.variation) > 1e-3


def test_images_alone_are_judged_as_if_they_varied_like_reals():
    model = make_gan(0)
    trained(model, 30)
    x = model.check_inputs(IMAGES)
    inside = np.array(model.discriminator(x)["variation"])
    assert float(model.variation) == pytest.approx(inside.mean(), rel=0.5)
    alone = model.discriminator(x[:1])["variation"]
    assert float(alone[0]) < 0.1 * float(model.variation)
    together = model.discriminate(x)["logits"]
    np.testing.assert_allclose(
        model.discriminate(x[:1])["logits"], together[:1], atol=1e-6
    )


def test_a_conditional_critic_tells_the_class():
    model = make_gan(0, num_classes=2)
    x = model.check_inputs(IMAGES)
    y = np.arange(8, dtype="int32") % 2
    model.compile(**optimizers(model, 5e-3), jit_compile=False)
    data = tf.data.Dataset.from_tensors((x, y)).repeat(60)
    history = model.fit(data, verbose=0, epochs=1).history
    assert {"class_accuracy", "fake_class_accuracy"} <= history.keys()
    probabilities = np.array(model.discriminate(x)["probabilities"])
    assert probabilities.shape == (8, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(1), y)
    one, two = (model.sample(2, seed=[1, 1], condition=c) for c in (0, 1))
    assert np.abs(one - two).max() > 1e-4


@pytest.mark.parametrize("shape", [(12, 12, 1), (8, 16, 1), (2, 2, 1)], ids=str)
def test_names_a_size_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"4, 8, 16, 32, .* Resize or pad"):
        ProgressiveGAN(shape, 3)


def test_refuses_what_is_no_level_and_no_slope():
    with pytest.raises(ValueError, match="`level`"):
        make_gan(-1)
    with pytest.raises(ValueError, match="`fade_updates`"):
        make_gan(1, fade_updates=-1)
    with pytest.raises(ValueError, match="`target_slope` must be positive"):
        make_gan(1, target_slope=0.0)


@pytest.mark.slow
def test_learns_that_all_images_are_light_on_the_left():
    x = np.zeros((64, 8, 8, 1), "float32")
    x[:, :, :4] = 0.9
    x += 0.1 * np.random.default_rng(0).random(x.shape, "float32")
    small = {"base_filters": 32, "max_filters": 16, "ema_decay": 0.9}
    model = ProgressiveGAN((8, 8, 1), 3, level=0, seed=1, **small)
    for level in range(2):
        if level:
            model = model.grown(fade_updates=100)
        adam = [
            keras.optimizers.Adam(4e-3, beta_1=0.0, beta_2=0.99)
            for _ in range(2)
        ]
        model.compile(
            generator_optimizer=adam[0],
            discriminator_optimizer=adam[1],
            jit_compile=False,
        )
        model.fit(np.clip(x, 0, 1), batch_size=32, epochs=200, verbose=0)
        mean = np.array(model.sample(50, seed=0)).mean((0, 1, 3))
        half = len(mean) // 2
        assert mean[:half].min() > 0.6 and mean[half:].max() < 0.4
