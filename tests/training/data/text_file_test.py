import gzip

import pytest

from training.data.text_file import load_text_file

TEXT = "".join(chr(ord("a") + i % 26) for i in range(198)) + "é\n"


def _read(dataset, split):
    (example,) = dataset.splits[split].as_numpy_iterator()
    return example["text"].decode()


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
def test_parts_are_contiguous_and_complete(tmp_path, suffix):
    path = tmp_path / f"book{suffix}"
    content = TEXT.encode()
    path.write_bytes(gzip.compress(content) if suffix[-2:] == "gz" else content)
    dataset = load_text_file(path)
    parts = [_read(dataset, split) for split in ("train", "valid", "test")]
    assert "".join(parts) == TEXT
    assert [len(part) for part in parts] == [180, 10, 10]
    assert dataset.kind == "text"


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"]
)
def test_byte_order_marks_tell_the_encoding(tmp_path, encoding):
    path = tmp_path / "book.txt"
    mark = "\ufeff" if encoding.endswith("be") else ""
    path.write_bytes((mark + TEXT).encode(encoding))
    parts = load_text_file(path)
    read = [_read(parts, split) for split in ("train", "valid", "test")]
    assert "".join(read) == TEXT


def test_gzip_is_found_under_a_plain_name(tmp_path):
    path = tmp_path / "book.txt"
    path.write_bytes(gzip.compress(TEXT.encode()))
    assert _read(load_text_file(path), "train") == TEXT[:180]


def test_lines_end_alike_whoever_wrote_them(tmp_path):
    path = tmp_path / "book.txt"
    path.write_bytes(b"a line\r\n" * 20)
    assert "\r" not in _read(load_text_file(path), "train")
    path.write_bytes(b"a line\r" * 20)
    assert _read(load_text_file(path), "train").startswith("a line\na line\n")
    # Here it is no end of a line, which a line feed is.
    path.write_bytes(b"50 %\r100 %\n" * 20)
    assert _read(load_text_file(path), "train").startswith("50 %\r100 %\n")


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.txt", b"caf\xe9 " * 50, "byte at offset 3 is not valid UTF-8"),
        ("a.txt", b"ab\ncaf\xe9", "offset 6 is not .* in line 2"),
        ("a.txt", "abc".encode("utf-16-le") * 9, "position 1 is a zero"),
        ("a.txt", b"\xff\xfe" + b"a\0" * 9 + b"b", "mark of UTF-16, but"),
        ("a.csv", b"PK\3\4\x14\0\6\0" + b"\xee" * 90, "workbooks of Excel are"),
        ("a.csv", b"PK\3\4\x14\0" + b"a" * 90, "must be text, but it is a ZIP"),
        ("a.csv", b"\xd0\xcf\x11\xe0" + b"a" * 90, "old file of Excel or Word"),
        ("a.txt", b"%PDF-1.7\n\xe2\xe3" * 9, "but it is a PDF"),
        ("a.txt", b"BZh91AY&SY\xff" * 9, "packed by bzip2. Unpack it"),
        ("a.txt", b"", "is empty"),
        ("a.txt", b" \n\n", "is empty"),
        ("a.txt", b"abc", "at least 20 characters. Received: 3"),
        ("a.gz", b"abc", "no whole gzip file"),
        (
            "a.gz",
            gzip.compress(b"abc" * 99, mtime=0)[:-9],
            "no whole gzip file",
        ),
    ],
)
def test_bad_text_is_explained(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_text_file(tmp_path / name)


def test_missing_file_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_text_file(tmp_path / "none.txt")


def test_a_folder_has_a_file_for_each_split(tmp_path):
    (tmp_path / "train.txt").write_text("to learn from")
    (tmp_path / "valid.txt").write_text("to choose by")
    (tmp_path / "test.txt.gz").write_bytes(gzip.compress(b"to judge by"))
    dataset = load_text_file(tmp_path)
    assert _read(dataset, "train") == "to learn from"
    assert _read(dataset, "test") == "to judge by"
    (tmp_path / "valid.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"valid\.txt"):
        load_text_file(tmp_path)


def test_a_folder_of_other_files_is_told(tmp_path):
    (tmp_path / "book.txt").write_text("a long story")
    with pytest.raises(FileNotFoundError, match=r"one of its files.*book\.txt"):
        load_text_file(tmp_path)


def test_rich_text_is_no_text(tmp_path):
    (tmp_path / "a.rtf").write_text("{\\rtf1 a long story}" * 9)
    with pytest.raises(ValueError, match="it is rich text, RTF"):
        load_text_file(tmp_path / "a.rtf")


def test_a_known_file_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    (tmp_path / "sea").mkdir()
    (tmp_path / "sea" / "known.txt").write_text("sea and snow. " * 40)
    assert load_text_file("sea/known.txt").kind == "text"
