"""Pairs of domains that are known by name."""

import json

import numpy as np
import pytest
import tensorflow as tf

from training.data import as_array
from training.data import load_dataset


def images(dataset, name, split):
    examples = dataset.domain(name).splits[split]
    return as_array(examples.map(lambda example: example["image"]))


@pytest.mark.parametrize("size", [16, 32])
def test_patches_of_two_photographs(size):
    option = "" if size == 32 else f"?size={size}"
    dataset = load_dataset(f"domains:photographs{option}")
    assert dataset.element_shape == {"a": (size, size, 3), "b": (size, size, 3)}
    count = (427 // size) * (640 // size)
    for name in "ab":
        parts = [images(dataset, name, split) for split in dataset.splits]
        assert sum(map(len, parts)) == count
        everything = np.concatenate(parts)
        assert everything.min() >= 0.0 and everything.max() <= 1.0
    # A pale sky and a dark background.
    temple, flower = (images(dataset, name, "train").mean() for name in "ab")
    assert temple > flower + 0.2


@pytest.mark.parametrize("size", [16, 24])
def test_digits_in_two_styles_are_not_paired(size):
    option = "" if size == 16 else f"?size={size}"
    dataset = load_dataset(f"domains:digits{option}")
    assert dataset.element_shape == {"a": (size, size, 3), "b": (size, size, 3)}
    for split, counts in (("train", (649, 648)), ("test", (125, 125))):
        x, y = (images(dataset, name, split) for name in "ab")
        assert (len(x), len(y)) == counts
        # White on green, red on blue; strokes are the light of both.
        assert x[..., 1].mean() > x[..., 0].mean()
        assert y[..., 2].min() > 0.19 and y[..., 2].max() < 0.26
        assert min(x.min(), y.min()) >= 0.0 and max(x.max(), y.max()) <= 1.0
        # Thin strokes, and broad ones: shares of their colors, by red.
        thin = (x[..., 0].mean() - 0.10) / (0.97 - 0.10)
        broad = (y[..., 0].mean() - 0.05) / (1.00 - 0.05)
        assert 0.0 < 1.2 * thin < broad


def _sheet(path, count, color):
    """A sheet of 32 tiles in a row; the last ones are white."""
    sheet = np.full((64, 32 * 64, 3), 255, "uint8")
    for i in range(count):
        sheet[:, 64 * i : 64 * (i + 1)] = np.array(color) * (i + 1) // count
    path.write_bytes(tf.io.encode_jpeg(sheet, quality=100).numpy())


def test_horses_and_zebras_are_cut_out_of_sheets(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    folder = tmp_path / "horse2zebra"
    folder.mkdir()
    counts = {"trainA": 12, "trainB": 20, "testA": 3, "testB": 5}
    for part, count in counts.items():
        _sheet(folder / f"{part}.jpg", count, [200, 40, 40 * (part[-1] == "A")])
    names = {part: ["name"] * count for part, count in counts.items()}
    (folder / "names.json").write_text(json.dumps(names))
    dataset = load_dataset("domains:horse2zebra")
    sizes = {
        name: [dataset.domain(name).size(s) for s in dataset.splits]
        for name in "ab"
    }
    assert sizes == {"a": [11, 1, 3], "b": [18, 2, 5]}
    test = images(dataset, "a", "test")
    assert test.shape == (3, 64, 64, 3)
    # Tiles in their order, each of one color.
    expected = np.array([200, 40, 40]) / 255.0 * np.arange(1, 4)[:, None] / 3
    np.testing.assert_allclose(test.mean((1, 2)), expected, atol=0.02)
    assert test.std((1, 2)).max() < 0.02


def test_digits_of_two_kinds_have_labels(shared_data, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(shared_data))
    dataset = load_dataset("domains:mnist,usps?size=20")
    assert dataset.element_shape == {"a": (20, 20, 1), "b": (20, 20, 1)}
    for name, count in (("a", 10_000), ("b", 2_007)):
        test = dataset.domain(name).splits["test"]
        assert int(test.cardinality()) == count
        labels = as_array(test.map(lambda e: e["label"]), 500)
        assert set(labels) == set(range(10))
        x = as_array(test.map(lambda e: e["image"]), 100)
        assert x.min() >= 0.0 and 0.9 < x.max() <= 1.0


@pytest.mark.parametrize("name", ["horse2zebra", "mnist,usps"])
def test_missing_files_are_named(tmp_path, monkeypatch, name):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="Let KERAS_GENSEQ_DATA name"):
        load_dataset(f"domains:{name}")
