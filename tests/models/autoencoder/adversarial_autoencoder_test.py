import keras
import numpy as np
import pytest

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
            for player in model.player_networks
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
    model = compiled(make_aae(labels="classes", num_classes=3))
    classes = np.array([0, 1, 2, -1] * 2, "int32")
    batch = model.batch_of((images(8), classes), step=0)
    for player, moved in (
        ("autoencoder", {"encoder", "decoder"}),
        ("discriminator", {"discriminator", "category_discriminator"}),
        ("generator", {"encoder"}),
        ("classifier", {"encoder"}),
    ):
        before = {k: n.get_weights() for k, n in model.networks.items()}
        model.turn(player, batch)
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
    model = make_aae(labels="classes", num_classes=3)
    classes = np.array([-1, 2], "int32")
    batch = model.batch_of((images(2), classes), step=0)
    losses, _ = model.classifier_loss(batch)
    _, logits = model.code_of(batch["x"], batch["seeds"])
    probability = np.array(keras.ops.softmax(logits))[1, 2]
    np.testing.assert_allclose(losses, [0.0, -np.log(probability)], rtol=1e-5)


def test_a_few_labels_teach_the_classes():
    rng = np.random.default_rng(0)
    kinds = np.arange(256) % 2
    x = 0.2 * rng.random((256, *SHAPE))
    x[kinds == 0, :2] += 0.7
    x[kinds == 1, 2:] += 0.7
    labels = np.where(np.arange(256) < 20, kinds, -1).astype("int32")
    model = compiled(make_aae(labels="classes", num_classes=2))
    model.fit(x.astype("float32"), labels, batch_size=64, epochs=40, verbose=0)
    found = np.array(model.encode(x.astype("float32")))[:, 2:].argmax(1)
    assert (found == kinds).mean() > 0.97


def test_the_discriminator_is_told_the_class_of_code_and_draw():
    prior = GaussianMixturePrior(num_classes=3)
    model = make_aae(prior=prior, labels="prior")
    assert model.discriminator.input_shape == (None, 2 + 3 + 1)
    z = np.ones((4, 2), "float32")
    logits = np.array(model.judge_codes(z, np.array([0, 1, -1, 0])))
    assert logits[0] == logits[3] and len(set(logits.tolist())) == 3
    np.testing.assert_allclose(model.judge_codes(z[:1]), logits[2:3])


@pytest.mark.parametrize("posterior", ["gaussian", "universal"])
def test_random_posteriors_draw_by_row_and_have_a_centre(posterior):
    model = make_aae(posterior=posterior)
    x = np.repeat(images(1), 3, axis=0)
    z, _ = model.code_of(x, np.array([3, 4, 3], "int32"))
    assert (z[0] == z[2]).numpy().all() and (z[0] != z[1]).numpy().any()
    centres = np.array(model.encode(x))
    np.testing.assert_array_equal(centres[0], centres[1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"prior": GaussianPrior(3)}, "latent_dim=2, prior.dim=3"),
        ({"posterior": "sharp"}, "`posterior` must be one of"),
        ({"labels": "classes"}, '`labels="classes"` needs `num_classes`'),
        ({"labels": "prior"}, '`labels="prior"` a prior with classes'),
        ({"num_classes": 3}, '`labels="none"` has none'),
    ],
    ids=["prior", "posterior", "classes", "no_parts", "none"],
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_aae(**arguments)


def test_names_what_is_wrong_with_the_data():
    model = compiled(make_aae(labels="classes", num_classes=3))
    with pytest.raises(ValueError, match="from 0 to 2, or -1"):
        model.fit(images(2), np.array([0, 3], "int32"), verbose=0)
    with pytest.raises(ValueError, match="has no classes"):
        compiled(make_aae()).fit(images(2), np.zeros(2, "int32"), verbose=0)
    with pytest.raises(ValueError, match=r"shape \(batch_size, 5\)"):
        model.decode(np.zeros((1, 2), "float32"))
