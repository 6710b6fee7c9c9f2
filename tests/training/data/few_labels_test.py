import numpy as np
import pytest

from training.data import as_array
from training.data import load_dataset
from training.data import model_examples
from training.data import model_inputs
from training.data import training_batches
from training.data.few_labels import few_labels


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def test_a_few_examples_stand_beside_all(digits):
    few = few_labels(30)(digits)
    rows = list(few.splits["train"].as_numpy_iterator())
    plain = list(digits.splits["train"].as_numpy_iterator())
    assert len(rows) == len(plain)
    beside = {}
    for row, original in zip(rows, plain, strict=True):
        np.testing.assert_array_equal(row["x"], original["image"])
        image, label = row["y"]
        beside[image.tobytes()] = label
    assert np.bincount(list(beside.values())).tolist() == [3] * 10
    known = {p["image"].tobytes(): p["label"] for p in plain}
    assert all(known[image] == label for image, label in beside.items())


def test_the_seed_chooses(digits):
    def chosen(seed):
        rows = few_labels(10, seed)(digits).splits["train"].take(10)
        return np.stack([row["y"][0] for row in rows.as_numpy_iterator()])

    np.testing.assert_array_equal(chosen(1), chosen(1))
    assert (chosen(1) != chosen(2)).any()


def test_other_splits_have_their_own_classes(digits):
    few = few_labels(10)(digits)
    for row in few.splits["test"].take(5).as_numpy_iterator():
        np.testing.assert_array_equal(row["x"], row["y"][0])
        assert row["y"][1] == row["label"]


def test_a_batch_holds_any_images_and_some_with_their_labels(digits):
    examples = model_examples(few_labels(20)(digits).splits["train"])
    batches = training_batches(examples, batch_size=4, seed=0)
    images = as_array(model_inputs(digits.splits["train"]))
    labels = as_array(digits.splits["train"].map(lambda e: e["label"]))

    def places(rows):
        """Which images of the training split these are."""
        rows = rows.numpy()
        return [np.flatnonzero((images == r).all((1, 2, 3)))[0] for r in rows]

    seen, labelled_ones = set(), set()
    for x, (labelled, classes) in batches.take(20):
        assert classes.numpy().tolist() == labels[places(labelled)].tolist()
        seen.update(places(x))
        labelled_ones.update(places(labelled))
    # Any image, and beside it one of the few with a label.
    assert len(seen) == 80 and 10 < len(labelled_ones) <= 20


@pytest.mark.parametrize("num_labels", [15, 0, 10_000])
def test_names_what_is_wrong(digits, num_labels):
    with pytest.raises(ValueError, match=f"num_labels={num_labels}"):
        few_labels(num_labels)(digits)


def test_labels_are_needed(digits):
    unlabelled = {
        name: split.map(lambda e: {"image": e["image"]})
        for name, split in digits.splits.items()
    }
    with pytest.raises(ValueError, match="needs examples with `label`"):
        few_labels(10)(type(digits)(**{**vars(digits), "splits": unlabelled}))
