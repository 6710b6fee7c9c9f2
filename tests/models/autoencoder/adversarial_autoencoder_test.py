import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import AdversarialAutoencoder
from keras_genseq.models import GaussianMixturePrior
from keras_genseq.models import GaussianPrior

SHAPE = (4, 4, 1)


def make_aae(**kwargs):
    options = {
        "hidden_units": (16,),
        "discriminator_units": (16,),
        "seed": 1,
        **kwargs,
    }
    return AdversarialAutoencoder(SHAPE, 2, **options)


def compiled(model, rate=5e-3):
    model.compile(
        **{
            f"{player}_optimizer": keras.optimizers.Adam(rate, beta_1=0.5)
            for player in model.group_networks
        }
    )
    return model


def images(count):
    """Two gradients of grey, mixed: two numbers tell an image."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, count, 1, 1, 1))
    ramp = np.linspace(0.0, 1.0, 4)
    x = 0.5 * (a * ramp[:, None, None] + b * ramp[None, :, None])
    return x.astype("float32")


def test_preset_has_the_papers_parameters():
    model = AdversarialAutoencoder.from_preset("aae_mnist")
    counts = {k: n.count_params() for k, n in model.networks.items()}
    assert counts == {
        "encoder": 784 * 1000 + 1000 + 1_001_000 + 8 * 1000 + 8,
        "decoder": 8 * 1000 + 1000 + 1_001_000 + 784 * 1000 + 784,
        "discriminator": 8 * 1000 + 1000 + 1_001_000 + 1000 + 1,
    }
    assert model.prior.scale == 5.0


@pytest.mark.slow
def test_codes_come_to_follow_the_prior_and_images_are_kept():
    model = make_aae(
        hidden_units=(32,),
        discriminator_units=(64, 64),
        adversarial_loss="least_squares",
    )
    compiled(model, 2e-3)
    x = images(512)
    logs = model.fit(x, batch_size=64, epochs=80, verbose=0).history
    assert logs["reconstruction"][-1] < 0.1 * logs["reconstruction"][0]
    z = np.array(model.encode(x))
    np.testing.assert_allclose(z.mean(0), [0.0, 0.0], atol=0.4)
    np.testing.assert_allclose(z.std(0), [1.0, 1.0], rtol=0.3)
    assert np.array(model.sample(3, seed=0)).shape == (3, *SHAPE)


def test_every_phase_moves_its_own_networks_alone():
    model = compiled(make_aae(num_categories=3))
    classes = np.array([0, 1, 2, -1] * 2, "int32")
    batch = model.seeded_batch((images(8), classes), step=0)
    for player, moved in (
        ("autoencoder", {"encoder", "decoder"}),
        ("discriminator", {"discriminator", "category_discriminator"}),
        ("generator", {"encoder"}),
        ("classifier", {"encoder"}),
    ):
        before = {k: n.get_weights() for k, n in model.networks.items()}
        model.update_group(player, batch)
        assert moved == {
            name
            for name, network in model.networks.items()
            if any(
                (a != b).any()
                for a, b in zip(
                    before[name], network.get_weights(), strict=True
                )
            )
        }


def test_unknown_classes_cost_nothing():
    model = make_aae(num_categories=3)
    classes = np.array([-1, 2], "int32")
    batch = model.seeded_batch((images(2), classes), step=0)
    losses, _ = model.classifier_loss(batch)
    _, logits = model.codes.of_images(batch["x"], batch["seeds"])
    probability = np.array(keras.ops.softmax(logits))[1, 2]
    np.testing.assert_allclose(losses, [0.0, -np.log(probability)], rtol=1e-5)


def test_the_mean_of_the_classification_is_that_of_known_classes():
    few, known = make_aae(num_categories=3), make_aae(num_categories=3)
    known.set_weights(few.get_weights())
    classes = np.array([-1, 2, -1, -1, 0, -1, -1, -1], "int32")
    logs = []
    for model, used in ((few, slice(None)), (known, [1, 4])):
        compiled(model)
        model.classifier_optimizer = keras.optimizers.SGD(1.0)
        batch = {
            "labelled": tf.constant(images(8)[used]),
            "classes": tf.constant(classes[used]),
            "seeds": tf.range(8)[:1] * tf.ones_like(classes[used]),
        }
        _, terms = model.update_group("classifier", batch)
        model.track(tf.zeros(8), terms)
        logs.append(float(model.get_metrics_result()["classification"]))
    assert logs[0] == pytest.approx(logs[1], rel=1e-5) and logs[0] > 0.1
    for a, b in zip(few.encoder.weights, known.encoder.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_few_labels_teach_the_classes():
    rng = np.random.default_rng(0)
    kinds = np.arange(256) % 2
    x = 0.2 * rng.random((256, *SHAPE))
    x[kinds == 0, :2] += 0.7
    x[kinds == 1, 2:] += 0.7
    labels = np.where(np.arange(256) < 20, kinds, -1).astype("int32")
    model = compiled(make_aae(num_categories=2))
    model.fit(x.astype("float32"), labels, batch_size=64, epochs=40, verbose=0)
    found = np.array(model.classify(x.astype("float32"))["logits"]).argmax(1)
    assert (found == kinds).mean() > 0.97


def test_the_discriminator_is_told_the_class_of_code_and_draw():
    prior = GaussianMixturePrior(num_classes=3)
    model = make_aae(prior=prior, prior_classes=True)
    assert model.discriminator.input_shape == (None, 2 + 3 + 1)
    z = np.ones((4, 2), "float32")
    logits = np.array(model.code_logits(z, np.array([0, 1, -1, 0])))
    assert logits[0] == logits[3] and len(set(logits.tolist())) == 3
    np.testing.assert_allclose(model.code_logits(z[:1]), logits[2:3])


def test_labelled_examples_may_come_beside_the_others():
    model = compiled(make_aae(num_categories=2))
    x, labelled = images(6), images(12)[6:]
    classes = np.array([0, 1, 0, 1, 0, 1], "int32")
    batch = model.seeded_batch((x, (labelled, classes)), step=0)
    alone = model.seeded_batch((labelled, classes), step=0)
    np.testing.assert_allclose(
        model.classifier_loss(batch)[0], model.classifier_loss(alone)[0]
    )
    apart, _ = model.autoencoder_loss(batch)
    np.testing.assert_allclose(
        apart, model.autoencoder_loss(model.seeded_batch(x, step=0))[0]
    )
    model.fit(x, (labelled, classes), batch_size=3, verbose=0)


def test_the_supervised_form_tells_the_decoder_alone():
    model = compiled(make_aae(num_classes=3))
    x, classes = images(4), np.array([0, 1, 2, 0], "int32")
    model.fit(x, classes, verbose=0)
    z = model.encode(x)
    assert z.shape == (4, 2)
    drawn = [np.array(model.decode(z, condition=k)) for k in range(3)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-4
    with pytest.raises(ValueError, match="conditional on 3 classes"):
        model.decode(z)
    with pytest.raises(ValueError, match="classes from 0 to 2"):
        model.fit(x, classes - 1, verbose=0)


def test_dropout_leaves_units_out_in_training_alone():
    model = make_aae(dropout=0.5)
    codes = model.codes
    x, seeds = images(8), np.arange(8, dtype="int32")
    whole = codes.of_images(x, seeds)[0]
    np.testing.assert_array_equal(codes.of_images(x, seeds)[0], whole)
    assert np.ptp(np.subtract(codes.of_images(x, seeds, True)[0], whole)) > 0.01
    z = np.ones((8, 2), "float32")
    whole = model.decoder_output(z)
    assert (
        np.ptp(np.subtract(model.decoder_output(z, training=True), whole))
        > 0.01
    )


def own_networks():
    """An encoder and critics with batch normalizations, and bounded ones."""

    def critic(size):
        return keras.Sequential(
            [
                keras.Input((size,)),
                keras.layers.Dense(5, kernel_constraint="unit_norm"),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(1),
            ]
        )

    encoder = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(7, name="hidden"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(2 + 3),
        ]
    )
    decoder = keras.Sequential(
        [
            keras.Input((2 + 3,)),
            keras.layers.Dense(16),
            keras.layers.Reshape(SHAPE),
        ]
    )
    return {
        "encoder": encoder,
        "decoder": decoder,
        "discriminator": critic(2),
        "category_discriminator": critic(3),
    }


def test_networks_of_the_users_own_are_trained_and_saved(tmp_path):
    networks = own_networks()
    model = compiled(make_aae(num_categories=3, **networks))
    assert model.networks == networks
    before = {k: n.get_weights() for k, n in networks.items()}
    classes = np.array([0, 1, 2, -1] * 2, "int32")
    model.fit(images(8), classes, verbose=0)
    for name, network in networks.items():
        after = network.get_weights()
        assert any(
            (a != b).any() for a, b in zip(before[name], after, strict=True)
        )
    model.save(tmp_path / "aae.keras")
    again = keras.models.load_model(tmp_path / "aae.keras")
    for name, network in networks.items():
        kept = again.networks[name]
        assert [x.name for x in kept.layers] == [x.name for x in network.layers]
    x, z = images(4), np.ones((4, 2), "float32")
    np.testing.assert_array_equal(model(x), again(x))
    for a, b in zip(
        (model.discriminate(z), model.classify(x)["logits"]),
        (again.discriminate(z), again.classify(x)["logits"]),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "name, shape",
    [
        ("encoder", "7"),
        ("decoder", "4, 4, 1"),
        ("discriminator", "1"),
        ("category_discriminator", "1"),
    ],
)
def test_a_network_with_another_output_is_named(name, shape):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(6)])
    with pytest.raises(
        ValueError, match=rf"`{name}` must be a built .*\(None, {shape},?\)"
    ):
        make_aae(num_categories=5, **{name: network})


def statistics(network):
    """What the batch normalizations of a network infer by."""
    return [
        v.numpy()
        for layer in network._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        for v in layer.non_trainable_variables
    ]


def test_statistics_follow_the_reconstruction_and_the_draws():
    model = compiled(make_aae(num_categories=3, **own_networks()))
    networks = model.networks
    classes = np.array([0, 1, 2, -1] * 2, "int32")
    batch = model.seeded_batch((images(8), classes), step=0)
    for group, moved in (
        ("autoencoder", {"encoder"}),
        ("discriminator", {"discriminator", "category_discriminator"}),
        ("generator", set()),
        ("classifier", set()),
    ):
        before = {k: statistics(n) for k, n in networks.items()}
        drawn = np.array(model.prior.draw(batch["seeds"]))
        hidden = np.array(model.discriminator.layers[0](drawn))
        model.update_group(group, batch)
        assert moved == {
            name
            for name, network in networks.items()
            if not all(map(np.array_equal, before[name], statistics(network)))
        }
        if group == "discriminator":
            # Of draws, the reals of this game, and not of codes.
            mean = 0.99 * before[group][0] + 0.01 * hidden.mean(0)
            np.testing.assert_allclose(
                statistics(model.discriminator)[0], mean, atol=1e-6
            )


def test_a_batch_normalization_is_in_the_encoder_alone():
    model = make_aae(hidden_units=(16, 8), batch_normalization=True)
    counts = {k: len(statistics(n)) // 2 for k, n in model.networks.items()}
    assert counts == {"encoder": 2, "decoder": 0, "discriminator": 0}
    assert not any(map(statistics, make_aae().networks.values()))


def test_warns_of_a_wasserstein_loss_that_nothing_bounds():
    networks = own_networks()
    options = {"adversarial_loss": "wasserstein", "num_categories": 3}
    for missing in ("discriminator", "category_discriminator"):
        with pytest.warns(UserWarning, match="Nothing bounds .*constrained"):
            make_aae(**options, **{**networks, missing: None})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_aae(**options, **networks)
        make_aae()


@pytest.mark.parametrize("option", ["prior_classes", "num_categories", "basic"])
def test_who_classifies(option):
    model = make_aae(
        **{
            "prior_classes": {
                "prior": GaussianMixturePrior(num_classes=3),
                "prior_classes": True,
            },
            "num_categories": {"num_categories": 3},
            "basic": {},
        }[option]
    )
    assert ("classify" in model.serving_signatures()) == (
        option == "num_categories"
    )
    if option == "num_categories":
        probabilities = np.array(model.classify(images(4))["probabilities"])
        np.testing.assert_allclose(probabilities.sum(1), 1.0, rtol=1e-5)
        np.testing.assert_allclose(
            probabilities, np.array(model.encode(images(4)))[:, 2:], rtol=1e-5
        )
        return
    with pytest.raises(ValueError, match="no categories"):
        model.classify(images(1))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"prior": GaussianPrior(3)}, "latent_dim=2, prior.dim=3"),
        ({"posterior_type": "sharp"}, "`posterior_type` must be one of"),
        ({"prior_classes": True}, "a prior with classes.*GaussianPrior"),
        (
            {"num_classes": 3, "num_categories": 3},
            "one use.*num_classes=3, num_categories=3",
        ),
        ({"cluster_heads": True}, "needs `num_categories`"),
        (
            {"category_discriminator": keras.layers.Dense(1)},
            "`category_discriminator` needs `num_categories`",
        ),
        ({"input_noise": -0.1}, "at least 0. Received: input_noise=-0.1"),
    ],
    ids=[
        "prior",
        "posterior",
        "no_parts",
        "two_uses",
        "heads",
        "critic",
        "noise",
    ],
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_aae(**arguments)


def test_names_what_is_wrong_with_the_data():
    model = compiled(make_aae(num_categories=3))
    with pytest.raises(ValueError, match="from 0 to 2, or -1"):
        model.fit(images(2), np.array([0, 3], "int32"), verbose=0)
    with pytest.raises(ValueError, match="no use for classes"):
        compiled(make_aae()).fit(images(2), np.zeros(2, "int32"), verbose=0)
    with pytest.raises(ValueError, match=r"shape \(batch_size, 5\)"):
        model.decode(np.zeros((1, 2), "float32"))


@pytest.mark.parametrize("count", [2, 3])
def test_nested_lists_are_images_and_classes(count):
    x, classes = images(count), list(range(count))
    for y in (classes, (x.tolist(), classes), [x.tolist(), classes]):
        model = compiled(make_aae(num_categories=3))
        model.run_eagerly = True
        history = model.fit(x.tolist(), y, verbose=0).history
        again = compiled(make_aae(num_categories=3))
        classes_of = again.check_targets(y, again.check_inputs(x))
        found = classes_of[1] if isinstance(classes_of, tuple) else classes_of
        np.testing.assert_array_equal(found, classes)
        assert np.isfinite(history["classification"][0])
