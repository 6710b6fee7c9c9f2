import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import stats

from keras_genseq.models import VAE
from keras_genseq.ops.log_probabilities import normal_log_prob

RNG = np.random.default_rng(0)
WEIGHTS = 0.1 * RNG.normal(size=(2, 5)).astype("float32")
BIAS = np.linspace(0.3, 0.7, 5, dtype="float32")
SCALE = 0.1
COVARIANCE = np.linalg.inv(np.eye(2) + WEIGHTS @ WEIGHTS.T / SCALE**2)


class LinearGaussianModel(VAE):
    """p(x | z) = N(z W + b, scale^2): its likelihood is known exactly.

    The posterior has the exact mean, and the exact variances times `widen`;
    as the exact posterior's dimensions are correlated, it differs from q.
    """

    def __init__(self, widen=1.0, shift=0.0, **kwargs):
        super().__init__((1, 5, 1), 2, hidden_units=(3,), **kwargs)
        self.widen, self.shift = widen, shift

    def posterior(self, x, condition=None, training=False):
        centred = ops.reshape(x, (-1, 5)) - BIAS
        z_mean = centred @ (WEIGHTS.T @ COVARIANCE / SCALE**2).astype("float32")
        z_var = np.diag(COVARIANCE).astype("float32") * self.widen
        z_log_var = ops.zeros_like(z_mean) + np.log(z_var)
        return z_mean + self.shift, z_log_var

    def decoder_output(self, z, condition=None, training=False):
        return z @ WEIGHTS + BIAS

    def log_likelihood(self, x, decoded):
        log_scale = ops.zeros_like(decoded) + np.log(SCALE)
        x = ops.reshape(x, ops.shape(decoded))
        return normal_log_prob(x, decoded, log_scale)


def examples(count):
    return np.clip(RNG.normal(0.5, 0.15, (count, 1, 5, 1)), 0, 1).astype(
        "float32"
    )


def exact_log_prob(x):
    covariance = WEIGHTS.T @ WEIGHTS + SCALE**2 * np.eye(5)
    return stats.multivariate_normal(BIAS, covariance).logpdf(x.reshape(-1, 5))


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def elbo(model, x):
    z_mean, z_log_var = model.posterior(x)
    # E_q of a quadratic: that at the mean, and the trace of the variances.
    spread = np.exp(z_log_var) @ np.square(WEIGHTS).sum(1) / (2 * SCALE**2)
    decoded = model.decoder_output(z_mean)
    at_mean = np.array(model.log_likelihood(x, decoded))
    return at_mean - spread - np.array(model.kl((z_mean, z_log_var))).sum(1)


def test_bounds_rise_from_the_elbo_to_the_exact_likelihood():
    model = LinearGaussianModel(widen=2.0, shift=0.5)
    x = np.repeat(examples(4), 400, axis=0)
    exact = exact_log_prob(x)
    gaps = [exact - elbo(model, x)]
    for count in (5, 500):
        bound = model.log_prob_bound(x, count, seed=1, batch_size=256)
        gaps.append(exact - bound.numpy())
    (first, _), (five, error), (many, small_error) = map(mean_and_error, gaps)
    assert first > five + 3 * error
    assert five > many + 3 * error
    assert -3 * small_error < many < 0.05
    single = exact - model.log_prob_bound(x, 1, seed=2).numpy()
    mean, error = mean_and_error(single)
    assert abs(mean - first) < 4 * error < 0.5


def test_one_code_of_the_exact_posterior_gives_the_exact_likelihood():
    class Diagonal(LinearGaussianModel):
        """One latent dimension that matters, so that q can be exact."""

        def decoder_output(self, z, condition=None, training=False):
            return z[:, :1] @ WEIGHTS[:1] + BIAS

        def posterior(self, x, condition=None, training=False):
            variance = 1.0 / (1.0 + WEIGHTS[0] @ WEIGHTS[0] / SCALE**2)
            centred = ops.reshape(x, (-1, 5)) - BIAS
            # The second code is the prior's.
            kernel = np.stack([WEIGHTS[0] * variance / SCALE**2, 0 * BIAS], 1)
            z_mean = centred @ kernel
            log_var = np.array([np.log(variance), 0.0], "float32")
            return z_mean, ops.zeros_like(z_mean) + log_var

    x = examples(6)
    covariance = np.outer(WEIGHTS[0], WEIGHTS[0]) + SCALE**2 * np.eye(5)
    law = stats.multivariate_normal(BIAS, covariance)
    for count in (1, 130):
        bound = Diagonal().log_prob_bound(x, count, seed=3)
        np.testing.assert_allclose(bound, law.logpdf(x.reshape(-1, 5)), 1e-4)


def test_chunks_give_the_bound_of_one_whole():
    model = LinearGaussianModel(widen=1.5)
    x = examples(3)
    seeds = np.array([4, 9, 2], "int32")
    posterior = model.posterior(x)
    for count in (7, 100, 230):
        z = model.sample_posterior(posterior, seeds, count)
        decoded = model.decoder_output(ops.reshape(z, (-1, 2)))
        x_repeated = np.repeat(x, count, axis=0)
        log_weights = np.reshape(
            model.log_likelihood(x_repeated, decoded), (3, count)
        ) + np.array(model.log_ratio(z, posterior))
        expected = np.logaddexp.reduce(log_weights, axis=1) - np.log(count)
        bound = model.log_prob_bound(x, count, seed=seeds)
        np.testing.assert_allclose(bound, expected, rtol=1e-4)


def test_a_bound_depends_on_its_row_and_seed_alone():
    model = LinearGaussianModel()
    x = examples(9)
    many = model.log_prob_bound(x, 12, seed=5, batch_size=4)
    few = model.log_prob_bound(x[:2], 12, seed=5)
    np.testing.assert_allclose(many[:2], few, rtol=1e-5)
    twice = model.log_prob_bound(x[[3, 3]], 12, seed=[8, 8])
    assert twice[0] == twice[1]
    other = model.log_prob_bound(x[[3, 3]], 12, seed=[8, 9])
    assert other[0] != other[1]
    np.testing.assert_array_equal(model.log_prob(x), model.log_prob(x))


def test_the_score_is_the_bound_with_the_models_number_of_codes():
    model = LinearGaussianModel(num_score_samples=40)
    x = examples(3)
    expected = model.log_prob_bound(x, 40, seed=np.zeros(3, "int32"))
    np.testing.assert_allclose(model.log_prob(x), expected, rtol=1e-5)


def small_vae(**kwargs):
    return VAE((4, 4, 1), 3, hidden_units=(8,), seed=1, **kwargs)


def binary(count):
    return (RNG.random((count, 4, 4, 1)) < 0.4).astype("float32")


def test_terms_add_up_to_the_loss():
    x, seeds = binary(6), np.arange(6)
    losses, terms = small_vae(beta=3.0).example_losses(
        x, None, training=True, seeds=seeds
    )
    np.testing.assert_allclose(
        losses, terms["reconstruction"] + 3.0 * terms["kl"], rtol=1e-5
    )
    np.testing.assert_allclose(
        terms["negative_elbo"], terms["reconstruction"] + terms["kl"], rtol=1e-5
    )


def test_the_reconstruction_term_is_a_sum_over_pixels():
    model = small_vae()
    for weight in model.trainable_weights:
        weight.assign(np.zeros(weight.shape))
    _, terms = model.example_losses(binary(3), None, training=True)
    np.testing.assert_allclose(
        terms["reconstruction"], [16 * np.log(2.0)] * 3, rtol=1e-5
    )
    np.testing.assert_array_equal(terms["kl"], 0.0)


def test_the_importance_weighted_loss_is_the_bound():
    model = small_vae(num_importance_samples=7)
    x, seeds = binary(5), np.arange(5)
    losses, _ = model.example_losses(x, None, training=True, seeds=seeds)
    bound = model.log_prob_bound(x, 7, seed=seeds.astype("int32"))
    np.testing.assert_allclose(losses, -bound, rtol=1e-5)


def test_the_weight_of_the_kl_term_rises_with_the_updates():
    model = small_vae(beta=2.0, kl_annealing_steps=8)
    model.compile(keras.optimizers.SGD(0.0))
    x = binary(4)
    seen = []
    for _ in range(10):
        losses, terms = model.example_losses(x, None, training=True)
        difference = losses - terms["reconstruction"]
        seen.append(float(np.mean(difference / terms["kl"])))
        model.fit(x, verbose=0)
    expected = [2.0 * min(i / 8, 1.0) for i in range(10)]
    np.testing.assert_allclose(seen, expected, atol=1e-4)
    losses, terms = model.example_losses(x, None, training=False)
    np.testing.assert_allclose(
        losses, terms["reconstruction"] + 2.0 * terms["kl"], rtol=1e-5
    )


def test_free_bits_take_the_gradient_from_groups_below_them():
    x, seeds = binary(6), np.arange(6)
    model = small_vae()
    kl = np.array(model.kl(model.posterior(x))).mean(0)
    between = float(np.sort(kl)[:2].mean())
    free = small_vae(free_bits=between)
    free.set_weights(model.get_weights())
    losses, terms = free.example_losses(x, None, training=True, seeds=seeds)
    paid = np.maximum(kl, between).sum()
    assert np.mean(losses - terms["reconstruction"]) == pytest.approx(
        paid, rel=1e-4
    )
    with tf.GradientTape(persistent=True) as tape:
        posterior = free.posterior(x)
        tape.watch(posterior)
        paid = ops.sum(free._costly(free.kl(posterior)))
    gradient = np.array(tape.gradient(paid, posterior)[0])
    np.testing.assert_array_equal((gradient == 0.0).all(0), kl < between)


def test_updates_draw_new_noise_and_validation_the_same():
    model = small_vae()
    model.compile(keras.optimizers.SGD(0.0))
    x = binary(8)
    losses = [
        model.fit(x, batch_size=8, verbose=0).history["loss"][0]
        for _ in range(3)
    ]
    assert len(set(losses)) == 3
    first, second = (model.evaluate(x, verbose=0) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"beta": -1.0}, "`beta` must be at least 0"),
        ({"free_bits": -0.5}, "`free_bits` must be at least 0"),
        ({"num_importance_samples": 0}, "`num_importance_samples` must be"),
        ({"num_score_samples": 0}, "`num_score_samples` must be"),
        ({"kl_annealing_steps": -1}, "`kl_annealing_steps` must be"),
        (
            {"free_bits": 0.1, "num_importance_samples": 2},
            "Leave one of the two out",
        ),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        small_vae(**arguments)


def test_names_what_is_wrong_with_a_request():
    model = small_vae()
    with pytest.raises(ValueError, match="`num_samples` must be positive"):
        model.log_prob_bound(binary(2), 0)
    with pytest.raises(ValueError, match="`num_samples` must be positive"):
        model.sample(0)
    with pytest.raises(ValueError, match="one value per row"):
        model.log_prob_bound(binary(2), 5, seed=[1, 2, 3])
    with pytest.raises(ValueError, match="takes no condition"):
        model.log_prob(binary(2), condition=1)
