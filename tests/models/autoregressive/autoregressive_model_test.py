import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_genseq.models import AutoregressiveModel

PHI = np.array([0.5, -0.3, 0.2])


def simulate(phi, num_steps, *, num_series=1, bias=0.0, scale=1.0, seed=0):
    """Series of a linear model, past their first steps."""
    order, burn_in = len(phi), 200
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, scale, (num_series, num_steps + burn_in))
    x = np.zeros_like(noise)
    for t in range(order, x.shape[1]):
        window = x[:, t - order : t][:, ::-1]
        x[:, t] = bias + window @ phi + noise[:, t]
    return x[:, burn_in:].astype("float32")


def linear(phi, *, bias=0.0, scale=1.0, mean=0.0, initial_scale=2.0):
    model = AutoregressiveModel(len(phi))
    model.kernel.assign(np.reshape(phi, (-1, 1)))
    model.bias.assign([bias])
    model.log_scale.assign([np.log(scale)])
    model.initial_mean.assign([mean])
    model.initial_log_scale.assign([np.log(initial_scale)])
    return model


def standard_errors(x, order):
    """Of least-squares coefficients: `s^2 (X'X)^-1`."""
    windows = np.lib.stride_tricks.sliding_window_view(x[0], order)[:-1, ::-1]
    design = np.c_[windows, np.ones(len(windows))]
    target = x[0, order:]
    solution, rss, *_ = np.linalg.lstsq(design, target, rcond=None)
    covariance = rss / len(target) * np.linalg.inv(design.T @ design)
    return solution, np.sqrt(np.diag(covariance))


def trained(x, order=3):
    model = AutoregressiveModel(order)
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(tf.data.Dataset.from_tensors(x).repeat(400), verbose=0)
    return model


def test_recovers_the_coefficients_by_adapt_and_by_fit():
    x = simulate(PHI, 4000, bias=0.4, scale=0.5)
    exact, errors = standard_errors(x, 3)
    adapted = AutoregressiveModel(3)
    adapted.adapt(tf.data.Dataset.from_tensors(x))
    fitted = trained(x)
    np.testing.assert_allclose(adapted.coefficients, exact[:3], atol=1e-5)
    for model in (adapted, fitted):
        assert (np.abs(model.coefficients - PHI) < 2 * errors[:3]).all()
        assert abs(float(model.bias[0]) - 0.4) < 2 * errors[3]
        assert np.exp(model.log_scale[0]) == pytest.approx(0.5, rel=0.05)
    np.testing.assert_allclose(
        fitted.coefficients, adapted.coefficients, atol=1e-3
    )


def test_adapt_finds_how_channels_drive_each_other():
    x = np.zeros((1, 2000, 2))
    noise = np.random.default_rng(0).normal(0.0, 0.1, x.shape)
    for t in range(1, 2000):
        x[0, t, 0] = 0.9 * x[0, t - 1, 1] + noise[0, t, 0]
        x[0, t, 1] = 0.5 * x[0, t - 1, 1] + noise[0, t, 1]
    model = AutoregressiveModel(1, channels=2)
    model.adapt(x.astype("float32"))
    np.testing.assert_allclose(
        model.coefficients[0], [[0.0, 0.0], [0.9, 0.5]], atol=0.06
    )


def test_log_density_equals_scipy():
    x = simulate(PHI, 12, num_series=4)
    model = linear(PHI, bias=0.3, scale=0.7, mean=0.1, initial_scale=1.5)
    expected = stats.norm.logpdf(x[:, :3], 0.1, 1.5).sum(1)
    for t in range(3, 12):
        mean = 0.3 + x[:, t - 3 : t][:, ::-1] @ PHI
        expected += stats.norm.logpdf(x[:, t], mean, 0.7)
    np.testing.assert_allclose(model.log_prob(x), expected, rtol=1e-5)


@pytest.mark.parametrize("hidden_units", [(), (6,)])
def test_depends_on_the_last_values_and_on_no_other(hidden_units):
    model = AutoregressiveModel(2, hidden_units=hidden_units)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    x = rng.normal(size=(3, 8)).astype("float32")
    outputs = model(x).numpy()
    for t in range(8):
        changed = x.copy()
        changed[:, t] += 3.0
        moved = (model(changed).numpy() != outputs).any((0, 2))
        # The first two steps have marginals of their own.
        inside = (np.arange(8) > t) & (np.arange(8) <= t + 2)
        np.testing.assert_array_equal(moved, inside & (np.arange(8) >= 2))


def test_samples_have_the_autocorrelation_of_the_process():
    phi, scale = 0.8, 0.6
    deviation = scale / np.sqrt(1 - phi**2)
    model = linear([phi], scale=scale, initial_scale=deviation)
    x = model.sample(300, length=128, seed=0).numpy()
    assert x.std() == pytest.approx(deviation, rel=0.03)
    for k in (1, 2, 5):
        acf = np.mean(x[:, k:] * x[:, :-k]) / np.mean(x * x)
        assert acf == pytest.approx(phi**k, abs=0.04)


def test_forecast_errors_grow_to_the_marginal_variance():
    phi, scale = 0.8, 0.6
    model = linear([phi], scale=scale)
    history = np.array([[1.0, 2.0], [0.0, -3.0]], "float32")
    forecast = model.forecast(history, 20, num_samples=20000, seed=0)
    k = np.arange(1, 21)
    np.testing.assert_allclose(
        forecast["point"], history[:, -1:] * phi**k, rtol=1e-4
    )
    variance = scale**2 * (1 - phi ** (2 * k)) / (1 - phi**2)
    samples = forecast["samples"].numpy()
    np.testing.assert_allclose(
        samples.var(1), np.tile(variance, (2, 1)), rtol=0.05
    )
    expected = forecast["point"].numpy()[:, None] + np.multiply.outer(
        stats.norm.ppf([0.1, 0.5, 0.9]), np.sqrt(variance)
    )
    np.testing.assert_allclose(forecast["quantiles"], expected, atol=0.04)


@pytest.mark.parametrize("channels", [None, 2])
@pytest.mark.parametrize("hidden_units", [(), (6,)])
def test_one_step_forecast_is_the_one_step_prediction(channels, hidden_units):
    model = AutoregressiveModel(2, channels=channels, hidden_units=hidden_units)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    shape = (3, 5) if channels is None else (3, 5, 2)
    x = rng.normal(size=shape).astype("float32")
    point = model.forecast(x[:, :4], 1, num_samples=2, seed=0)["point"]
    np.testing.assert_allclose(
        point[:, 0], model(x)[:, 4, ..., 0], rtol=1e-4, atol=1e-5
    )


def test_a_series_is_forecast_alike_alone_and_among_others():
    model = linear(PHI)
    x = simulate(PHI, 9, num_series=5)
    together = model.forecast(x, 4, num_samples=6, seed=[1, 2, 3, 4, 5])
    alone = model.forecast(x[3:4], 4, num_samples=6, seed=4)
    again = model.forecast(x[3:4], 4, num_samples=6, seed=[4])
    np.testing.assert_allclose(
        together["samples"][3], again["samples"][0], rtol=1e-5
    )
    assert (alone["samples"].numpy() != again["samples"].numpy()).any()


def test_hidden_layers_learn_what_no_line_can():
    rng = np.random.default_rng(0)
    x = np.zeros((64, 60), "float32")
    x[:, 0] = rng.uniform(-1.0, 1.0, 64)
    for t in range(1, 60):
        x[:, t] = 0.9 - 1.6 * x[:, t - 1] ** 2 + rng.normal(0, 0.02, 64)
    line = AutoregressiveModel(1)
    line.adapt(x)
    curve = AutoregressiveModel(1, hidden_units=(32,))
    curve.compile(keras.optimizers.Adam(0.01))
    curve.fit(tf.data.Dataset.from_tensors(x).repeat(300), verbose=0)
    gain = curve.log_prob(x).numpy().mean() - line.log_prob(x).numpy().mean()
    assert gain / 60 > 0.5
    with pytest.raises(ValueError, match="closed form of the linear model"):
        curve.adapt(x)


def test_parameters_as_counted_by_hand():
    # order + 1, the noise, and two for the first steps.
    assert AutoregressiveModel(4).count_params() == 4 + 1 + 1 + 2
    wide = AutoregressiveModel(4, channels=3, hidden_units=(10,))
    hidden, heads, others = 12 * 10 + 10, 2 * (10 * 3 + 3), 2 * 3
    assert wide.count_params() == hidden + heads + others


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: AutoregressiveModel(0), "`order` must be positive"),
        (lambda: AutoregressiveModel(2, hidden_units=[0]), "`hidden_units`"),
        (lambda: linear(PHI).adapt(np.ones((1, 3))), "longer than 3 steps"),
        (lambda: linear(PHI).forecast(np.ones((1, 2)), 1), "at least 3 steps"),
        (lambda: linear(PHI).forecast(np.ones((1, 3)), 0), "`horizon` must"),
        (
            lambda: linear(PHI).forecast(np.ones((1, 3)), 1, quantiles=[2.0]),
            r"numbers in \[0, 1\]",
        ),
        (lambda: linear(PHI).log_prob([[1.0, np.nan]]), "NaN or infinity"),
        (lambda: linear(PHI).log_prob(np.ones((2, 5, 1))), "must have shape"),
        (lambda: linear(PHI).log_prob([[1, 2]]), "must hold floats"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_model_of_data_with_units_takes_and_gives_them():
    plain = AutoregressiveModel(2, channels=2)
    rng = np.random.default_rng(0)
    plain.adapt(rng.normal(size=(1, 60, 2)).astype("float32"))
    mean, scale = np.array([20.0, -3.0]), np.array([5.0, 0.1])
    config = {"data_mean": mean, "data_scale": scale}
    model = AutoregressiveModel.from_config({**plain.get_config(), **config})
    model.set_weights(plain.get_weights())
    z = rng.normal(size=(3, 9, 2)).astype("float32")
    x = (z * scale + mean).astype("float32")
    without, within = plain.forecast(z, 5, seed=1), model.forecast(x, 5, seed=1)
    for key, value in without.items():
        np.testing.assert_allclose(
            within[key], value * scale + mean, rtol=1e-4, atol=1e-4
        )
    # A density per unit of the data, in each of 9 steps.
    np.testing.assert_allclose(
        model.log_prob(x),
        plain.log_prob(z) - 9 * np.log(scale).sum(),
        rtol=1e-4,
    )
    # One update of the next value by the change of one before, in units.
    np.testing.assert_allclose(
        model.coefficients, plain.coefficients * scale / scale[:, None]
    )
    again = AutoregressiveModel(2, channels=2, **config)
    again.adapt(x)
    np.testing.assert_allclose(
        again(x)[..., 0], model_adapted(z, mean, scale), rtol=1e-3, atol=1e-3
    )


def model_adapted(z, mean, scale):
    plain = AutoregressiveModel(2, channels=2)
    plain.adapt(z)
    return plain(z)[..., 0] * scale + mean
