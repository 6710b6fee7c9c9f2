import numpy as np
import pytest

from training.data import load_dataset
from training.data.memory_tasks import copy_baseline


def pairs(dataset, split, count=400):
    rows = list(dataset.splits[split].take(count).as_numpy_iterator())
    return [np.stack([row[key] for row in rows]) for key in ("x", "y")]


def test_the_sum_of_one_marked_number_in_each_half():
    dataset = load_dataset("adding:20")
    x, y = pairs(dataset, "test", 2000)
    assert x.shape == (2000, 20, 2) and y.shape == (2000, 1, 1)
    values, markers = x[..., 0], x[..., 1]
    np.testing.assert_array_equal(markers[:, :10].sum(1), 1.0)
    np.testing.assert_array_equal(markers[:, 10:].sum(1), 1.0)
    np.testing.assert_allclose(y[:, 0, 0], (values * markers).sum(1), rtol=1e-6)
    # Saying 1 costs the variance of the sum, 1/6.
    assert np.mean((y - 1.0) ** 2) == pytest.approx(1 / 6, rel=0.1)


def test_the_symbols_come_back_after_the_delimiter():
    dataset = load_dataset("copy:30")
    assert dataset.num_classes == 9
    x, y = pairs(dataset, "train")
    assert x.shape == y.shape == (400, 50)
    symbols = x[:, :10]
    assert set(np.unique(symbols)) == set(range(1, 9))
    np.testing.assert_array_equal(y[:, 40:], symbols)
    np.testing.assert_array_equal(y[:, :40], 0)
    assert (x[:, 39] == 10).all()
    rest = np.delete(x[:, 10:], 29, axis=1)
    assert (rest == 9).all()


def test_splits_differ_and_repeat():
    for source in ("adding:10", "copy:10"):
        first, again = load_dataset(source), load_dataset(source)
        x, _ = pairs(first, "train", 50)
        np.testing.assert_array_equal(x, pairs(again, "train", 50)[0])
        for split in ("valid", "test"):
            assert (x != pairs(first, split, 50)[0]).any()


def test_baselines_of_the_literature():
    assert copy_baseline(100) == pytest.approx(0.173, abs=5e-4)
    assert copy_baseline(500) == pytest.approx(0.040, abs=5e-4)
    assert copy_baseline(1000) == pytest.approx(0.0204, abs=5e-5)


@pytest.mark.parametrize("source", ["adding:1", "adding:x", "copy:0"])
def test_names_a_length_that_cannot_be(source):
    task = source.split(":")[0]
    with pytest.raises(ValueError, match=f"`{task}:T` needs a number"):
        load_dataset(source)
