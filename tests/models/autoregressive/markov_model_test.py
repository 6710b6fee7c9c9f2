import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import FullHistoryModel
from keras_genseq.models import IndependentModel
from keras_genseq.models import MarkovModel
from keras_genseq.models.autoregressive.full_history_model import (
    num_parameters as num_joint_parameters,
)
from keras_genseq.models.autoregressive.markov_model import num_parameters

A = np.array([[0.9, 0.1], [0.4, 0.6]])


def chain(transitions=A, initial=(0.8, 0.2)):
    """A model of order 1 with given probabilities."""
    model = MarkovModel(len(transitions))
    rows = np.concatenate([np.array([initial]), transitions])
    with np.errstate(divide="ignore"):
        model.logits.assign(np.log(rows))
    return model


def scrambled(num_states, order):
    model = MarkovModel(num_states, order=order)
    rng = np.random.default_rng(1)
    model.logits.assign(rng.normal(size=model.logits.shape))
    return model


def sequences(num_states, length):
    symbols = range(num_states)
    return np.array(list(itertools.product(symbols, repeat=length)), "int32")


@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_probabilities_of_all_sequences_sum_to_one(order):
    x = sequences(3, 4)
    total = np.exp(scrambled(3, order).log_prob(x)).sum()
    assert total == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_depends_on_the_last_symbols_and_on_no_other(order):
    model = scrambled(4, order)
    x = np.random.default_rng(0).integers(0, 4, (2, 9)).astype("int32")
    logits = model(x).numpy()
    for t in range(9):
        changed = x.copy()
        changed[:, t] = (changed[:, t] + 1) % 4
        moved = (model(changed).numpy() != logits).any((0, 2))
        inside = (np.arange(9) > t) & (np.arange(9) <= t + order)
        np.testing.assert_array_equal(moved, inside)


def test_scores_the_initial_and_the_transition_probabilities():
    log_prob = chain().log_prob(np.array([[1, 0, 0, 1]], "int32"))
    expected = np.log(0.2 * 0.4 * 0.9 * 0.1)
    np.testing.assert_allclose(log_prob, [expected], rtol=1e-6)


def test_padding_is_not_scored_and_begins_a_new_context():
    x = np.array([[-1, 1, 0, -1, 0, 1, -1]], "int32")
    expected = np.log(0.2 * 0.4) + np.log(0.8 * 0.1)
    np.testing.assert_allclose(chain().log_prob(x), [expected], rtol=1e-6)
    apart = MarkovModel(2)
    apart.adapt(np.array([[1, 0], [0, 1]], "int32"), smoothing=0.0)
    together = MarkovModel(2)
    together.adapt(x, smoothing=0.0)
    np.testing.assert_array_equal(apart.logits, together.logits)
    np.testing.assert_allclose(
        apart.transition_probabilities(), [[0.0, 1.0], [1.0, 0.0]]
    )


@pytest.mark.parametrize(
    "transitions",
    [
        A,
        [[0.0, 1.0], [1.0, 0.0]],  # periodic
        [[0.2, 0.5, 0.3], [0.0, 0.1, 0.9], [0.6, 0.4, 0.0]],
        [[1.0 - 1e-6, 1e-6], [3e-6, 1.0 - 3e-6]],  # mixes slowly
    ],
    ids=["two states", "periodic", "three states", "slow"],
)
def test_stationary_distribution_stays(transitions):
    model = chain(np.array(transitions), np.eye(len(transitions))[0])
    pi = model.stationary_distribution()
    np.testing.assert_allclose(
        pi @ model.transition_probabilities(), pi, atol=1e-9
    )
    assert pi.sum() == pytest.approx(1.0)
    if len(pi) == 2:
        p, q = transitions[0][1], transitions[1][0]
        np.testing.assert_allclose(pi, [q / (p + q), p / (p + q)], rtol=1e-3)


def test_entropy_rate_in_closed_form():
    def entropy(p):
        return -p * np.log(p) - (1.0 - p) * np.log(1.0 - p)

    # pi = (4/5, 1/5)
    expected = 0.8 * entropy(0.1) + 0.2 * entropy(0.4)
    assert chain().entropy_rate() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("num_states, order", [(3, 2), (34, 2)])
def test_higher_orders_are_chains_of_contexts(num_states, order):
    model = scrambled(num_states, order)
    probabilities = model.transition_probabilities()
    pi = model.stationary_distribution()
    np.testing.assert_allclose(
        np.einsum("ij,ijk->jk", pi, probabilities), pi, atol=1e-10
    )
    expected = -np.sum(pi[..., None] * probabilities * np.log(probabilities))
    assert model.entropy_rate() == pytest.approx(expected, rel=1e-6)


def test_order_one_reads_as_order_two():
    wide = MarkovModel(2, order=2)
    rows = [[0.8, 0.2], *A, A[0], A[1], A[0], A[1]]
    wide.logits.assign(np.log(rows))
    assert wide.entropy_rate() == pytest.approx(chain().entropy_rate())
    pi = wide.stationary_distribution()
    np.testing.assert_allclose(pi.sum(0), [0.8, 0.2], rtol=1e-6)


def test_nll_of_long_samples_nears_the_entropy_rate():
    model = chain()
    x = model.sample(200, length=512, seed=0)
    nats = -model.log_prob(x).numpy() / 512
    error = nats.std() / np.sqrt(200)
    assert abs(nats.mean() - model.entropy_rate()) < 4.0 * error + 1e-3
    learned = MarkovModel(2)
    learned.adapt(x, smoothing=0.0)
    np.testing.assert_allclose(learned.transition_probabilities(), A, atol=0.01)
    np.testing.assert_allclose(np.mean(x == 0), 0.8, atol=0.01)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_adapt_counts(smoothing):
    model = MarkovModel(3, order=2)
    x = np.array([[0, 1, 2, 0, 1, 0], [0, 1, 2, -1, -1, -1]], "int32")
    data = tf.data.Dataset.from_tensor_slices(x).batch(1)
    model.adapt(data, smoothing=smoothing)
    counts = np.array([1.0, 0.0, 2.0]) + smoothing
    np.testing.assert_allclose(
        model.transition_probabilities()[0, 1], counts / counts.sum(), rtol=1e-6
    )
    first = np.array([2.0, 0.0, 0.0]) + smoothing
    np.testing.assert_allclose(
        model.transition_probabilities(0), first / first.sum(), rtol=1e-6
    )
    unseen = model.log_prob(np.array([[0, 1, 1]], "int32"))
    assert np.isinf(unseen) if smoothing == 0.0 else np.isfinite(unseen)


def test_witten_bell_interpolates_with_the_shorter_context():
    model = MarkovModel(3)
    model.adapt(np.array([[0, 1, 0, 1, 0, 2]], "int32"), "witten_bell")
    unigram = (np.array([3, 2, 1]) + 3 * np.full(3, 1 / 3)) / (6 + 3)
    after_0 = (np.array([0, 2, 1]) + 2 * unigram) / (3 + 2)
    np.testing.assert_allclose(
        model.transition_probabilities(),
        [after_0, (np.array([2, 0, 0]) + unigram) / 3, unigram],
        rtol=1e-6,
    )


def test_fit_reaches_the_counts():
    x = chain().sample(400, length=16, seed=1).numpy()
    counted, trained = MarkovModel(2), MarkovModel(2)
    counted.adapt(x, smoothing=0.0)
    trained.compile(keras.optimizers.Adam(0.05))
    data = tf.data.Dataset.from_tensors(x).repeat(150)
    trained.fit(data, verbose=0)
    for length in (0, 1):
        np.testing.assert_allclose(
            np.log(trained.transition_probabilities(length)),
            np.log(counted.transition_probabilities(length)),
            atol=1e-2,
        )


def test_parameters_as_counted_by_hand():
    n, m = 784, 2
    assert num_parameters(m) == 3
    assert num_parameters(m, length=n) == 2 * n - 1
    assert num_parameters(5, 0, length=7) == 7 * 4
    assert num_parameters(5) == 5**2 - 1
    assert num_parameters(3, 3) == 3**3 * 2 + 3**3 - 1
    assert num_parameters(3, 3, length=4) == num_joint_parameters(4, 3)
    for order in (0, 1, 2):
        model = MarkovModel(3, order=order)
        rows = model.count_params() // 3
        assert rows * (3 - 1) == num_parameters(3, order)


def test_full_order_is_the_joint_table_and_order_zero_independence():
    x = np.random.default_rng(0).integers(0, 2, (300, 4)).astype("int32")
    x[:, 3] = x[:, 0] ^ x[:, 2]
    markov, joint = MarkovModel(2, order=3), FullHistoryModel(4)
    markov.adapt(x, smoothing=0.5)
    joint.adapt(x.astype("float32"), smoothing=0.5)
    np.testing.assert_allclose(
        markov.log_prob(x), joint.log_prob(x.astype("float32")), rtol=1e-5
    )
    first = x[:, :1]
    markov, alone = MarkovModel(2, order=0), IndependentModel(1)
    markov.adapt(first, smoothing=0.5)
    alone.adapt(first.astype("float32"), smoothing=0.5)
    np.testing.assert_allclose(
        markov.log_prob(first),
        alone.log_prob(first.astype("float32")),
        rtol=1e-5,
    )


def test_noise_cannot_be_scored_below_its_entropy():
    x = np.random.default_rng(0).integers(0, 4, (64, 256)).astype("int32")
    model = MarkovModel(4)
    model.adapt(x[:32], smoothing=1.0)
    nats = -model.log_prob(x[32:]).numpy().mean() / 256
    assert abs(nats - np.log(4.0)) < 0.01


def test_samples_of_several_lengths_begin_alike():
    model = scrambled(5, 2)
    long = model.sample(3, length=20, seed=4).numpy()
    mixed = model.sample(3, length=[20, 3, 11], seed=4).numpy()
    np.testing.assert_array_equal(mixed[1, :3], long[1, :3])
    np.testing.assert_array_equal(mixed[2, :11], long[2, :11])
    assert not mixed[1, 3:].any() and mixed.dtype == np.int32


def test_temperature_zero_takes_the_likeliest_symbol():
    x = chain([[0.4, 0.6], [0.7, 0.3]]).sample(2, length=6, temperature=0.0)
    np.testing.assert_array_equal(x, [[0, 1, 0, 1, 0, 1]] * 2)


def test_complete_keeps_what_is_shown_and_sees_what_came_before():
    model = chain([[0.0, 1.0], [1.0, 0.0]])
    x = np.array([[1, 9, 9, 9, 0, 9]], "int32")
    mask = np.array([[True, False, False, False, True, False]])
    np.testing.assert_array_equal(
        model.complete(x, mask, seed=0), [[1, 0, 1, 0, 0, 1]]
    )


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: MarkovModel(1), "`num_states` must be an int of at least 2"),
        (lambda: MarkovModel(3, order=-1), "`order` must be an int"),
        (lambda: MarkovModel(65, order=4), "SparseMarkovModel"),
        (lambda: MarkovModel(65, order=11), "more than int64 can number"),
        (lambda: chain().adapt(np.zeros((2, 3))), "must hold integers"),
        (lambda: chain().adapt([[0]], smoothing=-1.0), "must not be negative"),
        (lambda: chain().adapt([[0]], "kneser_ney"), "Received: .*kneser_ney"),
        (lambda: chain().adapt([[-1, -1]]), "received no symbol"),
        (lambda: chain().log_prob([[0, 2]]), "ids from 0 to 1, or -1"),
        (lambda: chain().log_prob([0, 1]), r"shape \(batch_size, time\)"),
        (lambda: chain().sample(2, length=0), "`length` must be at least 1"),
        (lambda: chain().transition_probabilities(2), "from 0 to 1, the order"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()
