import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_genseq.models import LatentAutoregressiveModel

CELLS = ("simple_rnn", "lstm", "gru")


def random_model(units=3, **kwargs):
    model = LatentAutoregressiveModel(units, **kwargs)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    return model


def series(*shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_depends_on_all_before_it_and_on_no_other(cell):
    model, x = random_model(cell=cell), series(2, 6)
    outputs = model(x).numpy()
    for t in range(6):
        changed = x.copy()
        changed[:, t] += 1.0
        moved = (model(changed).numpy() != outputs).any((0, 2))
        np.testing.assert_array_equal(moved, np.arange(6) > t)


def test_vanilla_transition_by_hand():
    model, x = random_model(cell="simple_rnn"), series(2, 4)
    kernel, recurrent, bias = model.recurrent.get_weights()
    head, head_bias = model.head.get_weights()
    h, expected = np.zeros((2, 3)), 0.0
    before = np.zeros((2, 1))
    for t in range(4):
        h = np.tanh(before @ kernel + h @ recurrent + bias)
        mean, log_scale = np.split(h @ head + head_bias, 2, axis=1)
        before = x[:, t : t + 1]
        expected += stats.norm.logpdf(before, mean, np.exp(log_scale))[:, 0]
    np.testing.assert_allclose(model.log_prob(x), expected, rtol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("channels", [None, 2])
def test_going_on_from_the_state_equals_going_on_from_the_series(
    cell, channels
):
    model = random_model(cell=cell, channels=channels)
    x = series(3, 5, *[channels] * (channels is not None))
    point = model.forecast(x, 3, num_samples=2, seed=0)["point"].numpy()
    for step in range(3):
        outputs = model(np.pad(x, [(0, 0), (0, 1)] + [(0, 0)] * (x.ndim - 2)))
        x = np.concatenate([x, outputs[:, -1:, ..., 0]], axis=1)
        np.testing.assert_allclose(
            point[:, step], x[:, -1], rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("cell", CELLS)
def test_a_drawn_series_has_the_noise_that_its_score_says(cell):
    # A draw at temperature 0 is the mean; others lie e deviations off it.
    model = random_model(cell=cell)
    x = model.sample(2000, length=4, seed=0).numpy()
    outputs = model(x).numpy()
    noise = (x - outputs[..., 0]) / np.exp(outputs[..., 1])
    np.testing.assert_allclose(noise.mean(0), 0.0, atol=0.08)
    np.testing.assert_allclose(noise.std(0), 1.0, atol=0.06)
    mean = model.sample(1, length=4, temperature=0.0, seed=3).numpy()
    np.testing.assert_allclose(mean, model(mean)[..., 0], atol=1e-5)


def test_encodings_are_the_states_after_the_last_step():
    x = series(3, 5)
    model = random_model(cell="lstm")
    shifted = np.pad(x, [(0, 0), (1, 0)])[..., None]
    _, h, c = model.recurrent(shifted)
    np.testing.assert_allclose(
        model.encode(x), np.concatenate([h, c], axis=1), rtol=1e-5, atol=1e-6
    )
    assert random_model(cell="gru").encode(x).shape == (3, 3)


def test_memory_beats_a_window_where_the_past_is_far():
    # A sign shown once decides all that follows: the last value is noise.
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, 0.3, (256, 12)).astype("float32")
    sign = np.where(x[:, :1] > 0, 1.0, -1.0)
    x[:, 0] += 2.0 * sign[:, 0]
    x[:, 6::3] += 2.0 * sign
    model = LatentAutoregressiveModel(12)
    model.compile(keras.optimizers.Adam(0.02))
    data = tf.data.Dataset.from_tensors(x).repeat(250)
    model.fit(data, verbose=0)
    error = x[:, 6::3] - model(x)[:, 6::3, 0].numpy()
    assert np.mean(error**2) < 0.2


@pytest.mark.parametrize("constant_scale", [False, True])
def test_the_scale_follows_the_state_unless_it_is_constant(constant_scale):
    model = random_model(channels=2, constant_scale=constant_scale)
    scales = model(series(3, 5, 2)).numpy()[..., 1]
    assert (scales == scales[:1, :1]).all() == constant_scale
    assert (scales[..., 0] != scales[..., 1]).any()


def test_parameters_do_not_depend_on_length():
    model = LatentAutoregressiveModel(4, cell="simple_rnn")
    assert model.count_params() == 4 * (1 + 4) + 4 + 2 * 4 + 2
    assert model.log_prob(series(2, 3)).shape == (2,)
    assert model.log_prob(series(2, 300)).shape == (2,)
    plain = LatentAutoregressiveModel(4, constant_scale=True)
    assert plain.count_params() == 3 * (4 * (1 + 4) + 2 * 4) + 4 + 1 + 1
    wide = LatentAutoregressiveModel(4, cell="lstm", channels=3)
    assert wide.count_params() == 4 * (4 * (3 + 4) + 4) + 6 * 4 + 6


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: LatentAutoregressiveModel(0), "`units` must be positive"),
        (
            lambda: LatentAutoregressiveModel(2, cell="elman"),
            "must be one of 'simple_rnn', 'lstm', 'gru'",
        ),
        (
            lambda: LatentAutoregressiveModel(2, channels=0),
            "`channels` must be positive",
        ),
        (
            lambda: random_model().forecast(np.ones((1, 0)), 1),
            "without steps",
        ),
        (
            lambda: random_model().log_prob([[1.0, np.inf]]),
            "NaN or infinity",
        ),
        (
            lambda: random_model().encode(np.ones((2, 5, 1))),
            "must have shape",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()
