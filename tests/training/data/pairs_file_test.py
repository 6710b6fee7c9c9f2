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
        ("a\t \n", "at least 3 different sources.*Received: 0"),
        ("a\tb\na\tc\n", "at least 3 different sources.*Received: 1"),
        ("", "is empty"),
    ],
)
def test_bad_lines_are_explained(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        load_pairs_file(_write(tmp_path, text))


LINES = [(f"ein Haus {i}", f"a house {i}") for i in range(30)]


@pytest.mark.parametrize(
    "before, make, note",
    [
        ("", lambda s, t: f"{s}\t{t}\tCC-BY {s}", "of 30 lines, as 'CC-BY ein"),
        ("", lambda s, t: f"7\t{s}\t8\t{t}", "Columns 2 and 4"),
        ("Source\tTarget\n", lambda s, t: f"{s}\t{t}", "read as titles"),
        ("de_DE\ten_US\n", lambda s, t: f"{s}\t{t}", "read as titles"),
        ("Source text\tTarget text\n", lambda s, t: f"{s}\t{t}", "titles"),
        ("", lambda s, t: f"{s[9:]}\t{s}\t{t}", "Columns 2 and 3"),
        ("", lambda s, t: f"de\ten\t{s}\t{t}", "Columns 3 and 4"),
        ("", lambda s, t: f'"{s}"\t"{t}"', "Quotes around all"),
        ("\ta\nb\t\n", lambda s, t: f"{s}\t{t}", "2 pairs with an empty side"),
    ],
    ids=[
        *("licence", "numbers", "titles", "codes", "words"),
        *("number", "languages", "quotes", "empty"),
    ],
)
def test_what_is_left_out_is_told(tmp_path, before, make, note):
    text = before + "\n".join(make(*pair) for pair in LINES)
    dataset = load_pairs_file(_write(tmp_path, text))
    parts = [_rows(dataset, split) for split in dataset.splits]
    assert sorted(itertools.chain(*parts)) == sorted(LINES)
    (said,) = dataset.notes
    assert note in said


@pytest.mark.parametrize("mark", [",", ";"])
def test_a_csv_file_of_two_columns(tmp_path, mark):
    path = tmp_path / "pairs.csv"
    text = "".join(f'"{s}{mark} ""a"""{mark}"{t}"\n' for s, t in LINES)
    path.write_text(f"source{mark}target\n" + text)
    dataset = load_pairs_file(path)
    parts = [_rows(dataset, split) for split in dataset.splits]
    assert sorted(itertools.chain(*parts)) == sorted(
        (f'{s}{mark} "a"', t) for s, t in LINES
    )
    path.write_text(text + mark.join("abc"))
    with pytest.raises(ValueError, match=r"Line 31 .* must have 2 cells"):
        load_pairs_file(path)
    path.write_text("one\ntwo\n")
    with pytest.raises(ValueError, match=r"two columns.*'one'"):
        load_pairs_file(path)


def test_pairs_need_no_notes(tmp_path):
    text = "\n".join("\t".join(pair) for pair in LINES)
    assert load_pairs_file(_write(tmp_path, text)).notes == ()
