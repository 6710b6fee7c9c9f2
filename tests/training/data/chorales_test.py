import json

import numpy as np
import pytest

from training.data import as_array
from training.data import load_dataset
from training.data import model_inputs
from training.data.dataset import DataUnavailableError


@pytest.fixture
def pieces(tmp_path):
    path = tmp_path / "pieces.json"
    parts = {
        "train": [[[21, 60], [], [108]], [[60]]],
        "valid": [[[60]]],
        "test": [[[61], [62]]],
    }
    path.write_text(json.dumps(parts))
    return path


def test_steps_become_rows_of_keys_and_shorter_pieces_are_padded(pieces):
    dataset = load_dataset(f"chorales:{pieces}")
    assert dataset.kind == "notes" and dataset.element_shape == (3, 88)
    train = as_array(model_inputs(dataset.splits["train"]))
    assert np.flatnonzero(train[0, 0]).tolist() == [0, 39]
    assert not train[0, 1].any()
    assert np.flatnonzero(train[0, 2]).tolist() == [87]
    assert (train[1, 1:] == -1.0).all() and train[1, 0].sum() == 1.0
    assert "2 / 1 / 1 pieces of 4 / 1 / 2 steps" in dataset.description


@pytest.mark.parametrize(
    "content",
    ['{"train": []}', "[1]", "no json", '{"train": [[[20]]]}'],
    ids=["splits", "list", "text", "pitch"],
)
def test_other_files_are_refused(pieces, content):
    pieces.write_text(content)
    with pytest.raises(ValueError, match="keys train, valid and test"):
        load_dataset(f"chorales:{pieces}")


@pytest.mark.parametrize(
    "pitch", [20, 109, -1, 60.7, True, "60", None, float("nan")]
)
def test_pitches_off_the_piano_are_named(pieces, pitch):
    parts = {"train": [[[60]], [[60], [61, pitch]]]}
    parts |= {"valid": [[[60]]], "test": [[[60]]]}
    pieces.write_text(json.dumps(parts))
    with pytest.raises(
        ValueError, match=r"train piece 1 .*, step 1, .* from 21 to 108"
    ):
        load_dataset(f"chorales:{pieces}")


def test_whole_pitches_may_be_floats(pieces):
    part = [[[60.0]]]
    pieces.write_text(json.dumps({"train": part, "valid": part, "test": part}))
    assert load_dataset(f"chorales:{pieces}").size("train") == 1


@pytest.mark.parametrize(
    "part, message",
    [
        ([], "none in train"),
        ([[60]], "step 0, must be a list of pitches"),
        ([5], "piece 0 .* must be a list of steps"),
        ([[]], "not empty"),
    ],
)
def test_other_nesting_is_named(pieces, part, message):
    good = [[[60]]]
    pieces.write_text(json.dumps({"train": part, "valid": good, "test": good}))
    with pytest.raises(ValueError, match=message):
        load_dataset(f"chorales:{pieces}")


def test_an_absent_file_is_named():
    with pytest.raises(DataUnavailableError, match="KERAS_GENSEQ_DATA"):
        load_dataset("chorales:absent")


@pytest.mark.parametrize("name", ["a.mid", "folder"])
def test_what_is_no_file_of_pitches_is_told(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.mid").write_bytes(b"MThd")
    with pytest.raises(DataUnavailableError, match=rf"{name}' is no JSON file"):
        load_dataset(f"chorales:{tmp_path / name}")


def test_a_file_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="must hold the keys train"):
        load_dataset(f"chorales:{path}")


def test_cadences_are_the_same_every_time():
    first, second = (
        as_array(model_inputs(load_dataset("cadences").splits["train"]))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape == (200, 32, 88)
    real = first[first[..., 0] >= 0.0]
    assert set(real.sum(1)) == {4.0}


def test_the_quarter_notes_of_the_chorales(shared_data):
    dataset = load_dataset("chorales:jsb-chorales-quarter")
    words = "229 / 76 / 77 pieces of 13,807 / 4,602 / 4,725 steps"
    assert words in dataset.description
