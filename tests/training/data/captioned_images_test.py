import numpy as np
import pytest
from PIL import Image

from training.data import load_dataset


@pytest.fixture
def load(tmp_path):
    (tmp_path / "more").mkdir()
    for i in range(10):
        pixels = np.full((4, 5, 3), 10 * i, "uint8")
        Image.fromarray(pixels).save(tmp_path / "more" / f"{i}.png")

    def write_and_load(lines):
        text = "\n".join("\t".join(line) for line in lines)
        (tmp_path / "captions.tsv").write_text(text)
        return load_dataset(f"captions:{tmp_path}")

    return write_and_load


def _rows(dataset):
    return {
        round(float(row["image"].max()) * 25.5): row
        for split in dataset.splits.values()
        for row in split.as_numpy_iterator()
    }


def test_captions_stand_beside_their_images(load):
    lines = [("file", "caption", "class")]
    lines += [(f"more/{i}.png", f"image {i}", f"c{i % 2}") for i in range(9)]
    lines += [("more/3.png", "again the third", "c1")]
    dataset = load(lines)
    assert dataset.kind == "captions" and dataset.element_shape == (4, 5, 3)
    assert dataset.class_names == ("c0", "c1")
    rows = _rows(dataset)
    assert sorted(rows) == list(range(9))
    assert rows[3]["captions"].tolist() == [b"image 3", b"again the third"]
    assert rows[4]["captions"].tolist() == [b"image 4", b""]
    assert [rows[i]["label"] for i in range(9)] == [i % 2 for i in range(9)]
    assert "Line 1 of captions.tsv is read as titles." in dataset.notes
    assert "Left out: 1 image without a caption." in dataset.notes


def test_classes_are_optional(load):
    dataset = load([(f"more/{i}.png", "a caption") for i in range(10)])
    assert dataset.num_classes is None
    assert set(dataset.splits["train"].element_spec) == {"image", "captions"}


@pytest.mark.parametrize(
    "written, caption",
    [
        ('"a ""big"" dog"', 'a "big" dog'),
        ('"a, b"', "a, b"),
        ('"what a dog!"', '"what a dog!"'),
        ('the "big" dog', 'the "big" dog'),
    ],
)
def test_quotes_that_a_program_for_tables_wrote_are_taken_off(
    load, written, caption
):
    dataset = load([(f"more/{i}.png", written) for i in range(10)])
    captions = {row["captions"][0].decode() for row in _rows(dataset).values()}
    assert captions == {caption}


GOOD = [(f"more/{i}.png", "a caption", "c") for i in range(3)]


def test_one_file_of_two_names_is_one_image(load):
    lines = [(f"more/{i}.png", f"image {i}") for i in range(10)]
    dataset = load([*lines, ("./more/3.png", '"a ""red"" one, too"')])
    rows = _rows(dataset)
    assert sum(dataset.size(split) for split in dataset.splits) == 10
    assert rows[3]["captions"].tolist() == [b"image 3", b'a "red" one, too']


@pytest.mark.parametrize(
    "lines, message",
    [
        ([*GOOD, ("more/4.png",)], "Line 4 .* must be file, tab, caption"),
        ([*GOOD, ("more/4.png", "", "c")], "Line 4"),
        ([*GOOD, ("more/99.png", "x", "c")], "Line 4 .*'more/99.png'"),
        ([*GOOD, ("more/0.png", "x", "d")], "Line 4 .* another class"),
        ([*GOOD, ("more/0.png", "x")], "Line 4 .* another class"),
        ([*GOOD, ("more/5.png", "x")], "none for 'more/5.png'"),
        ([("image_name", "comment", "c"), *GOOD], "Titles are file, caption"),
        (GOOD[:2], "at least 3 images"),
    ],
)
def test_bad_lines_are_named(load, lines, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load(lines)


def test_the_table_of_captions_is_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"captions\.tsv.*a tab"):
        load_dataset(f"captions:{tmp_path}")
