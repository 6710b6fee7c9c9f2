import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_genseq.models import NADE

RNG = np.random.default_rng(0)


def make_nade(input_dim=10, units=6, ordering=None, **kwargs):
    """A small model with weights large enough to matter."""
    model = NADE(input_dim, units, ordering=ordering, **kwargs)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape) * 1.5)
    return model


@pytest.fixture(scope="module")
def shared():
    """A model that tests only ask: what it compiles serves all of them."""
    return make_nade()


def all_vectors(size):
    return np.array(list(itertools.product([0.0, 1.0], repeat=size)), "float32")


@pytest.mark.parametrize("implementation", ["scan", "chunk", "full"])
@pytest.mark.parametrize(
    "ordering", [None, RNG.permutation(10)], ids=["in order", "permuted"]
)
def test_probabilities_sum_to_one(ordering, implementation):
    model = make_nade(ordering=ordering, implementation=implementation)
    probabilities = np.exp(model.log_prob(all_vectors(10)).numpy())
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert probabilities.std() > 1e-4


@pytest.mark.parametrize(
    "ordering", [None, RNG.permutation(9)], ids=["in order", "permuted"]
)
@pytest.mark.parametrize("implementation", ["scan", "chunk", "full"])
def test_a_logit_depends_on_all_earlier_dimensions_only(
    ordering, implementation
):
    model = make_nade(9, ordering=ordering, implementation=implementation)
    x = tf.constant(RNG.integers(0, 2, (1, 9)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model(x)
    jacobian = tape.jacobian(logits, x)[0, :, 0, :].numpy()
    order = np.arange(9) if ordering is None else np.asarray(ordering)
    place = np.argsort(order)
    earlier = place[None, :] < place[:, None]
    np.testing.assert_array_equal(jacobian[~earlier], 0.0)
    assert (np.abs(jacobian[earlier]) > 1e-6).all()


def test_the_first_logit_is_a_constant():
    model = make_nade(ordering=list(range(9, -1, -1)))
    logits = model(all_vectors(10))[:, 9]
    hidden = 1.0 / (1.0 + np.exp(-model.hidden_bias.numpy()))
    expected = model.output_bias.numpy()[9] + (
        model.output_kernel.numpy()[9] @ hidden
    )
    np.testing.assert_allclose(logits, np.full(1024, expected), rtol=1e-5)


def test_samples_follow_the_density():
    model = make_nade(8, ordering=np.random.default_rng(2).permutation(8))
    vectors = all_vectors(8)
    expected = np.exp(model.log_prob(vectors).numpy().astype("float64"))
    samples = model.sample(20_000, seed=0).numpy()
    codes = samples.astype(int) @ (2 ** np.arange(7, -1, -1))
    counts = np.bincount(codes, minlength=256)
    # Pool rare vectors: a chi-square test wants at least five of each.
    rare = expected * len(samples) < 5.0
    observed = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], expected[rare].sum()) * len(samples)
    wanted *= observed.sum() / wanted.sum()
    assert stats.chisquare(observed, wanted).pvalue > 1e-3
    shuffled = stats.chisquare(RNG.permutation(observed), wanted)
    assert shuffled.pvalue < 1e-6


def test_completion_follows_the_conditional_of_what_comes_later():
    model = make_nade(6)
    shown = np.array([1, 0, 1, 0, 0, 0], "float32")
    mask = np.array([True, True, True, False, False, False])
    completed = model.complete(
        np.tile(shown, (20_000, 1)), np.tile(mask, (20_000, 1)), seed=0
    ).numpy()
    assert (completed[:, :3] == shown[:3]).all()
    vectors = all_vectors(6)
    weights = np.exp(model.log_prob(vectors).numpy())
    weights *= (vectors[:, :3] == shown[:3]).all(1)
    expected = weights @ vectors[:, 3:] / weights.sum()
    np.testing.assert_allclose(completed[:, 3:].mean(0), expected, atol=0.015)


def test_hidden_values_do_not_matter_to_a_completion(shared):
    model = shared
    mask = RNG.random((4, 10)) < 0.5
    x = RNG.integers(0, 2, (4, 10)).astype("float32")
    spoiled = np.where(mask, x, np.nan).astype("float32")
    np.testing.assert_array_equal(
        model.complete(x, mask, seed=1), model.complete(spoiled, mask, seed=1)
    )
    shown = model.complete(x, np.ones_like(mask), seed=1)
    np.testing.assert_array_equal(shown, x)


def test_a_sample_depends_on_its_seed_alone(shared):
    model = shared
    many = model.sample(40, seed=3, batch_size=16)
    np.testing.assert_array_equal(many[:5], model.sample(5, seed=3))
    rows = model.sample(3, seed=[5, 6, 5])
    np.testing.assert_array_equal(rows[0], rows[2])
    assert (model.sample(40, seed=4).numpy() != many.numpy()).any()


def test_temperature_zero_takes_the_likeliest_values(shared):
    model = shared
    greedy = model.sample(3, seed=[1, 2, 3], temperature=0.0).numpy()
    logits = model(greedy).numpy()
    np.testing.assert_array_equal(greedy, logits > 0.0)
    mixed = model.sample(2, seed=[1, 7], temperature=[0.0, 1.0]).numpy()
    np.testing.assert_array_equal(mixed[0], greedy[0])
    np.testing.assert_array_equal(mixed[1], model.sample(1, seed=[7])[0])


def test_kernels_start_with_different_numbers():
    for initializer in ("glorot_uniform", keras.initializers.GlorotUniform(3)):
        model = NADE(8, 4, kernel_initializer=initializer)
        assert (model.kernel.numpy() != model.output_kernel.numpy()).all()


def test_preset_has_the_papers_parameters():
    assert NADE.presets["nade_mnist"].num_parameters == 785_284


def test_encoding_is_the_hidden_layer_after_the_last_dimension(shared):
    model = shared
    x = RNG.integers(0, 2, (3, 10)).astype("float32")
    a = model.hidden_bias.numpy() + x @ model.kernel.numpy()
    np.testing.assert_allclose(
        model.encode(x), 1.0 / (1.0 + np.exp(-a)), atol=1e-6
    )


@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros((2, 9), "float32"), r"shape \(batch_size, 10\)"),
        (np.full((2, 10), 0.5, "float32"), "only 0 and 1"),
        (np.full((2, 10), np.nan, "float32"), "no NaN"),
        (np.zeros((0, 10), "float32"), "no rows"),
        (np.zeros((2, 10), "int32"), "must hold floats"),
        (np.zeros((2, 5, 2, 1), "float32"), r"shape \(batch_size, 10\)"),
    ],
    ids=["length", "value", "nan", "empty", "integer", "rank"],
)
def test_names_what_is_wrong_with_the_input(x, message, shared):
    for method in (
        shared.log_prob,
        shared.encode,
        lambda x: shared.complete(x, np.ones(x.shape, bool)),
    ):
        with pytest.raises(ValueError, match=message):
            method(x)
    assert shared.log_prob(np.zeros((1, 10), "float32")).shape == (1,)


def test_fit_refuses_a_data_set_with_other_values():
    model = make_nade()
    model.compile("adam")
    grey = tf.data.Dataset.from_tensor_slices(np.full((8, 10), 0.5, "float32"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="only 0 and 1"):
        model.fit(grey.batch(4), verbose=0)
    with pytest.raises(ValueError, match="models `x` alone"):
        model.fit(np.zeros((8, 10), "float32"), np.zeros(8), verbose=0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"ordering": [0, 0, 1]}, "each of 0 to 2 once"),
        ({"ordering": [0, 1]}, "each of 0 to 2 once"),
        ({"activation": "softmax"}, "`activation` must be one of"),
        ({"implementation": "fast"}, "`implementation` must be one of"),
        ({"units": 0}, "`units` must be positive"),
        ({"input_dim": 0}, "`input_dim` must be positive"),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        NADE(**{"input_dim": 3, "units": 2, **arguments})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_samples": 0}, "at least 1"),
        ({"num_samples": 2, "temperature": -1.0}, "at least 0"),
        ({"num_samples": 2, "temperature": float("nan")}, "no NaN"),
        ({"num_samples": 2, "seed": [1, 2, 3]}, "one value per row"),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_a_request_for_samples(
    arguments, message, shared
):
    with pytest.raises(ValueError, match=message):
        shared.sample(**arguments)


def test_learns_a_distribution_by_heart():
    model = NADE(6, 16)
    model.compile(keras.optimizers.Adam(0.05))
    x = np.tile(np.eye(6, dtype="float32")[:4], (16, 1))
    model.fit(x, epochs=60, batch_size=64, verbose=0)
    nll = model.evaluate(x, verbose=0, return_dict=True)["nll"]
    assert np.log(4.0) - 1e-4 < nll < np.log(4.0) + 0.1
