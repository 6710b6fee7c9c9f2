import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_genseq.models import RNADE

RNG = np.random.default_rng(0)
BOTH = pytest.mark.parametrize("component", ["gaussian", "laplacian"])


def make_rnade(input_dim=4, units=5, **options):
    """A small model with weights large enough to matter."""
    model = RNADE(input_dim, units, **{"num_components": 3, **options})
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) * 0.6)
    model.data_mean.assign(np.linspace(-2.0, 3.0, input_dim))
    model.data_scale.assign(np.linspace(0.5, 2.0, input_dim))
    return model


@BOTH
def test_every_conditional_integrates_to_one(component):
    """The last dimension visited, given others: a density of one number."""
    model = make_rnade(3, component=component, ordering=[2, 0, 1])
    grid = np.linspace(-80.0, 80.0, 40_001)
    for _ in range(3):
        x = np.tile(RNG.normal(size=3) * 2.0, (len(grid), 1))
        x[:, 1] = grid
        log_prob = model.log_prob(x.astype("float32"), batch_size=4096)
        density = np.exp(log_prob.numpy().astype("float64"))
        x[:, 1] = 0.0
        mass = np.trapezoid(density, grid)
        # What is left when the last is integrated out: the others' density.
        others = model.log_prob(x[:1].astype("float32")).numpy()[0]
        logits = model(x[:1].astype("float32"))
        last = _density_of_last(model, logits[0, 1].numpy(), component)
        expected = np.exp(others) / last
        assert mass == pytest.approx(expected, rel=1e-3)


def _density_of_last(model, parameters, component):
    """SciPy's density of dimension 1 at 0, in the data's units."""
    logits, means, log_scales = parameters.astype("float64")
    law = stats.norm if component == "gaussian" else stats.laplace
    mean = float(model.data_mean.numpy()[1])
    scale = float(model.data_scale.numpy()[1])
    weights = np.exp(logits - np.logaddexp.reduce(logits))
    terms = law.pdf(-mean / scale, means, np.exp(log_scales)) / scale
    return weights @ terms


@BOTH
def test_a_density_of_one_dimension_integrates_to_one(component):
    model = make_rnade(1, component=component)
    grid = np.linspace(-100.0, 100.0, 80_001)[:, None]
    log_prob = model.log_prob(grid.astype("float32"), batch_size=8192)
    density = np.exp(log_prob.numpy().astype("float64"))
    assert np.trapezoid(density, grid[:, 0]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("ordering", [None, [3, 0, 4, 1, 2]])
def test_parameters_depend_on_all_earlier_dimensions_only(ordering):
    model = make_rnade(5, 20, ordering=ordering, activation="tanh")
    x = tf.constant(RNG.normal(size=(1, 5)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        parameters = model(x)
    jacobian = tape.jacobian(parameters, x)[0, :, :, :, 0].numpy()
    jacobian = np.abs(jacobian).max((1, 2))
    place = np.argsort(range(5) if ordering is None else ordering)
    earlier = place[None, :] < place[:, None]
    np.testing.assert_array_equal(jacobian[~earlier], 0.0)
    assert (jacobian[earlier] > 1e-4).all()


def test_one_gaussian_by_hand():
    model = RNADE(2, 1, num_components=1, activation="tanh")
    model.kernel.assign([[0.5], [9.0]])
    model.hidden_bias.assign([0.1])
    model.rescaling.assign([2.0, 3.0])
    model.output_kernel.assign([[[1.0, 2.0, -1.0]], [[7.0, 0.5, 0.25]]])
    model.output_bias.assign([[[0.0], [0.3], [0.2]], [[0.0], [0.0], [-1.0]]])
    model.data_mean.assign([1.0, 0.0])
    model.data_scale.assign([4.0, 1.0])
    x = np.float32([[3.0, -0.5]])
    first, second = np.tanh(2.0 * 0.1), np.tanh(3.0 * (0.1 + 0.5 * 0.5))
    expected = stats.norm.logpdf(0.5, 2 * first + 0.3, np.exp(0.2 - first))
    expected += stats.norm.logpdf(-0.5, 0.5 * second, np.exp(second / 4 - 1.0))
    expected -= np.log(4.0)
    assert model.log_prob(x).numpy()[0] == pytest.approx(expected, rel=1e-5)


def test_density_follows_the_units_of_the_data():
    mixing = [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 3.0]]
    x = RNG.normal(size=(200, 3)) @ mixing
    scale = np.array([10.0, 0.1, 3.0])
    shifted = x * scale + [5.0, 0.0, -40.0]
    scores = []
    for data in (x, shifted):
        keras.utils.set_random_seed(0)
        model = RNADE(3, 8)
        model.adapt(data.astype("float32"))
        scores.append(model.log_prob(data.astype("float32")).numpy())
    difference = scores[0] - scores[1]
    np.testing.assert_allclose(difference, np.log(scale).sum(), atol=1e-3)


def test_adapt_spreads_the_components_over_the_data():
    x = RNG.uniform(-1.0, 7.0, (300, 2)).astype("float32")
    x[:, 1] = 3.0
    model = RNADE(2, 4, num_components=3)
    model.adapt(tf.data.Dataset.from_tensor_slices(x).batch(50))
    means = (
        model.data_mean.numpy()[0]
        + model.data_scale.numpy()[0] * (model.output_bias.numpy()[0, 1])
    )
    low, high = x[:, 0].min(), x[:, 0].max()
    np.testing.assert_allclose(means, np.linspace(low, high, 5)[1:-1], 1e-4)
    assert model.data_scale.numpy()[1] == 1.0
    assert np.isfinite(model.log_prob(x)).all()
    with pytest.raises(ValueError, match="without examples"):
        model.adapt([])


@BOTH
def test_cached_draws_equal_those_of_a_whole_pass_per_dimension(component):
    ordering = [2, 0, 3, 1]
    model = make_rnade(component=component, ordering=ordering)
    x = RNG.normal(size=(64, 4)).astype("float32")
    mask = RNG.random((64, 4)) < 0.3
    drawn = model.complete(x, mask, seed=3).numpy()
    np.testing.assert_array_equal(drawn[mask], x[mask])
    # With all visited before it known, a dimension is drawn from a whole pass:
    # hiding it and the later ones again must draw the very same.
    for place, dimension in enumerate(ordering):
        known = np.zeros((64, 4), bool)
        known[:, ordering[:place]] = True
        again = model.complete(drawn, known | mask, seed=3).numpy()
        np.testing.assert_allclose(
            again[:, dimension], drawn[:, dimension], rtol=1e-5, atol=1e-5
        )


@BOTH
def test_samples_follow_the_density(component):
    """The quantiles of a dimension given the others are even."""
    model = make_rnade(2, component=component)
    samples = model.sample(4000, seed=0, batch_size=4000)
    parameters = model(samples).numpy().astype("float64")
    law = stats.norm if component == "gaussian" else stats.laplace
    z = (samples - model.data_mean) / model.data_scale
    z = np.asarray(z, "float64")[..., None]
    logits, means, log_scales = np.moveaxis(parameters, 2, 0)
    weights = np.exp(logits - np.logaddexp.reduce(logits, -1, keepdims=True))
    below = (weights * law.cdf(z, means, np.exp(log_scales))).sum(-1)
    for dimension in range(2):
        assert stats.kstest(below[:, dimension], "uniform").pvalue > 1e-3
    shifted = (weights * law.cdf(z + 0.3, means, np.exp(log_scales))).sum(-1)
    assert stats.kstest(shifted[:, 0], "uniform").pvalue < 1e-6


def test_temperature_zero_takes_the_mean_of_the_likeliest_component():
    model = make_rnade(1)
    logits, means, _ = model(np.zeros((1, 1), "float32")).numpy()[0, 0]
    expected = -2.0 + 0.5 * means[logits.argmax()]
    sample = model.sample(3, seed=1, temperature=0.0).numpy()
    np.testing.assert_allclose(sample, np.full((3, 1), expected), rtol=1e-5)


def test_gradients_of_means_are_scaled_on_request():
    x = RNG.normal(size=(6, 4)).astype("float32")
    gradients = []
    for scaled in (False, True):
        model = make_rnade(scale_mean_gradients=scaled)
        with tf.GradientTape() as tape:
            log_prob = tf.reduce_sum(model.log_prob_from_logits(x, model(x)))
        gradient = tape.gradient(log_prob, model.output_kernel)
        gradients.append(tf.convert_to_tensor(gradient).numpy())
    plain, scaled = (g.reshape(4, 5, 3, 3) for g in gradients)
    np.testing.assert_allclose(plain[:, :, ::2], scaled[:, :, ::2], rtol=1e-5)
    assert np.abs(plain[:, :, 1] - scaled[:, :, 1]).max() > 0.1


def test_parameters_are_counted_as_in_the_papers():
    dim, units, components = 11, 50, 20
    model = RNADE(dim, units, num_components=components)
    count = sum(np.prod(w.shape) for w in model.trainable_weights)
    expected = dim * units + units + dim
    expected += 3 * (dim * units * components + dim * components)
    assert count == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"component": "cauchy"}, "`component` must be one of"),
        ({"activation": "gelu"}, "`activation` must be one of"),
        ({"units": 0}, "`units` must be positive"),
        ({"num_components": 0}, "`num_components` must be positive"),
        ({"input_dim": 0}, "`input_dim` must be positive"),
        ({"ordering": [0, 0, 1]}, "ordering"),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        RNADE(**{"input_dim": 3, "units": 4, **arguments})


def test_no_rounding_lets_a_dimension_see_itself():
    model = RNADE(4, 5)
    x = np.array([[1.0, -2.0, 0.5, 3.0]], "float32")
    before = model(x).numpy()
    for i in range(4):
        far = x.copy()
        far[:, i] = 1e6
        moved = model(far).numpy()
        np.testing.assert_array_equal(moved[:, : i + 1], before[:, : i + 1])
        assert i == 3 or (moved[:, i + 1 :] != before[:, i + 1 :]).any()
