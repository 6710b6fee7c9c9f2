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
    _, logits = model.code_of(batch["x"], batch["seeds"])
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


def test_heads_move_z_by_the_category():
    model = make_aae(num_categories=3, cluster_heads=True)
    z, logits = model.code_of(images(5))
    heads = np.array(model.heads.kernel)
    probabilities = np.array(keras.ops.softmax(logits))
    np.testing.assert_allclose(
        model.encode(images(5)), z + probabilities @ heads, atol=1e-6
    )
    seeds = np.arange(200, dtype="int32")
    codes = np.array(model.sample_prior(seeds, np.zeros(200, "float32")))
    np.testing.assert_allclose(
        np.unique(codes.round(5), axis=0), np.unique(heads.round(5), axis=0)
    )


def test_heads_that_are_too_close_cost_their_lack_of_distance():
    model = make_aae(num_categories=3, cluster_heads=True, head_distance=2.0)
    free = make_aae(num_categories=3, cluster_heads=True)
    free.set_weights(model.get_weights())
    for made in (model, free):
        # Distances 1, 3 and sqrt(10): one pair lacks 1.
        made.heads.kernel.assign([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    batch = model.seeded_batch(images(4), step=0)
    np.testing.assert_allclose(
        model.autoencoder_loss(batch)[0] - free.autoencoder_loss(batch)[0],
        1.0,
        atol=1e-4,
    )


def test_dropout_leaves_units_out_in_training_alone():
    model = make_aae(dropout=0.5)
    x, seeds = images(8), np.arange(8, dtype="int32")
    whole = model.code_of(x, seeds)[0]
    np.testing.assert_array_equal(model.code_of(x, seeds)[0], whole)
    assert np.ptp(np.subtract(model.code_of(x, seeds, True)[0], whole)) > 0.01
    z = np.ones((8, 2), "float32")
    whole = model.decoder_output(z)
    assert (
        np.ptp(np.subtract(model.decoder_output(z, training=True), whole))
        > 0.01
    )


def test_noise_is_added_to_what_the_encoder_sees_in_training():
    noisy, plain = make_aae(input_noise=0.5), make_aae()
    plain.set_weights(noisy.get_weights())
    x, seeds = np.repeat(images(1), 3, axis=0), np.array([3, 4, 3], "int32")
    z, _ = noisy.code_of(x, seeds, training=True)
    assert (z[0] == z[2]).numpy().all() and (z[0] != z[1]).numpy().any()
    np.testing.assert_array_equal(
        noisy.code_of(x, seeds)[0], plain.code_of(x, seeds, training=True)[0]
    )


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


@pytest.mark.parametrize("posterior", ["gaussian", "universal"])
def test_random_posteriors_draw_by_row_and_have_a_centre(posterior):
    model = make_aae(posterior_type=posterior)
    x = np.repeat(images(1), 3, axis=0)
    z, _ = model.code_of(x, np.array([3, 4, 3], "int32"))
    assert (z[0] == z[2]).numpy().all() and (z[0] != z[1]).numpy().any()
    centres = np.array(model.encode(x))
    np.testing.assert_array_equal(centres[0], centres[1])


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
        ({"input_noise": -0.1}, "at least 0. Received: input_noise=-0.1"),
    ],
    ids=["prior", "posterior", "no_parts", "two_uses", "heads", "noise"],
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
