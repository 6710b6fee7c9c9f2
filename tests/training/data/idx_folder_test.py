import gzip
import struct

import numpy as np
import pytest

from training.data.idx_folder import load_idx_folder

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.randint(0, 256, (50, 5, 4)).astype("uint8")
LABELS = (np.arange(50) % 3).astype("uint8")


def _encode(array):
    header = struct.pack(">I", 2048 + array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + bytes(array)


def _write(folder, suffix="", **changes):
    parts = {
        "train-images-idx3-ubyte": _encode(IMAGES[:40]),
        "train-labels-idx1-ubyte": _encode(LABELS[:40]),
        "t10k-images-idx3-ubyte": _encode(IMAGES[40:]),
        "t10k-labels-idx1-ubyte": _encode(LABELS[40:]),
        **{name.replace("_", "-"): part for name, part in changes.items()},
    }
    for name, content in parts.items():
        if content is not None:
            if suffix == ".gz":
                content = gzip.compress(content)
            (folder / f"{name}{suffix}").write_bytes(content)
    return folder


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_reads_what_was_written(tmp_path, suffix):
    dataset = load_idx_folder(_write(tmp_path, suffix))
    rows = [
        row
        for split in ("train", "valid", "test")
        for row in dataset.splits[split].as_numpy_iterator()
    ]
    images = np.stack([row["image"] for row in rows])
    np.testing.assert_array_equal(images[..., 0], np.float32(IMAGES) / 255)
    assert [row["label"] for row in rows] == LABELS.tolist()
    assert [dataset.size(s) for s in dataset.splits] == [36, 4, 10]
    assert dataset.element_shape == (5, 4, 1)
    assert dataset.num_classes == 3


@pytest.mark.parametrize(
    "rename, pack",
    [
        (lambda name: name.replace("-idx", ".idx"), False),
        (lambda name: f"emnist-letters-{name}".replace("t10k", "test"), False),
        (lambda name: name, True),
    ],
    ids=["dots", "prefix", "gzip under a plain name"],
)
def test_files_have_other_names(tmp_path, rename, pack):
    for path in list(_write(tmp_path).iterdir()):
        content = path.read_bytes()
        path.unlink()
        content = gzip.compress(content) if pack else content
        (tmp_path / rename(path.name)).write_bytes(content)
    dataset = load_idx_folder(tmp_path)
    assert [dataset.size(s) for s in dataset.splits] == [36, 4, 10]
    assert dataset.num_classes == 3


def test_two_files_for_one_part_are_named(tmp_path):
    _write(tmp_path)
    (tmp_path / "other-train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(ValueError, match="one file train-images-idx3-ubyte"):
        load_idx_folder(tmp_path)


def test_labels_are_optional(tmp_path):
    _write(tmp_path, train_labels_idx1_ubyte=None, t10k_labels_idx1_ubyte=None)
    dataset = load_idx_folder(tmp_path)
    assert dataset.num_classes is None
    assert set(dataset.splits["train"].element_spec) == {"image"}


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"train_images_idx3_ubyte": _encode(IMAGES[:40])[:-1]},
            "that is 816 bytes and not empty. Received: 815 bytes",
        ),
        (
            {"train_images_idx3_ubyte": _encode(LABELS[:40])},
            "begins with the number 2051. Received: 2049",
        ),
        ({"train_images_idx3_ubyte": b""}, "Received: 0, in a file of 0"),
        (
            {"train_labels_idx1_ubyte": _encode(LABELS[:39])},
            "Received: 40 images and 39 labels",
        ),
        (
            {"t10k_labels_idx1_ubyte": _encode(LABELS[40:] + 5)},
            "must be among those of train, 0 to 2. Received: 7",
        ),
        (
            {"t10k_images_idx3_ubyte": _encode(IMAGES[40:, :4])},
            "must have one size",
        ),
        (
            {"t10k_images_idx3_ubyte": _encode(IMAGES[:0])},
            "and not empty",
        ),
    ],
)
def test_bad_files_are_explained(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        load_idx_folder(_write(tmp_path, **changes))


def test_broken_gzip_is_explained(tmp_path):
    _write(tmp_path, ".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="no whole gzip file"):
        load_idx_folder(tmp_path)


@pytest.mark.parametrize(
    "missing, message",
    [
        ("train_images_idx3_ubyte", "There is no train-images-idx3-ubyte"),
        ("t10k_labels_idx1_ubyte", "labels for one of train and t10k only"),
    ],
)
def test_missing_files_are_explained(tmp_path, missing, message):
    with pytest.raises(FileNotFoundError, match=message):
        load_idx_folder(_write(tmp_path, **{missing: None}))


def test_missing_folder_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        load_idx_folder(tmp_path / "none")


def test_a_known_data_set_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    (tmp_path / "fashion").mkdir()
    _write(tmp_path / "fashion")
    assert load_idx_folder("fashion").kind == "images"
