import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from training.data.image_folder import load_image_folder


def _write(path, shape=(6, 5, 3), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(seed).randint(0, 256, shape).astype("uint8")
    encode = tf.io.encode_png if path.suffix == ".png" else tf.io.encode_jpeg
    path.write_bytes(encode(pixels).numpy())
    return pixels


def _rows(dataset):
    return [
        row
        for split in ("train", "valid", "test")
        for row in dataset.splits[split].as_numpy_iterator()
    ]


def test_sub_folders_are_classes(tmp_path):
    written = {
        _write(tmp_path / name / f"{i}.png", seed=10 * label + i).tobytes(): (
            label
        )
        for label, name in enumerate(("cats", "dogs"))
        for i in range(5)
    }
    dataset = load_image_folder(tmp_path)
    assert [dataset.size(s) for s in dataset.splits] == [8, 1, 1]
    assert dataset.num_classes == 2
    read = {
        np.rint(row["image"] * 255).astype("uint8").tobytes(): row["label"]
        for row in _rows(dataset)
    }
    assert read == written


def test_flat_folder_has_no_labels_and_a_fixed_split(tmp_path):
    for i in range(20):
        _write(tmp_path / f"{i}.jpg", seed=i)
    first, second = load_image_folder(tmp_path), load_image_folder(tmp_path)
    assert first.num_classes is None
    assert set(first.splits["train"].element_spec) == {"image"}
    assert first.splits["train"].element_spec["image"].shape == (6, 5, 3)
    for a, b in zip(_rows(first), _rows(second), strict=True):
        np.testing.assert_array_equal(a["image"], b["image"])


@pytest.mark.parametrize("color, channels", [(1, 1), (3, 3)])
def test_channels_are_those_of_the_richest_image(tmp_path, color, channels):
    for i in range(3):
        _write(tmp_path / f"{i}.png", shape=(6, 5, 1), seed=i)
    _write(tmp_path / "last.png", shape=(6, 5, color))
    assert load_image_folder(tmp_path).element_shape == (6, 5, channels)


def test_kinds_may_be_mixed(tmp_path):
    for i in range(4):
        pixels = _write(tmp_path / f"{i}.png", seed=i)
        Image.fromarray(255 - pixels).save(tmp_path / f"{i}_.webp")
    dataset = load_image_folder(tmp_path)
    assert sum(dataset.size(s) for s in dataset.splits) == 8


def test_resizing_crops_the_centre_square(tmp_path):
    pixels = np.zeros((8, 24, 3), "uint8")
    pixels[:, 8:16] = 255
    for i in range(3):
        encoded = tf.io.encode_png(pixels).numpy()
        (tmp_path / f"{i}.png").write_bytes(encoded)
    dataset = load_image_folder(tmp_path, size=4)
    assert dataset.element_shape == (4, 4, 3)
    for row in _rows(dataset):
        np.testing.assert_allclose(row["image"], 1.0, atol=1e-6)


def test_differing_sizes_name_the_file_and_the_remedy(tmp_path):
    for i in range(3):
        _write(tmp_path / f"{i}.png")
    _write(tmp_path / "odd.png", shape=(7, 5, 3))
    message = r"odd\.png' has 7x5.*images:.*\?size=64"
    with pytest.raises(ValueError, match=message):
        load_image_folder(tmp_path)
    assert load_image_folder(tmp_path, size=4).element_shape == (4, 4, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_files_cut_short_are_explained(tmp_path, suffix):
    for i in range(3):
        _write(tmp_path / f"{i}{suffix}")
    path = tmp_path / f"2{suffix}"
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(ValueError, match=rf"2\{suffix}' cannot be read"):
        load_image_folder(tmp_path)


def test_other_content_is_explained(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"%PDF-1.7")
    with pytest.raises(ValueError, match=r"0\.png' is no image"):
        load_image_folder(tmp_path)


def test_missing_and_empty_folders_are_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        load_image_folder(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="There is no image"):
        load_image_folder(tmp_path)
    _write(tmp_path / "cats" / "0.png")
    with pytest.raises(ValueError, match=r"at least 3 images.*Received: 1"):
        load_image_folder(tmp_path)
    (tmp_path / "dogs").mkdir()
    with pytest.raises(FileNotFoundError, match="fill this one, or remove"):
        load_image_folder(tmp_path)
    _write(tmp_path / "0.png")
    with pytest.raises(ValueError, match="beside sub-folders"):
        load_image_folder(tmp_path)


def test_folders_of_splits_are_splits(tmp_path):
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        for name in "ab"[: 1 if split == "val" else 2]:
            for i in range(count):
                _write(tmp_path / split / name / f"{i}.png", seed=i)
    dataset = load_image_folder(tmp_path)
    assert [dataset.size(s) for s in dataset.splits] == [12, 2, 6]
    assert dataset.class_names == ("a", "b")
    test = dataset.splits["test"].as_numpy_iterator()
    assert [row["label"] for row in test] == [0, 0, 0, 1, 1, 1]
    _write(tmp_path / "test" / "c" / "0.png")
    with pytest.raises(ValueError, match=r"classes of test .* a, b.*: c"):
        load_image_folder(tmp_path)


def test_a_missing_split_is_drawn_from_train(tmp_path):
    for i in range(20):
        _write(tmp_path / "train" / f"{i}.png", seed=i)
    _write(tmp_path / "test" / "0.png")
    _write(tmp_path / "more" / "0.png")
    dataset = load_image_folder(tmp_path)
    assert [dataset.size(s) for s in dataset.splits] == [18, 2, 1]
    assert dataset.num_classes is None
    assert "1 image beside the folders of test, train" in dataset.notes[0]


def test_what_is_hidden_or_no_image_is_counted(tmp_path):
    for name in "ab":
        for i in range(3):
            _write(tmp_path / name / f"{i}.png", seed=i)
    _write(tmp_path / "a" / ".ipynb_checkpoints" / "0-checkpoint.png")
    _write(tmp_path / ".trash" / "0.png")
    (tmp_path / "a" / "readme.txt").write_text("about")
    (tmp_path / "b" / "x.heic").write_bytes(b"?")
    dataset = load_image_folder(tmp_path)
    assert sum(dataset.size(s) for s in dataset.splits) == 6
    for words in ("1 .txt", "1 .heic", "2 images in hidden places"):
        assert words in dataset.notes[0] and words in dataset.description


def test_one_class_alone_is_none(tmp_path):
    for i in range(3):
        _write(tmp_path / "all" / f"{i}.png", seed=i)
    dataset = load_image_folder(tmp_path)
    assert dataset.num_classes is None
    assert "taken in place of" in dataset.notes[0]
    for i in range(3):
        _write(tmp_path / "all" / "a" / f"{i}.png", seed=i)
        _write(tmp_path / "all" / "b" / f"{i}.png", seed=i)
        (tmp_path / "all" / f"{i}.png").unlink()
    assert load_image_folder(tmp_path).class_names == ("a", "b")
