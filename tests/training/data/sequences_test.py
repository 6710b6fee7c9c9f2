import numpy as np
import pytest

from training.data import load_dataset
from training.data.sequences import characters
from training.data.sequences import standardize
from training.data.sequences import windows


def rows(dataset, split):
    return np.stack([e["x"] for e in dataset.splits[split].as_numpy_iterator()])


def test_characters_read_back_as_the_text(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("abcdefghij" * 10)
    dataset = characters(7)(load_dataset(f"text:{path}"))
    assert dataset.vocabulary == tuple("abcdefghij")
    ids = rows(dataset, "train")
    assert ids.shape == (13, 7) and ids.dtype == np.int32
    assert (ids.ravel()[90:] == -1).all()
    text = "".join(np.array(dataset.vocabulary)[ids.ravel()[:90]])
    assert text == ("abcdefghij" * 10)[:90]


def test_python_docs_are_text_that_is_not_repeated():
    dataset = characters(8192)(load_dataset("python_docs"))
    assert dataset.kind == "tokens" and len(dataset.vocabulary) > 90
    assert np.sum(rows(dataset, "train") >= 0) > 300_000


def test_standardize_looks_at_the_training_split_alone():
    dataset = standardize()(load_dataset("noisy_sine"))
    train = rows(dataset, "train")
    assert abs(train.mean()) < 1e-5 and abs(train.std() - 1.0) < 1e-5
    assert abs(rows(dataset, "test").std() - 1.0) > 0.01


def test_windows_slide_over_the_series():
    raw = load_dataset("noisy_sine")
    dataset = windows(10, stride=3)(raw)
    x = rows(raw, "valid")[0]
    np.testing.assert_array_equal(
        rows(dataset, "valid"), [x[i : i + 10] for i in range(0, 87, 3)]
    )
    with pytest.raises(ValueError, match="no series of 2000 steps"):
        windows(2000)(raw)


def test_a_recipe_names_the_kind_of_data_that_it_takes():
    with pytest.raises(ValueError, match="takes data of kind 'text'"):
        characters(5)(load_dataset("digits"))


def test_csv_columns_become_channels(tmp_path):
    path = tmp_path / "x.csv"
    lines = [f"day {i},{i},{-i}" for i in range(20)]
    path.write_text("\n".join(["date,a,b", *lines]))
    dataset = load_dataset(f"series:{path}")
    assert rows(dataset, "train").shape == (1, 14, 2)
    np.testing.assert_array_equal(rows(dataset, "test")[0, 0], [16.0, -16.0])
    path.write_text("date,a\nday,much\n")
    with pytest.raises(ValueError, match="must hold numbers in every column"):
        load_dataset(f"series:{path}")


def test_benchmark_rows_of_etth1(shared_data, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(shared_data))
    dataset = load_dataset("series:ETTh1")
    shapes = [rows(dataset, s).shape for s in ("train", "valid", "test")]
    assert shapes == [(1, 8640, 7), (1, 2880, 7), (1, 2880, 7)]
    assert dataset.season == 24
