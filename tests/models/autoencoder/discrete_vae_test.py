import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_genseq.models import DiscreteVAE
from keras_genseq.ops.random import seeds_of_rows


def make_model(**kwargs):
    """A grid of 1 x 2 tokens out of 3: nine codes, all of which can be told."""
    options = {"filters": (4, 8), "embedding_dim": 6, "seed": 0, **kwargs}
    keras.utils.set_random_seed(0)
    model = DiscreteVAE((2, 4, 1), 3, **options)
    # Fresh weights tell next to nothing apart.
    for weight in model.trainable_weights:
        weight.assign(2.0 * weight)
    return model


def images(count):
    rng = np.random.default_rng(0)
    return rng.random((count, 2, 4, 1)).astype("float32")


def every_code():
    codes = itertools.product(range(3), repeat=2)
    return np.array(list(codes), "int32").reshape(-1, 1, 2)


def exact_log_prob(model, x):
    """log sum_z p(z) p(x | z), over all codes there are."""
    decoded = model.decoder_output(ops.convert_to_tensor(every_code()))
    log_prob = [
        model.log_likelihood(np.repeat(x[i : i + 1], 9, 0), decoded)
        for i in range(len(x))
    ]
    return np.logaddexp.reduce(np.array(log_prob), axis=1) - np.log(9.0)


def test_bounds_rise_to_the_exact_likelihood():
    model = make_model()
    x = np.repeat(images(3), 300, axis=0)
    exact = exact_log_prob(model, x)
    gaps = [
        exact - model.log_prob_bound(x, k, seed=k).numpy() for k in (1, 5, 500)
    ]
    means = [gap.mean() for gap in gaps]
    assert means[0] > means[1] > means[2]
    error = gaps[2].std() / np.sqrt(len(x))
    assert -3 * error < means[2] < 0.02


def test_kl_equals_the_sum_over_tokens():
    model = make_model()
    posterior = model.posterior(images(4))
    q = keras.ops.softmax(posterior).numpy()
    expected = (q * np.log(q * 3.0)).sum(-1).reshape(4, 2)
    np.testing.assert_allclose(
        model.kl(posterior), expected, rtol=1e-4, atol=1e-6
    )


def test_tokens_are_drawn_as_often_as_the_posterior_says():
    model = make_model()
    posterior = model.posterior(images(1))
    tokens = model.sample_posterior(posterior, tf.constant([7]), 20_000)
    counts = keras.ops.one_hot(tokens, 3).numpy().mean(1)
    np.testing.assert_allclose(counts, keras.ops.softmax(posterior), atol=0.015)


def test_relaxed_tokens_turn_into_drawn_ones_as_the_temperature_falls():
    model = make_model(relaxation_steps=10, relaxation_temperature=(1.0, 1e-3))
    posterior = model.posterior(images(1))
    soft = model.relaxed_sample(posterior, tf.constant([3]), 20_000)
    np.testing.assert_allclose(ops.sum(soft, -1), 1.0, rtol=1e-5)
    assert np.max(soft, -1).mean() < 0.9
    model.updates.assign(10)
    hard = model.relaxed_sample(posterior, tf.constant([3]), 20_000)
    assert np.max(hard, -1).mean() > 0.99
    frequencies = np.array(hard).mean(1)
    np.testing.assert_allclose(
        frequencies, keras.ops.softmax(posterior), atol=0.015
    )


def test_a_relaxed_corner_is_decoded_like_its_token():
    model = make_model()
    codes = every_code()
    np.testing.assert_allclose(
        model.decoder_output(ops.one_hot(codes, 3)),
        model.decoder_output(ops.convert_to_tensor(codes)),
        atol=1e-5,
    )


def test_temperature_and_kl_weight_follow_half_a_cosine():
    model = make_model(
        relaxation_steps=10,
        relaxation_temperature=(1.0, 0.2),
        kl_annealing_steps=4,
        beta=6.0,
    )
    found = []
    for updates in (0, 2, 5, 10, 99):
        model.updates.assign(updates)
        found.append((float(model._temperature()), float(model._kl_weight())))
    quarter = 0.5 - 0.5 * np.cos(np.pi / 5)
    expected = [(1.0, 0), (1 - 0.8 * quarter, 3), (0.6, 6), (0.2, 6), (0.2, 6)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_kl_weight_that_falls_does_so_geometrically():
    model = make_model(first_beta=8.0, beta=0.5, kl_annealing_steps=4)
    found = []
    for updates in (0, 1, 2, 4, 99):
        model.updates.assign(updates)
        found.append(float(model._kl_weight()))
    np.testing.assert_allclose(found, [8.0, 4.0, 2.0, 0.5, 0.5], rtol=1e-5)


@pytest.mark.parametrize("strided", [False, True])
def test_a_token_is_drawn_in_detail_by_strided_convolutions_alone(strided):
    """Among tokens of its own kind, that is: all see the same around them."""
    keras.utils.set_random_seed(0)
    model = DiscreteVAE(
        (32, 32, 1),
        3,
        filters=(4, 8),
        embedding_dim=6,
        strided=strided,
        likelihood="bernoulli",
    )
    image = model.decode_tokens(np.ones((1, 16, 16), "int32")).numpy()
    # Far from the border, and one token wide.
    inside = image[0, 14:18, 14:18, 0]
    assert (np.ptp(inside) > 1e-4) == strided


def test_a_strided_model_of_a_falling_weight_is_kept(tmp_path):
    model = make_model(strided=True, first_beta=2.0, beta=0.5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    tokens = np.array([[[0, 2]]], "int32")
    np.testing.assert_array_equal(
        model.decode_tokens(tokens), again.decode_tokens(tokens)
    )


def test_every_token_of_a_sample_is_as_likely():
    model = make_model()
    codes = model.sample_prior(seeds_of_rows(3, ops.arange(9000)), None).numpy()
    counts = np.bincount(codes.reshape(-1), minlength=3)
    np.testing.assert_allclose(counts / counts.sum(), 1 / 3, atol=0.015)


def test_tokens_go_there_and_back():
    model = make_model()
    x = images(5)
    tokens = model.encode_tokens(x)
    assert tokens.shape == (5, 1, 2) and tokens.dtype == tf.int32
    np.testing.assert_allclose(
        model.decode_tokens(tokens), model.reconstruct(x), atol=1e-6
    )


@pytest.mark.slow
def test_learns_to_tell_images_apart_by_tokens():
    keras.utils.set_random_seed(0)
    model = DiscreteVAE(
        (4, 4, 1),
        8,
        filters=(8, 16),
        embedding_dim=8,
        beta=1.0,
        relaxation_steps=100,
        kl_annealing_steps=50,
        seed=0,
    )
    model.compile(keras.optimizers.Adam(0.01))
    rng = np.random.default_rng(0)
    # Every quarter of an image is black or white: one bit a token.
    x = rng.integers(0, 2, (64, 2, 2, 1)).repeat(2, 1).repeat(2, 2)
    x = x.astype("float32")
    model.fit(x, batch_size=32, epochs=100, verbose=0)
    error = np.abs(model.reconstruct(x) - x).mean()
    assert error < 0.1


def test_metric_counts_tokens_in_use():
    model = make_model()
    model.compile("adam")
    logs = model.evaluate(images(8), verbose=0, return_dict=True)
    assert 1.0 <= logs["codebook_usage"] <= 3.0


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"filters": (4, 6)}, "multiples of 4"),
        ({"filters": (4,) * 4}, "multiples of 8"),
        ({"filters": ()}, "multiples of"),
        ({"likelihood": "poisson"}, "`likelihood` must be one of"),
        ({"relaxation_temperature": (1.0, 0.0)}, "must be positive"),
        ({"first_beta": 0.0}, "is positive"),
        ({"first_beta": 1.0, "beta": 0.0}, "is positive"),
        ({"num_tokens": 0}, "`num_tokens` must be positive"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        DiscreteVAE(
            **(
                {"filters": (4, 8), "image_shape": (8, 4, 1), "num_tokens": 3}
                | arguments
            )
        )


@pytest.mark.parametrize(
    "tokens, words",
    [
        (np.zeros((2, 1, 2), "float32"), "as ints"),
        (np.zeros((2, 2, 1), "int32"), "must have shape"),
        (np.full((2, 1, 2), 3), "tokens from 0 to 2"),
    ],
)
def test_bad_tokens(tokens, words):
    with pytest.raises(ValueError, match=words):
        make_model().decode_tokens(tokens)
