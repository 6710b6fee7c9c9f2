import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_genseq.models import VAE

RNG = np.random.default_rng(0)
SHAPE = (4, 4, 1)


def make_vae(**kwargs):
    options = {"hidden_units": (8,), "seed": 1, **kwargs}
    model = VAE(SHAPE, 3, **options)
    rng = np.random.default_rng(2)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return model


def images(count):
    return (RNG.random((count, *SHAPE)) < 0.4).astype("float32")


def test_preset_has_the_papers_parameters():
    encoder = 784 * 200 + 200 + 200 * 200 + 200 + 200 * 100 + 100
    decoder = 50 * 200 + 200 + 200 * 200 + 200 + 200 * 784 + 784
    preset = VAE.presets["vae_mnist"]
    assert preset.num_parameters == encoder + decoder
    networks = VAE.from_preset("vae_mnist").networks
    assert networks["encoder"].count_params() == encoder
    assert networks["decoder"].count_params() == decoder


def test_the_score_of_a_model_without_codes_is_exact():
    model = make_vae()
    # A decoder that hears no code, and the prior as posterior.
    for layer in (model.decoder.layers[1], model.encoder.get_layer("outputs")):
        layer.kernel.assign(np.zeros(layer.kernel.shape))
        layer.bias.assign(np.zeros(layer.bias.shape))
    x = images(5)
    probabilities = model.decode(np.zeros((1, 3), "float32")).numpy()
    expected = stats.bernoulli.logpmf(x, probabilities).sum((1, 2, 3))
    for bound in (model.log_prob(x), model.log_prob_bound(x, 3, seed=0)):
        np.testing.assert_allclose(bound, expected, rtol=1e-5)


def test_codes_follow_the_posterior():
    model = make_vae()
    posterior = z_mean, z_log_var = model.posterior(images(2))
    z = np.array(model.sample_posterior(posterior, np.array([3, 8]), 50_000))
    deviation = np.exp(0.5 * np.array(z_log_var))
    np.testing.assert_allclose(
        (z.mean(1) - z_mean) / deviation, np.zeros((2, 3)), atol=0.02
    )
    np.testing.assert_allclose(z.std(1), deviation, rtol=0.02)
    assert abs(np.corrcoef(z[0, :, 0], z[1, :, 0])[0, 1]) < 0.02


def test_a_reconstruction_is_the_decoded_mean_of_the_code():
    model = make_vae()
    x = images(3)
    expected = model.decode(model.encode(x)["z"])
    np.testing.assert_allclose(model.reconstruct(x), expected, atol=1e-6)
    np.testing.assert_allclose(model(x), expected, atol=1e-6)


def test_a_sample_depends_on_its_seed_alone():
    model = make_vae()
    many = model.sample(40, seed=3, batch_size=16)
    np.testing.assert_allclose(many[:5], model.sample(5, seed=3), rtol=1e-5)
    rows = model.sample(3, seed=[5, 6, 5]).numpy()
    np.testing.assert_array_equal(rows[0], rows[2])
    assert (rows[0] != rows[1]).any()


def test_temperature_zero_decodes_the_likeliest_code():
    model = make_vae()
    samples = model.sample(3, seed=1, temperature=[0.0, 1.0, 0.0]).numpy()
    likeliest = model.decode(np.zeros((1, 3), "float32")).numpy()[0]
    np.testing.assert_allclose(samples[[0, 2]], [likeliest] * 2, rtol=1e-5)
    assert np.abs(samples[1] - likeliest).max() > 1e-3


@pytest.mark.parametrize(
    "likelihood, filters",
    [
        ("bernoulli", (4, 8)),
        ("gaussian", ()),
        pytest.param("discretized_logistic", (), marks=pytest.mark.slow),
        pytest.param("bernoulli", (), marks=pytest.mark.slow),
        pytest.param("gaussian", (4, 8), marks=pytest.mark.slow),
        pytest.param("discretized_logistic", (4, 8), marks=pytest.mark.slow),
    ],
)
def test_learns_two_images_by_heart(likelihood, filters):
    model = VAE(
        SHAPE,
        2,
        hidden_units=(16,),
        filters=filters,
        likelihood=likelihood,
        seed=1,
    )
    model.compile(keras.optimizers.Adam(0.01))
    x, _ = class_images(16)
    before = model.evaluate(x, verbose=0, return_dict=True)
    model.fit(x, epochs=100, batch_size=16, verbose=0)
    after = model.evaluate(x, verbose=0, return_dict=True)
    assert after["negative_elbo"] < before["negative_elbo"] - 4.0
    # A learnt scale may widen instead, and the codes collapse.
    if likelihood == "bernoulli":
        np.testing.assert_allclose(model.reconstruct(x), x, atol=0.25)
        assert 1.0 <= after["active_units"] <= 2.0


def test_densities_of_grey_levels_use_both_decoder_outputs():
    model = make_vae(likelihood="gaussian")
    z = RNG.normal(size=(2, 3)).astype("float32")
    x = RNG.random((2, *SHAPE)).astype("float32")
    decoded = np.array(model.decoder_output(z))
    mean = 1.0 / (1.0 + np.exp(-decoded[..., :1]))
    scale = np.exp(np.maximum(decoded[..., 1:], -5.0))
    expected = stats.norm.logpdf(x, mean, scale).sum((1, 2, 3))
    np.testing.assert_allclose(
        model.log_likelihood(x, decoded), expected, rtol=1e-5
    )
    np.testing.assert_allclose(model.decode(z), mean, rtol=1e-5)


def class_images(count):
    """All pixels of class 1 are ones, those of class 0 zeros."""
    labels = np.arange(count, dtype="int32") % 2
    x = np.broadcast_to(labels[:, None, None, None], (count, *SHAPE))
    return x.astype("float32"), labels


@pytest.mark.slow
def test_a_conditional_model_draws_what_it_is_asked_for():
    model = VAE(SHAPE, 2, hidden_units=(8,), num_classes=2, seed=1)
    model.compile(keras.optimizers.Adam(0.02))
    x, labels = class_images(32)
    data = tf.data.Dataset.from_tensor_slices((x, labels)).batch(16)
    model.fit(data, epochs=60, verbose=0, validation_data=data)
    samples = model.sample(6, seed=0, condition=[0, 1, 0, 1, 1, 1]).numpy()
    expected = class_images(2)[0][[0, 1, 0, 1, 1, 1]]
    np.testing.assert_allclose(samples, expected, atol=0.1)
    right = model.log_prob(x, condition=labels).numpy()
    wrong = model.log_prob(x, condition=1 - labels).numpy()
    assert (right > wrong + 5.0).all()
    assert model.encode(x[:3], condition=1)["z"].shape == (3, 2)


def test_a_conditional_model_exports_its_condition(tmp_path):
    model = make_vae(num_classes=3)
    model.export(tmp_path / "vae")
    served = tf.saved_model.load(tmp_path / "vae")
    x = images(2)
    for name, arguments, expected in (
        ("score", {"x": x}, model.log_prob(x, condition=[2, 0])),
        ("reconstruct", {"x": x}, model.reconstruct(x, condition=[2, 0])),
        (
            "sample",
            {"seed": np.array([4, 9], "int32"), "temperature": np.ones(2)},
            model.sample(2, seed=[4, 9], condition=[2, 0]),
        ),
    ):
        tensors = {
            k: tf.constant(v, tf.int32 if k == "seed" else tf.float32)
            for k, v in arguments.items()
        }
        answer = served.signatures[name](
            condition=tf.constant([2, 0]), **tensors
        )
        (value,) = answer.values()
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="from 0 to 2"):
        served.signatures["score"](
            x=tf.constant(x), condition=tf.constant([0, 3])
        )


def own_networks():
    encoder = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(6, name="both"),
        ]
    )
    decoder = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(16),
            keras.layers.Reshape(SHAPE),
        ]
    )
    return {"encoder": encoder, "decoder": decoder}


def test_networks_of_the_users_own_are_trained_and_saved(tmp_path):
    networks = own_networks()
    model = VAE(SHAPE, 3, seed=1, **networks)
    assert model.networks["encoder"] is networks["encoder"]
    before = networks["encoder"].get_weights()
    model.compile("adam")
    x = images(8)
    model.fit(x, verbose=0)
    after = networks["encoder"].get_weights()
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    model.save(tmp_path / "vae.keras")
    again = keras.models.load_model(tmp_path / "vae.keras")
    np.testing.assert_array_equal(model(x), again(x))
    assert again.networks["encoder"].get_layer("both").units == 6


def test_a_network_with_another_output_is_named():
    networks = own_networks()
    with pytest.raises(ValueError, match=r"`encoder` must be a built .*, 10\)"):
        VAE(SHAPE, 5, encoder=networks["encoder"])
    with pytest.raises(ValueError, match=r"`decoder` must be a .*4, 4, 2\)"):
        VAE(SHAPE, 3, decoder=networks["decoder"], likelihood="gaussian")


@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros((2, 4, 4, 3), "float32"), r"shape \(batch_size, 4, 4, 1\)"),
        (np.zeros((2, 16), "float32"), r"shape \(batch_size, 4, 4, 1\)"),
        (np.full((2, *SHAPE), 255.0, "float32"), r"values in \[0, 1\]"),
        (np.full((2, *SHAPE), np.nan, "float32"), "no NaN"),
        (np.zeros((0, *SHAPE), "float32"), "no rows"),
        (np.zeros((2, *SHAPE), "uint8"), 'astype\\("float32"\\) / 255'),
    ],
    ids=["channels", "rank", "range", "nan", "empty", "integer"],
)
def test_names_what_is_wrong_with_the_images(x, message):
    model = make_vae()
    for method in (model.log_prob, model.encode, model.reconstruct):
        with pytest.raises(ValueError, match=message):
            method(x)
    assert model.log_prob(images(1)).shape == (1,)


def test_warns_of_grey_values_that_coins_cannot_take():
    grey = np.full((2, *SHAPE), 0.5, "float32")
    with pytest.warns(UserWarning, match="holds grey values"):
        make_vae().log_prob(grey)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_vae().log_prob(images(2))
        make_vae(likelihood="gaussian").log_prob(grey)


def test_names_what_is_wrong_with_codes_and_conditions():
    model = make_vae()
    with pytest.raises(ValueError, match=r"shape \(batch_size, 3\)"):
        model.decode(np.zeros((2, 4), "float32"))
    with pytest.raises(ValueError, match="NaN or infinity"):
        model.decode(np.full((2, 3), np.inf, "float32"))
    conditional = make_vae(num_classes=2)
    with pytest.raises(ValueError, match="conditional on 2 classes"):
        conditional.sample(2)
    with pytest.raises(ValueError, match="classes from 0 to 1"):
        conditional.sample(2, condition=2)
    with pytest.raises(ValueError, match="takes no targets"):
        model.compile("adam")
        model.fit(images(2), np.zeros(2, "int32"), verbose=0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"likelihood": "poisson"}, "`likelihood` must be one of"),
        ({"latent_dim": 0}, "`latent_dim` must be positive"),
        ({"num_classes": 0}, "`num_classes` must be positive"),
        ({"image_shape": (4, 0, 1)}, "`image_shape` must be positive"),
        ({"filters": (8, 8, 8)}, "both must be multiples of 8"),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        VAE(**{"image_shape": SHAPE, "latent_dim": 3, **arguments})
