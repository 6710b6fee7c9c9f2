"""Images with binary attributes: folders of one's own, and faces."""

import csv

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from training.data import load_dataset
from training.data.labelled_images import with_domains


@pytest.fixture
def load(tmp_path):
    for i in range(10):
        pixels = np.full((8, 8, 1), 10 * i, "uint8")
        Image.fromarray(pixels[..., 0]).save(tmp_path / f"{i}.png")

    def write_and_load(lines, option=""):
        text = "\n".join(lines)
        (tmp_path / "attributes.csv").write_text(text)
        return load_dataset(f"attributes:{tmp_path}{option}")

    return write_and_load


def rows(dataset):
    return {
        round(float(row["image"].max()) * 25.5): row
        for split in dataset.splits.values()
        for row in split.as_numpy_iterator()
    }


GOOD = ["file,even,large", *(f"{i}.png,{1 - i % 2},{-1}" for i in range(10))]


def test_attributes_stand_beside_their_images(load):
    dataset = load(GOOD)
    assert dataset.kind == "images" and dataset.element_shape == (8, 8, 1)
    assert dataset.class_names == ("even", "large")
    assert dataset.num_classes is None
    found = rows(dataset)
    assert sorted(found) == list(range(10))
    for i, row in found.items():
        assert row["attributes"].tolist() == [1 - i % 2, 0]
    assert load(GOOD, "?size=4").element_shape == (4, 4, 1)
    targets = with_domains(dataset.splits["train"])
    assert targets.element_spec["y"] == tf.TensorSpec((2,), tf.float32)


@pytest.mark.parametrize(
    "lines, words",
    [
        (["file", "0.png", "1.png", "2.png"], "names of the attributes"),
        (GOOD[:3], "at least 3 images"),
        ([*GOOD, "1.png,1"], "Line 12 .* for each of even, large"),
        ([*GOOD, "1.png,1,2"], "must be a file and 1, 0 or -1"),
        ([*GOOD, "x.png,1,0"], "no such file"),
        ([*GOOD, "1.png,1,0"], "one line for each file. .*'1.png' in 2 lines"),
    ],
)
def test_bad_lines_are_named(load, lines, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        load(lines)


def test_a_file_of_names_that_differ_is_asked_for(load, tmp_path):
    lines = [line + ",1" for line in GOOD[1:]]
    with pytest.raises(ValueError, match=r"name of its own.*'hat' 2 times"):
        load(["file,hat,smile,hat", *lines])
    (tmp_path / "attributes.csv").unlink()
    with pytest.raises(FileNotFoundError, match="1 or 0 for each attribute"):
        load_dataset(f"attributes:{tmp_path}")


def test_images_without_domains_are_refused(load):
    split = load(GOOD).splits["train"].map(lambda e: {"image": e["image"]})
    with pytest.raises(ValueError, match="give folders as classes"):
        with_domains(split)


def test_faces_are_cut_out_of_sheets(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    folder = tmp_path / "utkface"
    folder.mkdir()
    lines = [["split", "index", "id", "age", "female"]]
    for part, count in (("train", 12), ("test", 3)):
        sheet = np.zeros((64, 32 * 64, 3), "uint8")
        sheet[:, : 64 * count] = np.arange(count).repeat(64)[None, :, None] * 20
        jpeg = tf.io.encode_jpeg(sheet, quality=100).numpy()
        (folder / f"{part}.jpg").write_bytes(jpeg)
        lines += [
            [part, i, "0", [39, 40][i % 2], i % 3 == 0] for i in range(count)
        ]
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [int(c) if isinstance(c, bool) else c for c in line]
            for line in lines
        )
    dataset = load_dataset("attributes:utkface")
    assert [dataset.size(split) for split in dataset.splits] == [11, 1, 3]
    assert dataset.element_shape == (64, 64, 3)
    assert dataset.class_names == ("female", "from_40_on")
    test = list(dataset.splits["test"].as_numpy_iterator())
    assert [row["attributes"].tolist() for row in test] == [
        [1, 0],
        [0, 1],
        [0, 0],
    ]
    for i, row in enumerate(test):
        np.testing.assert_allclose(row["image"], 20 * i / 255, atol=0.01)
