import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import MADE
from keras_genseq.ops.log_probabilities import bernoulli_log_prob
from keras_genseq.ops.random import row_seeds
from keras_genseq.ops.random import row_uniform

RNG = np.random.default_rng(0)
KINDS = pytest.mark.parametrize(
    "options",
    [
        {},
        {"ordering": [4, 1, 0, 6, 3, 7, 2, 5], "direct_connections": True},
        {"ordering": "random", "num_masks": 3, "direct_connections": True},
    ],
    ids=["in order", "permuted", "ensemble"],
)


def make_made(input_dim=8, units=(40, 30), **options):
    """A small model with weights large enough to matter."""
    model = MADE(input_dim, units, **options)
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) * 0.7)
    return model


def all_vectors(size):
    return np.array(list(itertools.product([0.0, 1.0], repeat=size)), "float32")


@KINDS
def test_probabilities_sum_to_one(options):
    model = make_made(**options)
    probabilities = np.exp(model.log_prob(all_vectors(8)).numpy())
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert probabilities.std() > 1e-4


@KINDS
def test_a_logit_depends_on_all_earlier_dimensions_only(options):
    # Many units: each allowed pair of dimensions has a path.
    model = make_made(units=(200, 200), activation="tanh", **options)
    for weight in model.trainable_weights:
        weight.assign(weight * 0.1)
    x = tf.constant(RNG.integers(0, 2, (1, 8)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model(x)
    jacobian = tape.jacobian(logits, x)[0, :, :, 0, :].numpy()
    for ordering, member in zip(model._orderings, jacobian, strict=True):
        place = np.argsort(ordering)
        earlier = place[None, :] < place[:, None]
        np.testing.assert_array_equal(member[~earlier], 0.0)
        assert (np.abs(member[earlier]) > 1e-7).all()


def test_masks_multiply_to_the_order_of_the_dimensions():
    model = MADE(3, 4, seed=1)
    (degrees,) = model._degrees[1]
    hidden, output = (w for w in model.trainable_weights if w.ndim == 2)
    hidden.assign(np.ones(hidden.shape))
    output.assign(np.ones(output.shape))
    first = np.array([[m >= d for m in degrees] for d in (1, 2, 3)], "float32")
    last = np.array([[d > m for d in (1, 2, 3)] for m in degrees], "float32")
    np.testing.assert_allclose(
        model(np.eye(3, dtype="float32"))[:, 0], first @ last
    )


@KINDS
def test_cached_draws_equal_those_of_a_whole_pass_per_dimension(options):
    model = make_made(**options)
    samples = model.sample(64, seed=3).numpy()
    seeds = row_seeds(3, 64)
    uniforms = row_uniform(seeds, 8).numpy()
    member = row_uniform(seeds, 1, stream=1)[:, 0].numpy() * model.num_masks
    orderings = model._orderings[member.astype(int)]
    x = np.zeros((64, 8), "float32")
    rows = np.arange(64)
    for t in range(8):
        logits = model(x).numpy()[rows, member.astype(int), orderings[:, t]]
        drawn = uniforms[:, t] < 1.0 / (1.0 + np.exp(-logits))
        x[rows, orderings[:, t]] = drawn
    np.testing.assert_array_equal(samples, x)
    assert len(np.unique(x, axis=0)) > 8


@KINDS
def test_samples_follow_the_density(options):
    model = make_made(input_dim=8, **options)
    vectors = all_vectors(8)
    expected = np.exp(model.log_prob(vectors).numpy())
    samples = model.sample(20_000, seed=0, batch_size=4096).numpy()
    codes = samples.astype(int) @ (2 ** np.arange(7, -1, -1))
    observed = np.bincount(codes, minlength=256) / len(samples)
    assert np.abs(observed - expected).sum() < 0.15
    assert np.abs(RNG.permutation(observed) - expected).sum() > 0.5


def test_an_ensemble_averages_probabilities_of_whole_examples():
    model = make_made(num_masks=4, ordering="random")
    x = RNG.integers(0, 2, (5, 8)).astype("float32")
    logits = model(x)
    members = [np.exp(bernoulli_log_prob(x, logits[:, i])) for i in range(4)]
    np.testing.assert_allclose(
        np.exp(model.log_prob(x)), np.mean(members, 0), rtol=1e-5
    )
    means = np.mean(np.log(members), 0)
    assert (model.log_prob(x).numpy() >= means).all()
    assert np.std(members, axis=0).max() > 1e-4


def test_masks_take_turns_in_training():
    model = make_made(num_masks=3, ordering="random")
    model.compile(keras.optimizers.SGD(0.0))
    x = RNG.integers(0, 2, (4, 8)).astype("float32")
    every = model(x).numpy()
    for turn in (0, 1, 2, 0):
        logits = model(x, training=True)
        assert logits.shape == (4, 1, 8)
        np.testing.assert_allclose(logits[:, 0], every[:, turn], atol=1e-5)
        model.fit(x, verbose=0)


def test_completion_keeps_what_is_shown_and_ignores_what_is_hidden():
    model = make_made(num_masks=2, ordering="random")
    mask = RNG.random((6, 8)) < 0.5
    x = RNG.integers(0, 2, (6, 8)).astype("float32")
    spoiled = np.where(mask, x, np.nan).astype("float32")
    completed = model.complete(spoiled, mask, seed=1).numpy()
    np.testing.assert_array_equal(completed, model.complete(x, mask, seed=1))
    np.testing.assert_array_equal(completed[mask], x[mask])
    likely = model.sample(2, seed=[1, 1], temperature=[0.0, 1.0]).numpy()
    assert set(np.unique(likely)) <= {0.0, 1.0}


def test_learns_a_distribution_by_heart():
    model = MADE(6, 64, num_masks=2)
    model.compile(keras.optimizers.Adam(0.02))
    x = np.tile(np.eye(6, dtype="float32")[:4], (16, 1))
    model.fit(x, epochs=60, batch_size=64, verbose=0)
    nll = model.evaluate(x, verbose=0, return_dict=True)["nll"]
    assert np.log(4.0) - 1e-4 < nll < np.log(4.0) + 0.2


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"ordering": [0, 0, 1]}, "each of 0 to 2 once"),
        ({"ordering": [0, 1]}, "must hold each of"),
        ({"units": 0}, "`units` must be positive"),
        ({"units": []}, "at least one hidden layer"),
        ({"num_masks": 0}, "`num_masks` must be positive"),
        ({"input_dim": 0}, "`input_dim` must be positive"),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_an_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        MADE(**{"input_dim": 3, "units": 2, **arguments})
