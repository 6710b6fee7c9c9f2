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
    path.write_text("abcdefghij" * 40)
    dataset = characters(7)(load_dataset(f"text:{path}"))
    assert dataset.vocabulary == tuple("abcdefghij")
    ids = rows(dataset, "train")
    assert ids.shape == (52, 7) and ids.dtype == np.int32
    assert (ids.ravel()[360:] == -1).all()
    text = "".join(np.array(dataset.vocabulary)[ids.ravel()[:360]])
    assert text == ("abcdefghij" * 40)[:360]


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


def test_windows_that_do_not_fit_are_shorter_and_say_so():
    raw = load_dataset("noisy_sine")
    dataset = windows(2000)(raw)
    assert rows(dataset, "valid").shape == (1, 96, 1)
    assert rows(dataset, "train").shape == (604 - 95, 96, 1)
    assert "96 steps in place of 2000" in dataset.notes[-1]


def test_the_user_chooses_another_window(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a\n" + "".join(f"{i}.5\n" for i in range(100)))
    dataset = windows(4)(load_dataset(f"series:{path}?length=7"))
    assert rows(dataset, "valid").shape == (4, 7, 1)
    with pytest.raises(ValueError, match=r"valid split .* 10 steps, too few"):
        windows(4)(load_dataset(f"series:{path}?length=11"))


def test_standardized_values_are_recovered_by_the_scale(tmp_path):
    path = tmp_path / "x.csv"
    noise = np.random.RandomState(0).normal(size=400)
    path.write_text("a\n" + "".join(f"{float(1e8 + v)!r}\n" for v in noise))
    raw = load_dataset(f"series:{path}")
    dataset = standardize()(raw)
    x = rows(dataset, "train")
    assert x.dtype == np.float32 and len(np.unique(x)) == 280
    back = np.float64(x) * raw.scale.deviation + raw.scale.mean
    np.testing.assert_allclose(back, rows(raw, "train"), rtol=0, atol=1e-6)


def test_a_short_text_has_shorter_sequences(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("abcde" * 400)
    dataset = characters(8192)(load_dataset(f"text:{path}"))
    assert rows(dataset, "train").shape == (33, 56)
    assert "56 characters in place of 8,192" in dataset.notes[-1]


def test_a_recipe_names_the_kind_of_data_that_it_takes():
    with pytest.raises(ValueError, match="takes data of kind 'text'"):
        characters(5)(load_dataset("digits"))


def test_values_that_float32_does_not_tell_apart_keep_no_units(tmp_path):
    rows = 1e8 + np.random.default_rng(0).normal(size=40)
    path = tmp_path / "a.csv"
    path.write_text("level\n" + "\n".join(f"{row:.4f}" for row in rows))
    dataset = standardize()(load_dataset(f"series:{path}"))
    assert dataset.scale is None
    assert "'level' varies too little for its size" in dataset.notes[-1]
    path.write_text("level\n" + "\n".join(["1e8"] * 40))
    assert standardize()(load_dataset(f"series:{path}")).scale is not None
