import keras
import numpy as np
import pytest
from scipy import stats

from keras_genseq.models import SequenceForecaster


def random_model(*args, **kwargs):
    model = SequenceForecaster(*args, **kwargs)
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    return model


def waves(size, num_steps, scale=0.1, seed=0):
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0.0, 6.3, (size, 1))
    x = np.sin(phase + 0.5 * np.arange(num_steps))
    return (x + scale * rng.normal(size=x.shape)).astype("float32")


def test_density_and_quantiles_are_those_of_the_normal_it_says():
    model = random_model(3, 4, channels=2)
    x = waves(8, 9).reshape(4, 9, 2)
    y = waves(4, 6, seed=1).reshape(4, 3, 2)
    forecast = model.forecast(x, quantiles=(0.05, 0.5, 0.9))
    mean, scale = forecast["point"].numpy(), forecast["scale"].numpy()
    np.testing.assert_allclose(
        model.log_prob(x, y),
        stats.norm.logpdf(y, mean, scale).sum((1, 2)),
        rtol=1e-4,
    )
    for i, level in enumerate((0.05, 0.5, 0.9)):
        np.testing.assert_allclose(
            forecast["quantiles"][:, i],
            stats.norm.ppf(level, mean, scale),
            rtol=1e-4,
            atol=1e-5,
        )


def test_learns_waves_and_how_sure_to_be():
    model = SequenceForecaster(4, 16, cell="gru")
    model.compile(keras.optimizers.Adam(0.01), jit_compile=True)
    data = waves(1024, 16)
    model.fit(data[:, :12], data[:, 12:], batch_size=128, epochs=80, verbose=0)
    held_out = waves(500, 16, seed=1)
    past, future = held_out[:, :12], held_out[:, 12:]
    forecast = model.forecast(past)
    mse = np.mean((forecast["point"] - future) ** 2)
    assert mse < 0.03 < np.mean((past[:, -1:] - future) ** 2)
    low, _, high = np.moveaxis(forecast["quantiles"].numpy(), 1, 0)
    assert 0.7 < np.mean((low < future) & (future < high)) < 0.9
    logs = model.evaluate(past, future, verbose=0, return_dict=True)
    assert logs["mse"] == pytest.approx(mse, rel=1e-4)
    assert logs["nll"] == pytest.approx(
        -np.mean(model.log_prob(past, future)), rel=1e-4
    )


def test_a_fixed_scale_leaves_the_squared_error():
    model = random_model(2, 3, fixed_scale=0.5)
    x, y = waves(5, 7), waves(5, 2, seed=1)
    losses, terms = model.example_losses(x, y, training=False)
    constant = np.log(0.5) + 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(
        losses, terms["mse"] / (2 * 0.5**2) + constant, rtol=1e-5
    )
    np.testing.assert_allclose(model.forecast(x)["scale"], 0.5, rtol=1e-6)


def test_targets_may_be_something_else_than_the_inputs():
    model = random_model(1, 3, vocabulary_size=6, num_targets=2)
    x = np.array([[1, 5, 0], [2, 2, 2]], "int32")
    assert model.forecast(x)["point"].shape == (2, 1, 2)
    assert model.log_prob(x, np.zeros((2, 1, 2), "float32")).shape == (2,)


def test_parameters_as_counted_by_hand():
    model = SequenceForecaster(5, 4, cell="simple_rnn", channels=2)
    recurrent = 4 * (2 + 4) + 4
    assert model.count_params() == recurrent + (4 + 1) * 2 * 5 * 2
    fixed = SequenceForecaster(5, 4, cell="simple_rnn", fixed_scale=1.0)
    assert fixed.count_params() == 4 * (1 + 4) + 4 + (4 + 1) * 5


X = np.zeros((2, 4), "float32")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SequenceForecaster(0, 4), "`horizon` must be positive"),
        (lambda: SequenceForecaster(2, 4, num_targets=0), "`num_targets`"),
        (lambda: SequenceForecaster(2, 4, fixed_scale=0.0), "`fixed_scale`"),
        (lambda: SequenceForecaster(2, 4, vocabulary_size=9), "`num_targets`"),
        (
            lambda: SequenceForecaster(2, 4, return_sequences=True),
            "`return_sequences` is for `SequenceClassifier`",
        ),
        (lambda: random_model(2, 3).log_prob(X, X), "2 steps, the horizon"),
        (lambda: random_model(2, 3).log_prob(X, X[:1, :2]), "a row for each"),
        (
            lambda: random_model(2, 3).log_prob(X, X[:, :2] + np.nan),
            "`y` must be finite",
        ),
        (
            lambda: random_model(2, 3).forecast(X, quantiles=[-1.0]),
            r"numbers in \[0, 1\]",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_model_of_data_with_units_takes_and_gives_them():
    plain = random_model(3, 4, channels=2)
    mean, scale = np.array([20.0, -3.0]), np.array([5.0, 0.1])
    config = {"data_mean": mean.tolist(), "data_scale": scale.tolist()}
    model = SequenceForecaster.from_config({**plain.get_config(), **config})
    model.set_weights(plain.get_weights())
    z = waves(4, 18).reshape(4, 9, 2)
    x = (z * scale + mean).astype("float32")
    without, within = plain.forecast(z), model.forecast(x)
    for key, value in without.items():
        value = value.numpy() * scale + (0.0 if key == "scale" else mean)
        np.testing.assert_allclose(within[key], value, rtol=1e-4, atol=1e-4)
    # What is no more of the same has no units of the past.
    other = random_model(1, 4, num_targets=1, channels=2, **config)
    assert (np.abs(other.forecast(x)["point"]) < 5.0).all()
