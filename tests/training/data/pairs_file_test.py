import itertools

import pytest

from training.data.pairs_file import load_pairs_file


def _write(tmp_path, text):
    path = tmp_path / "pairs.tsv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def _rows(dataset, split):
    return [
        (row["source"].decode(), row["target"].decode())
        for row in dataset.splits[split].as_numpy_iterator()
    ]


def test_splits_are_disjoint_in_sources_and_complete(tmp_path):
    lines = [(f"ein Haus {i % 40}", f"a house {i}") for i in range(80)]
    text = "".join(f"{source}\t{target}\r\n\n" for source, target in lines)
    dataset = load_pairs_file(_write(tmp_path, text))
    parts = {split: _rows(dataset, split) for split in dataset.splits}
    assert sorted(itertools.chain(*parts.values())) == sorted(lines)
    sources = [{source for source, _ in part} for part in parts.values()]
    assert [len(part) for part in sources] == [36, 2, 2]
    assert len(set.union(*sources)) == 40
    again = load_pairs_file(_write(tmp_path, text))
    assert _rows(again, "test") == parts["test"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("a\tb\nc d\n", "Line 2 of .* must be source, one tab, target"),
        ("a\tb\tc\n", "Line 1"),
        ("a\t \n", "neither of them empty"),
        ("a\tb\na\tc\n", "at least 3 different sources.*Received: 1"),
        ("", "is empty"),
    ],
)
def test_bad_lines_are_explained(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        load_pairs_file(_write(tmp_path, text))
