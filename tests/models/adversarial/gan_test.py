import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_genseq.models import GAN
from keras_genseq.models.adversarial.gan import Maxout

SHAPE = (4, 4, 1)


def make_gan(**kwargs):
    options = {
        "generator_units": (8,),
        "discriminator_units": (6,),
        "num_pieces": 2,
        "seed": 1,
        **kwargs,
    }
    model = GAN(SHAPE, 3, **options)
    rng = np.random.default_rng(2)
    for network in model.networks.values():
        for weight in network.weights:
            weight.assign(rng.normal(size=weight.shape) * 0.5)
    return model


def images(count):
    rng = np.random.default_rng(0)
    return rng.random((count, *SHAPE)).astype("float32")


def test_preset_has_the_papers_parameters():
    generator = 100 * 1200 + 1200 + 1200 * 1200 + 1200 + 1200 * 784 + 784
    pieces = 240 * 5
    discriminator = 784 * pieces + pieces + 240 * pieces + pieces + 240 + 1
    networks = GAN.from_preset("gan_mnist").networks
    assert networks["generator"].count_params() == generator
    assert networks["discriminator"].count_params() == discriminator
    preset = GAN.presets["gan_mnist"]
    assert preset.num_parameters == generator + discriminator


def dense(inputs, *layers, name):
    return keras.Sequential([keras.Input(inputs), *layers], name=name)


def test_the_best_discriminator_is_the_share_of_the_data():
    # Reals N(0.6, 0.1), fakes N(0.45, 0.15): the log-ratio is a parabola.
    scale = keras.layers.Rescaling(0.15, 0.45)
    generator = dense((1,), scale, keras.layers.Reshape((1, 1, 1)), name="g")
    x = keras.Input((1, 1, 1))
    flat = keras.layers.Rescaling(4.0, -2.0)(keras.layers.Flatten()(x))
    square = keras.layers.Multiply()([flat, flat])
    both = keras.layers.Concatenate()([flat, square])
    discriminator = keras.Model(x, keras.layers.Dense(1)(both))
    model = GAN(
        (1, 1, 1), 1, generator=generator, discriminator=discriminator, seed=3
    )
    model.compile(
        generator_optimizer=keras.optimizers.SGD(0.0),
        discriminator_optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(0.1, 500)
        ),
    )
    rng = np.random.default_rng(1)
    real = rng.normal(0.6, 0.1, (50_000, 1, 1, 1)).clip(0, 1).astype("float32")
    model.fit(real, batch_size=1_000, epochs=10, verbose=0)
    grid = np.linspace(0.2, 0.9, 15)
    p = stats.norm.pdf(grid, 0.6, 0.1)
    q = stats.norm.pdf(grid, 0.45, 0.15)
    realness = model.discriminate(grid.reshape(-1, 1, 1, 1))["realness"]
    np.testing.assert_allclose(realness, p / (p + q), atol=0.03)
    # The value of the game: log 4 - 2 JSD.
    x = np.linspace(-1.0, 2.0, 6_001)
    p, q = stats.norm.pdf(x, 0.6, 0.1), stats.norm.pdf(x, 0.45, 0.15)
    share = p / (p + q)
    value = -(p * np.log(share) + q * np.log1p(-share)).sum() * 5e-4
    logs = model.evaluate(real, batch_size=1_000, verbose=0, return_dict=True)
    assert logs["d_loss"] == pytest.approx(value, abs=0.02)


@pytest.mark.slow
def test_eight_modes_on_a_ring_are_all_found():
    angles = np.arange(8) * np.pi / 4
    centres = 0.5 + 0.35 * np.stack([np.cos(angles), np.sin(angles)], 1)
    rng = np.random.default_rng(0)
    real = centres[rng.integers(8, size=50_000)]
    real = real + rng.normal(size=real.shape) * 0.01
    real = real.reshape(-1, 1, 2, 1).astype("float32")
    relu = [keras.layers.Dense(64, activation="relu") for _ in range(4)]
    generator = dense(
        (2,),
        *relu[:2],
        keras.layers.Dense(2, activation="sigmoid"),
        keras.layers.Reshape((1, 2, 1)),
        name="g",
    )
    discriminator = dense(
        (1, 2, 1),
        keras.layers.Rescaling(4.0, -2.0),
        keras.layers.Flatten(),
        *relu[2:],
        keras.layers.Dense(1),
        name="d",
    )
    model = GAN(
        (1, 2, 1),
        2,
        generator=generator,
        discriminator=discriminator,
        adversarial_loss="wasserstein",
        gradient_penalty_weight=0.1,
        discriminator_updates=3,
        ema_decay=0.99,
        seed=0,
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        jit_compile=True,
    )
    model.fit(real, batch_size=250, epochs=20, verbose=0)
    samples = np.array(model.sample(2_000, seed=0)).reshape(-1, 1, 2)
    distances = np.linalg.norm(samples - centres, axis=-1)
    shares = np.bincount(distances.argmin(1), minlength=8) / 2_000
    assert shares.min() > 0.03
    assert (distances.min(1) < 0.1).mean() > 0.7


def test_a_sample_depends_on_its_seed_alone():
    model = make_gan()
    many = model.sample(40, seed=3, batch_size=16)
    np.testing.assert_allclose(many[:5], model.sample(5, seed=3), rtol=1e-5)
    rows = model.sample(3, seed=[5, 6, 5]).numpy()
    np.testing.assert_array_equal(rows[0], rows[2])
    assert (rows[0] != rows[1]).any()


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_the_noise_has_its_law_and_temperature_scales_it(noise):
    model = make_gan(noise=noise)
    seeds = np.arange(4_000, dtype="int32")
    z = np.array(model.sample_latents(seeds))
    law = stats.norm() if noise == "normal" else stats.uniform(-1.0, 2.0)
    assert stats.kstest(z.ravel(), law.cdf).pvalue > 1e-3
    halves = np.full(4_000, 0.5, "float32")
    np.testing.assert_allclose(model.sample_latents(seeds, halves), 0.5 * z)


def test_the_norm_of_a_gradient_is_that_of_the_step():
    model = make_gan(dropout=0.0, input_dropout=0.0)
    rates = {"generator": 0.5, "discriminator": 0.25}
    model.compile(
        **{
            f"{player}_optimizer": keras.optimizers.SGD(rate)
            for player, rate in rates.items()
        }
    )
    before = {k: n.get_weights() for k, n in model.networks.items()}
    logs = model.train_on_batch(images(8), return_dict=True)
    for player, rate in rates.items():
        after = model.networks[player].get_weights()
        steps = [
            np.square(a - b).sum()
            for a, b in zip(before[player], after, strict=True)
        ]
        norm = logs[f"{player}_gradient_norm"]
        assert norm == pytest.approx(np.sqrt(sum(steps)) / rate, rel=1e-3)
    assert logs["logit_margin"] == pytest.approx(
        logs["real_logit"] - logs["fake_logit"], rel=1e-4
    )
    logs = model.evaluate(images(8), verbose=0, return_dict=True)
    assert "generator_gradient_norm" not in logs and "fake_distance" in logs


def normalized_networks():
    generator = dense(
        (3,),
        keras.layers.Dense(8),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(16, activation="sigmoid"),
        keras.layers.Reshape(SHAPE),
        name="g",
    )
    discriminator = dense(
        SHAPE,
        keras.layers.Flatten(),
        keras.layers.Dense(8),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1),
        name="d",
    )
    return {"generator": generator, "discriminator": discriminator}


def test_a_turn_moves_its_own_network_alone_with_its_statistics():
    model = make_gan(**normalized_networks())
    model.compile()
    batch = model.seeded_batch((images(8),), step=0)
    for player in ("discriminator", "generator"):
        before = {k: n.get_weights() for k, n in model.networks.items()}
        model.update_group(player, batch)
        for name, network in model.networks.items():
            moved = [
                (a != b).any()
                for a, b in zip(
                    before[name], network.get_weights(), strict=True
                )
            ]
            # The bias before a normalization has no slope.
            assert sum(moved) >= 5 if name == player else not any(moved)


def test_reals_and_fakes_are_normalized_apart():
    model = make_gan(**normalized_networks())
    batch = model.seeded_batch((images(8),), step=0)
    fake = model.generate_images(
        model.sample_latents(batch["seeds"]), training=True
    )
    _, terms = model.discriminator_loss(batch)
    apart = model.discriminator_logits(batch["real"], training=True)
    together = model.discriminator_logits(
        tf.concat([batch["real"], fake], 0), training=True
    )
    np.testing.assert_allclose(terms["real_logit"], apart, atol=1e-5)
    assert np.abs(together[:8] - apart).max() > 1e-2


def test_statistics_of_the_discriminator_are_those_of_reals():
    model = make_gan(**normalized_networks())
    model.compile()
    flatten, first, normalization, _ = model.discriminator.layers
    moments = normalization.non_trainable_variables
    real = images(8)
    hidden = first(flatten(real)).numpy()
    before = [v.numpy() for v in moments]
    batch = model.seeded_batch((real,), step=0)
    model.discriminator_loss(batch)
    for variable, old, new in zip(
        moments, before, (hidden.mean(0), hidden.var(0)), strict=True
    ):
        np.testing.assert_allclose(variable, 0.99 * old + 0.01 * new, rtol=1e-4)


def test_penalties_are_of_slopes_by_images_in_minus_one_to_one():
    slopes = np.random.default_rng(3).normal(size=16).astype("float32")
    linear = dense(
        SHAPE,
        keras.layers.Flatten(),
        keras.layers.Dense(1, use_bias=False),
        name="d",
    )
    networks = {**normalized_networks(), "discriminator": linear}
    model = make_gan(**networks, r1_weight=2.0, gradient_penalty_weight=3.0)
    linear.set_weights([slopes[:, None]])
    batch = model.seeded_batch((images(8),), step=0)
    paid, _ = model.discriminator_loss(batch, training=True)
    norm = np.sqrt(np.square(slopes / 2.0).sum())
    expected = 2.0 * 0.5 * norm**2 + 3.0 * (norm - 1.0) ** 2
    fake = model.generate_images(
        model.sample_latents(batch["seeds"]), training=True
    )
    free = model.loss_pair.discriminator(
        model.discriminator_logits(batch["real"]),
        model.discriminator_logits(fake),
    )
    np.testing.assert_allclose(paid - free, expected, rtol=1e-4)


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"adversarial_loss": "wasserstein"}, "Nothing bounds the slope"),
        (
            {"gradient_penalty_weight": 1.0},
            "mixes the examples of a batch",
        ),
    ],
    ids=["no_bound", "batch_statistics"],
)
def test_warns_of_slopes(kwargs, message):
    with pytest.warns(UserWarning, match=message):
        make_gan(**normalized_networks(), **kwargs)


def test_training_alone_shows_the_discriminator_changed_images(monkeypatch):
    model = make_gan(augmentations=["cutout"])
    batch = model.seeded_batch((images(8),), step=0)
    seen = []

    def discriminator_logits(self, x, *args):
        seen.append(np.array(x))
        return tf.zeros(len(x))

    monkeypatch.setattr(GAN, "discriminator_logits", discriminator_logits)
    for training in (True, False):
        model.discriminator_loss(batch, training)
        model.generator_loss(batch, training)
    real, fake, fake_again, *unchanged = seen
    for x in (real, fake, fake_again):
        assert ((x == 0.0).sum((1, 2, 3)) > 0).all()
    assert ((real == 0.0) | (real == batch["real"])).all()
    # Reals and fakes of one row lose different parts of themselves.
    assert ((real == 0.0) != (fake == 0.0)).any()
    assert all((x > 0.0).all() for x in unchanged)
    np.testing.assert_array_equal(unchanged[0], batch["real"])


def test_samples_come_from_the_average_of_the_generators():
    model = make_gan(ema_decay=0.2)
    average = [w.copy() for w in model.averaged_generator.get_weights()]
    model.compile()
    for update in range(3):
        model.train_on_batch(images(8))
        decay = min(0.2, (1 + update) / (10 + update))
        average = [
            decay * a + (1.0 - decay) * w
            for a, w in zip(average, model.generator.get_weights(), strict=True)
        ]
    for a, b in zip(
        average, model.averaged_generator.get_weights(), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-6)
    z = model.sample_latents(np.array([4], "int32"))
    expected = model.averaged_generator(z)
    sample = model.sample(1, seed=[4])
    np.testing.assert_allclose(sample, expected, atol=1e-6)
    assert np.abs(sample - model.generator(z)).max() > 1e-4


def test_maxout_is_the_largest_piece():
    x = np.array([[[1.0, 5.0, -2.0], [-3.0, -1.0, -2.0]]], "float32")
    np.testing.assert_array_equal(Maxout()(x), [[5.0, -1.0]])


def test_adapted_biases_begin_at_the_mean_image():
    model = GAN(SHAPE, 3, generator_units=(8,), ema_decay=0.9, seed=1)
    x = np.clip(images(50), 0.05, 0.95) ** 2
    model.adapt(tf.data.Dataset.from_tensor_slices(x).batch(7))
    drawn = np.array(model.sample(200, seed=0)).mean(0)
    np.testing.assert_allclose(drawn, x.mean(0), atol=0.02)


def class_images(count):
    """All pixels of class 1 are light, those of class 0 dark."""
    labels = np.arange(count, dtype="int32") % 2
    x = np.broadcast_to(labels[:, None, None, None], (count, *SHAPE))
    return (0.2 + 0.6 * x).astype("float32"), labels


@pytest.mark.slow
def test_a_conditional_model_draws_what_it_is_asked_for(tmp_path):
    model = make_gan(
        generator_units=(16,),
        discriminator_units=(16,),
        dropout=0.0,
        input_dropout=0.0,
        num_classes=2,
        ema_decay=0.9,
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(0.01, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(0.01, beta_1=0.5),
    )
    x, labels = class_images(64)
    model.fit(x, labels, batch_size=64, epochs=200, verbose=0)
    wanted = [0, 1, 0, 1, 1]
    samples = model.sample(5, seed=0, condition=wanted).numpy()
    np.testing.assert_array_equal(samples.mean((1, 2, 3)) > 0.5, wanted)
    model.export(tmp_path / "gan")
    served = tf.saved_model.load(tmp_path / "gan").signatures["sample"]
    answer = served(
        seed=tf.constant([7, 8]),
        temperature=tf.ones(2),
        condition=tf.constant([1, 0]),
    )
    expected = model.sample(2, seed=[7, 8], condition=[1, 0])
    np.testing.assert_allclose(answer["x"], expected, atol=1e-5)
    for condition, words in ((None, "conditional on 2"), ([3], "from 0 to 1")):
        with pytest.raises(ValueError, match=words):
            model.sample(1, condition=condition)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: make_gan(noise="pink"), "`noise` must be one of"),
        (
            lambda: make_gan(adversarial_loss="cross"),
            "`adversarial_loss` must be one of",
        ),
        (
            lambda: make_gan(augmentations=["shear", "blur"]),
            r"`augmentations` must be one of .*'blur'",
        ),
        (lambda: make_gan(ema_decay=1.0), "`ema_decay` must be None or in"),
        (lambda: make_gan(discriminator_updates=0), "must be positive"),
        (
            lambda: GAN((4, 4, 3), 3, **normalized_networks()),
            r"`generator` must be a built .*\(None, 4, 4, 3\)",
        ),
        (
            lambda: make_gan().compile("adam"),
            "generator_optimizer=",
        ),
        (lambda: make_gan().sample(0), "`num_samples` must be positive"),
        (lambda: make_gan().sample(2, condition=1), "takes no condition"),
        (
            lambda: make_gan().discriminate(255.0 * images(2)),
            r"values in \[0, 1\]",
        ),
    ],
    ids=range(10),
)
def test_names_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
