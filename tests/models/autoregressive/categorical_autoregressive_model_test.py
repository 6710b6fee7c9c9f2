import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.models import CategoricalAutoregressiveModel
from keras_genseq.models import MarkovModel

LINEAR_AND_NEURAL = pytest.mark.parametrize("hidden_units", [(), (6,)])


def random_model(num_states=3, order=2, **kwargs):
    model = CategoricalAutoregressiveModel(num_states, order=order, **kwargs)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def chain(size, num_steps, num_states=3, seed=0):
    """Sequences of a random order-1 chain."""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(num_states), num_states)
    x = np.zeros((size, num_steps), "int32")
    x[:, 0] = rng.integers(0, num_states, size)
    for t in range(1, num_steps):
        draws = rng.random(size)[:, None]
        x[:, t] = (table[x[:, t - 1]].cumsum(1) < draws).sum(1)
    return x


@LINEAR_AND_NEURAL
def test_depends_on_the_last_symbols_and_on_no_other(hidden_units):
    model = random_model(hidden_units=hidden_units)
    x = chain(4, 7)
    outputs = model(x).numpy()
    for t in range(7):
        changed = x.copy()
        changed[:, t] = (x[:, t] + 1) % 3
        moved = (model(changed).numpy() != outputs).any((0, 2))
        np.testing.assert_array_equal(
            moved, (np.arange(7) > t) & (np.arange(7) <= t + 2)
        )


def test_order_one_adapts_to_the_counted_table_of_a_chain():
    x = chain(40, 60)
    x[::3, 50:] = -1
    counted = MarkovModel(3, order=1)
    counted.adapt(x, smoothing=0.0)
    model = CategoricalAutoregressiveModel(3)
    model.adapt(tf.data.Dataset.from_tensor_slices(x).batch(7))
    np.testing.assert_allclose(
        keras.ops.softmax(model(x), axis=-1),
        keras.ops.softmax(counted(x), axis=-1),
        atol=1e-4,
    )
    np.testing.assert_allclose(
        model.log_prob(x), counted.log_prob(x), atol=1e-3
    )


def test_fit_descends_to_what_adapt_finds():
    x = chain(60, 30)
    adapted = CategoricalAutoregressiveModel(3, order=2)
    adapted.adapt(x)
    fitted = CategoricalAutoregressiveModel(3, order=2)
    fitted.compile(keras.optimizers.Adam(0.05), jit_compile=True)
    fitted.fit(tf.data.Dataset.from_tensors(x).repeat(400), verbose=0)
    best = adapted.log_prob(x).numpy().sum() / x.size
    found = fitted.log_prob(x).numpy().sum() / x.size
    assert best - 1e-3 < found < best + 1e-6


def test_logits_by_hand():
    model = random_model(num_states=2, order=2)
    kernel = model.kernel.numpy().reshape(2, 3, 2)
    bias = model.bias.numpy()
    logits = model(np.array([[1, 0, -1, 1, 1]], "int32")).numpy()[0]
    # 2 stands for what lies before a sequence, or beyond padding.
    for t, (last, before) in enumerate([(2, 2), (1, 2), (0, 1), (2, 2)]):
        expected = kernel[0, last] + kernel[1, before] + bias
        np.testing.assert_allclose(logits[t], expected, rtol=1e-5)
    np.testing.assert_allclose(
        logits[4], kernel[0, 1] + kernel[1, 2] + bias, rtol=1e-5
    )


@LINEAR_AND_NEURAL
def test_probabilities_of_all_sequences_sum_to_one(hidden_units):
    model = random_model(hidden_units=hidden_units)
    x = np.array(list(itertools.product(range(3), repeat=4)), "int32")
    total = np.exp(model.log_prob(x).numpy().astype("float64")).sum()
    assert total == pytest.approx(1.0, abs=1e-5)


@LINEAR_AND_NEURAL
def test_samples_occur_as_often_as_their_scores_say(hidden_units):
    model = random_model(hidden_units=hidden_units)
    x = model.sample(20_000, length=3, seed=0, batch_size=20_000).numpy()
    code = x @ [9, 3, 1]
    every = np.array(list(itertools.product(range(3), repeat=3)), "int32")
    expected = np.exp(model.log_prob(every).numpy())
    found = np.bincount(code, minlength=27) / len(x)
    errors = np.sqrt(expected * (1 - expected) / len(x))
    assert (np.abs(found - expected) < 4.5 * errors + 1e-4).all()


def test_a_completion_after_padding_begins_anew():
    model = random_model()
    x = np.array([[0, 1, -1, 0], [2, 2, -1, 0]], "int32")
    mask = np.array([[True, True, True, False]] * 2)
    drawn = model.complete(x, mask, temperature=0.0).numpy()
    first = model.sample(1, length=1, temperature=0.0).numpy()[0, 0]
    np.testing.assert_array_equal(drawn[:, 3], [first, first])
    np.testing.assert_array_equal(drawn[:, :3], x[:, :3])


def test_neither_unseen_symbols_nor_the_penalty_break_adapt():
    x = np.zeros((4, 6), "int32")
    model = CategoricalAutoregressiveModel(3, order=2)
    model.adapt(x)
    assert np.isfinite(model.log_prob(x)).all()
    assert (model.log_prob(x).numpy() > -1e-2).all()
    free = np.abs(model.kernel.numpy()).max()
    model.adapt(x, l2=1.0)
    assert np.abs(model.kernel.numpy()).max() < free


def test_parameters_as_counted_by_hand():
    linear = CategoricalAutoregressiveModel(5, order=3)
    assert linear.count_params() == 3 * 6 * 5 + 5
    neural = CategoricalAutoregressiveModel(
        5, order=3, hidden_units=(7,), embedding_dim=2
    )
    assert neural.count_params() == 6 * 2 + (6 * 7 + 7) + (7 * 5 + 5)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: random_model(num_states=1), "`num_states` must be an int"),
        (lambda: random_model(order=0), "`order` must be positive"),
        (lambda: random_model(hidden_units=[0]), "`hidden_units` must be"),
        (lambda: random_model(hidden_units=[2]).adapt([[1]]), "by `fit`"),
        (lambda: random_model().adapt([[1]], l2=-1.0), "`l2` must not"),
        (lambda: random_model().adapt([[-1]]), "received no symbol"),
        (lambda: random_model().log_prob([[0, 3]]), "ids from 0 to 2"),
        (lambda: random_model().log_prob([[0.0]]), "must hold integers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()
