import numpy as np
import pytest

from keras_genseq.models import RecurrentNoteModel


def rolls(rows=3, steps=7, notes=4):
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, (rows, steps, notes)).astype("float32")


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
def test_sees_only_earlier_steps(cell):
    model = RecurrentNoteModel(4, 5, cell=cell, num_layers=2)
    x = rolls()
    changed = x.copy()
    changed[:, 3] = 1.0 - x[:, 3]
    before, after = model(x).numpy(), model(changed).numpy()
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert (before[:, 4:] != after[:, 4:]).any(axis=(0, 2)).all()


def test_a_model_that_knows_nothing_tosses_coins():
    model = RecurrentNoteModel(4, 5)
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    log_prob = model.log_prob(rolls())
    np.testing.assert_allclose(log_prob, -7 * 4 * np.log(2.0), rtol=1e-6)


def test_padding_changes_no_score():
    model = RecurrentNoteModel(4, 5, num_layers=2)
    x = rolls(1, 5)
    padded = np.pad(x, ((0, 0), (0, 3), (0, 0)), constant_values=-1.0)
    np.testing.assert_allclose(model.log_prob(padded), model.log_prob(x))
    assert model.num_steps(padded).numpy().tolist() == [5.0]


def test_drawn_steps_follow_the_full_pass():
    """At temperature 0 every drawn note is the likelier one of its logits."""
    model = RecurrentNoteModel(4, 5, num_layers=2)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    x = model.sample(2, length=9, seed=0, temperature=0.0).numpy()
    np.testing.assert_array_equal(x > 0.5, model(x).numpy() > 0.0)
    shown = np.zeros((2, 9), bool)
    shown[:, :4] = True
    given = np.concatenate([1.0 - x[:, :4], x[:, 4:]], axis=1)
    y = model.complete(given, shown, seed=0, temperature=0.0).numpy()
    np.testing.assert_array_equal(y[:, :4], given[:, :4])
    np.testing.assert_array_equal(y[:, 4:] > 0.5, model(y).numpy()[:, 4:] > 0.0)


def test_samples_follow_the_rates():
    model = RecurrentNoteModel(2, 3)
    model.head.kernel.assign(np.zeros((3, 2)))
    model.head.bias.assign(np.log([0.25 / 0.75, 4.0]))
    x = model.sample(400, length=8, seed=0).numpy()
    np.testing.assert_allclose(x.mean((0, 1)), [0.25, 0.8], atol=0.03)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`num_notes` must be positive"):
        RecurrentNoteModel(0, 5)
