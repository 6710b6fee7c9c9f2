import gzip

import pytest

from training.data import load_dataset

LINES = {
    "train": (["Ein Haus\x85.", "Zwei", ""], ["A house.", "Two", "Nothing"]),
    "val": (["Drei"], ["Three"]),
    "test_2016": (["Vier", "Fünf"], ["Four", "Five"]),
}


@pytest.fixture
def folder(tmp_path):
    for split, (german, english) in LINES.items():
        text = "\n".join(german) + "\n"
        (tmp_path / f"{split}.de.gz").write_bytes(gzip.compress(text.encode()))
        (tmp_path / f"{split}.en").write_text("\n".join(english))
    return tmp_path


def rows(dataset, split):
    return [
        (row["source"].decode(), row["target"].decode())
        for row in dataset.splits[split].as_numpy_iterator()
    ]


def test_lines_of_two_files_are_pairs_in_either_direction(folder):
    dataset = load_dataset(f"parallel:{folder}/de-en")
    assert dataset.kind == "pairs"
    assert rows(dataset, "train") == [
        ("Ein Haus\x85.", "A house."),
        ("Zwei", "Two"),
    ]
    assert rows(dataset, "test") == [("Vier", "Four"), ("Fünf", "Five")]
    back = load_dataset(f"parallel:{folder}/en-de")
    assert rows(back, "valid") == [("Three", "Drei")]


def test_a_folder_is_found_below_the_data(folder, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(folder.parent))
    dataset = load_dataset(f"parallel:{folder.name}/de-en")
    assert dataset.size("train") == 2


def test_errors(folder):
    with pytest.raises(ValueError, match="FOLDER/SOURCE-TARGET"):
        load_dataset(f"parallel:{folder}")
    with pytest.raises(FileNotFoundError, match=r"train\*\.fr\[\.gz\]"):
        load_dataset(f"parallel:{folder}/fr-en")
    (folder / "val.en").write_text("Three\nFour")
    with pytest.raises(ValueError, match=r"1 lines and val\.en 2"):
        load_dataset(f"parallel:{folder}/de-en")
    (folder / "test_2017.de").write_text("Sechs")
    (folder / "val.en").write_text("Three")
    with pytest.raises(ValueError, match=r"must be one file.*test_2017\.de"):
        load_dataset(f"parallel:{folder}/de-en")
