import zipfile

import numpy as np
import pytest

from training.data.npz_file import load_npz_file

RANDOM = np.random.RandomState(0)
BYTES = RANDOM.randint(0, 256, (20, 4, 3)).astype("uint8")
FLOATS = RANDOM.rand(20, 6).astype("float32")
SHADES = FLOATS[:, :, None]
LABELS = np.arange(20) % 4


@pytest.fixture
def load(tmp_path):
    def write_and_load(**arrays):
        np.savez(tmp_path / "data.npz", **arrays)
        return load_npz_file(tmp_path / "data.npz")

    return write_and_load


def _column(dataset, split, key):
    rows = dataset.splits[split].as_numpy_iterator()
    return np.stack([row[key] for row in rows])


def test_bytes_are_images(load):
    dataset = load(
        x_train=BYTES, y_train=LABELS, x_test=BYTES[:5], y_test=LABELS[:5]
    )
    assert dataset.kind == "images"
    assert dataset.element_shape == (4, 3, 1)
    assert dataset.num_classes == 4
    assert [dataset.size(s) for s in ("train", "valid", "test")] == [18, 2, 5]
    valid = _column(dataset, "valid", "image")[..., 0]
    np.testing.assert_array_equal(valid, np.float32(BYTES[18:]) / 255)
    assert _column(dataset, "valid", "label").tolist() == [2, 3]


def test_of_train_and_valid_parts_a_test_part_is_drawn(load):
    dataset = load(
        x_train=FLOATS, x_val=FLOATS[:5], y_train=LABELS, y_val=LABELS[:5]
    )
    assert [dataset.size(s) for s in ("train", "valid", "test")] == [18, 5, 2]
    rows = np.concatenate(
        [_column(dataset, split, "x") for split in ("train", "test")]
    )
    np.testing.assert_array_equal(np.sort(rows, 0), np.sort(FLOATS, 0))


@pytest.mark.parametrize(
    "x, y", [("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target")]
)
def test_names_without_splits_are_understood_and_said(load, x, y):
    dataset = load(**{x: BYTES, y: LABELS})
    assert dataset.num_classes == 4
    assert f"`{x}` is taken for x_train." in dataset.notes


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({"x_train": np.float32(3)}, r"at least 3 rows.*shape=\(\)"),
        ({"x_train": FLOATS[:2]}, r"at least 3 rows.*shape=\(2, 6\)"),
        ({"x_train": FLOATS, "x_test": FLOATS[:0]}, r"x_test.*at least 1 row"),
        (
            {"x_train": BYTES[:, 0, :2], "n_vars": np.array("x")},
            "n_vars.*must be one int",
        ),
        (
            {"x_train": BYTES, "y_train": LABELS + np.nan},
            r"y_train must be 20 ints.*\[nan",
        ),
    ],
)
def test_rows_that_cannot_be_cut_or_counted_are_named(load, arrays, words):
    with pytest.raises(ValueError, match=words):
        load(**arrays)


def test_files_that_are_no_npz_are_told_apart(tmp_path):
    path = tmp_path / "data.npz"
    with open(path, "wb") as file:
        np.save(file, FLOATS)
    with pytest.raises(ValueError, match=r"np\.savez\(file, x_train=array"):
        load_npz_file(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(ValueError, match=r"'notes.txt' inside it is no array"):
        load_npz_file(path)
    np.savez(path, x_train=np.array([FLOATS[0], None], object))
    with pytest.raises(ValueError, match="Store arrays of one dtype"):
        load_npz_file(path)


def test_of_a_training_part_alone_the_others_are_drawn(load):
    dataset = load(x_train=FLOATS)
    assert [dataset.size(s) for s in ("train", "valid", "test")] == [16, 2, 2]
    assert "no test part" in dataset.notes[0]
    rows = [_column(dataset, s, "x") for s in ("train", "valid", "test")]
    rows = np.concatenate(rows)
    np.testing.assert_array_equal(np.sort(rows, 0), np.sort(FLOATS, 0))
    images = load(x_train=BYTES, y_train=LABELS)
    for split in ("train", "valid", "test"):
        for image, label in zip(
            _column(images, split, "image")[..., 0],
            _column(images, split, "label"),
            strict=True,
        ):
            (row,) = np.argwhere(
                (np.float32(BYTES) / 255 == image).all((1, 2))
            )[0]
            assert LABELS[row] == label


def test_arrays_without_names_are_examples_and_labels(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, FLOATS)
    dataset = load_npz_file(path)
    assert [dataset.size(s) for s in ("train", "valid", "test")] == [16, 2, 2]
    assert "`arr_0` is taken for x_train." in dataset.notes
    np.savez(path, BYTES, LABELS)
    assert load_npz_file(path).num_classes == 4
    np.savez(path, FLOATS, FLOATS)
    with pytest.raises(ValueError, match=r"Received: arr_0, arr_1"):
        load_npz_file(path)


def test_differences_along_the_width_are_summed(load):
    x = RANDOM.randint(0, 256, (20, 4, 3, 3)).astype("uint8")
    dx = np.diff(x, axis=2, prepend=np.zeros_like(x[:, :, :1]))
    dataset = load(
        train_dx=dx, train_labels=LABELS, test_dx=dx[:5], test_labels=LABELS[:5]
    )
    test = _column(dataset, "test", "image")
    np.testing.assert_array_equal(test, np.float32(x[:5]) / 255)
    assert dataset.num_classes == 4


def test_floats_of_rank_two_are_vectors(load):
    dataset = load(train=FLOATS, valid=FLOATS[:4], test=FLOATS[:5])
    assert dataset.kind == "vectors"
    assert dataset.element_shape == (6,)
    np.testing.assert_array_equal(_column(dataset, "test", "x"), FLOATS[:5])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_vectors_may_be_any_real_numbers(load, dtype):
    x = np.asfortranarray(FLOATS * 200 - 100).astype(dtype)
    x[:, 2] = 0.1
    for arrays in (
        {"train": x, "test": x[:5]},
        {"x": x},
        {"features": x},
        {"data": x, "target": FLOATS[:, 0]},
        {"X_train": x, "X_test": x[:5], "y_train": FLOATS[:, 0]},
    ):
        dataset = load(**arrays)
        assert dataset.kind == "vectors" and dataset.num_classes is None
        rows = np.concatenate(
            [_column(dataset, s, "x") for s in dataset.splits]
        )
        rows = np.unique(rows, axis=0)
        np.testing.assert_array_equal(
            rows, np.unique(x.astype("float32"), axis=0)
        )
    assert "Labels of vectors are not used: y_train." in dataset.notes


def test_labels_that_number_something_else_are_refused(load):
    """Else there would be a billion classes."""
    for large in (10**9, 1_000):
        with pytest.raises(ValueError, match=r"return_inverse=True"):
            load(
                x_train=BYTES,
                y_train=LABELS * large,
                x_test=BYTES,
                y_test=LABELS,
            )
    with pytest.raises(ValueError, match=r"y_train .* from 0. Received: -1"):
        load(x_train=BYTES, y_train=LABELS - 1, x_test=BYTES, y_test=LABELS)


def test_packed_bits_are_unpacked(load):
    bits = RANDOM.randint(0, 2, (20, 11)).astype("uint8")
    packed = np.packbits(bits, axis=1)
    dataset = load(train=packed, valid=packed, test=packed, n_vars=11)
    assert dataset.element_shape == (11,)
    np.testing.assert_array_equal(_column(dataset, "test", "x"), bits)


def test_a_file_below_the_data_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "sets").mkdir()
    np.savez(tmp_path / "sets" / "some.npz", train=FLOATS, test=FLOATS[:5])
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    dataset = load_npz_file("sets/some.npz")
    assert dataset.element_shape == (6,) and dataset.size("test") == 5
    with pytest.raises(FileNotFoundError, match="KERAS_GENSEQ_DATA"):
        load_npz_file("sets/other.npz")


def test_bytes_of_zeros_and_ones_are_bits(load):
    bits = BYTES % 2
    dataset = load(x_train=bits, x_test=bits)
    np.testing.assert_array_equal(
        _column(dataset, "test", "image")[..., 0], np.float32(bits)
    )
    assert "taken as bits" in dataset.notes[0]
    # One byte above is enough: these are dark images.
    dataset = load(x_train=bits, x_test=bits * 2)
    assert _column(dataset, "train", "image").max() == np.float32(1) / 255


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "x_val", "x_test", "y_train", "y_val", "y_test"),
        ("X_train", "X_valid", "X_test", "y_train", "y_valid", "y_test"),
        (
            *("train_images", "val_images", "test_images"),
            *("train_labels", "val_labels", "test_labels"),
        ),
    ],
)
def test_parts_have_many_names(load, names):
    rows = (BYTES, BYTES[:3], BYTES[:5], LABELS, LABELS[:3], LABELS[:5])
    dataset = load(**dict(zip(names, rows, strict=True)), extra=LABELS)
    assert [dataset.size(s) for s in dataset.splits] == [20, 3, 5]
    assert _column(dataset, "valid", "label").tolist() == [0, 1, 2]
    assert dataset.notes == ("Left out: the arrays extra.",)


@pytest.mark.parametrize(
    "make",
    [
        lambda labels: labels.astype("float32"),
        lambda labels: np.eye(4)[labels],
        lambda labels: labels[:, None],
        lambda labels: np.array(["a", "b", "c", "d"])[labels],
    ],
    ids=["floats", "one-hot", "column", "words"],
)
def test_labels_are_ints_however_they_are_stored(load, make):
    y = make(LABELS)
    dataset = load(x_train=BYTES, x_test=BYTES, y_train=y, y_test=y)
    assert dataset.num_classes == 4
    assert _column(dataset, "test", "label").tolist() == LABELS.tolist()
    if y.dtype.kind == "U":
        assert dataset.class_names == ("a", "b", "c", "d")


def test_labels_that_begin_at_one_are_told(load):
    y = LABELS + 1
    dataset = load(x_train=BYTES, x_test=BYTES, y_train=y, y_test=y)
    assert "a label among [0]" in dataset.notes[0]


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"a": BYTES, "b": BYTES}, "does not have the arrays.*Received: a, b"),
        ({}, "Received: nothing"),
        ({"x_train": BYTES, "x_test": BYTES[:, :2]}, "must have one shape"),
        ({"train": BYTES[:0], "test": BYTES}, "not empty"),
        ({"train": SHADES * 2, "test": SHADES}, r"floats in \[0, 1\]"),
        ({"train": FLOATS, "test": FLOATS + np.nan}, "NaN or infinity"),
        ({"train": BYTES[:, 0], "test": BYTES[:, 0]}, "Add `n_vars`"),
        (
            {"train": BYTES[:, 0], "test": BYTES[:, 0], "n_vars": 99},
            r"uint8 of shape \(rows, 13\)",
        ),
        (
            {"train": BYTES.astype("int32"), "test": BYTES},
            r"x\.astype\('uint8'\).*dtype=int32, from 0 to 25",
        ),
        (
            {"x": BYTES.astype("uint16") * 257},
            "Scale them to floats.*from 0 to 65",
        ),
        ({"x": BYTES.astype("int16") - 128}, "Scale them to floats.*from -128"),
        (
            {"train": BYTES[:, None, :, :2].repeat(3, 1), "test": BYTES},
            r"Store x\.transpose\(0, 2, 3, 1\).*shape=\(18, 3, 4, 2\)",
        ),
        (
            {"train": BYTES[..., None].repeat(4, -1), "test": BYTES},
            r"Store x\[\.\.\., :3\]",
        ),
        ({"train": SHADES * 255, "test": SHADES}, "divide them by 255"),
        ({"train": SHADES * 2 - 1, "test": SHADES}, r"store \(x \+ 1\) / 2"),
        (
            {"x": np.arange(120).reshape(20, 6)},
            r"whole numbers no density.*astype\('float32'\).*int64",
        ),
        ({"x": FLOATS.astype("float64") * 1e39}, "below 3e38"),
        (
            {"x": FLOATS.astype("float64") + [0, 1e9, 0, 0, 0, 0]},
            r"Column 1 of train .* too little to be seen in float32",
        ),
        (
            {
                "x_train": BYTES,
                "x_test": BYTES,
                "y_train": LABELS + 0.7,
                "y_test": LABELS,
            },
            "y_train must be 20 ints.*float64",
        ),
        (
            {"train": np.array([{}] * 9), "test": BYTES},
            "no Python objects",
        ),
        (
            {"x_train": BYTES, "x_test": BYTES, "y_train": LABELS},
            "Received labels for: train",
        ),
        (
            {
                "x_train": BYTES,
                "x_test": BYTES,
                "y_train": LABELS,
                "y_test": LABELS[:3],
            },
            "y_test must be 20 ints",
        ),
        (
            {
                "x_train": BYTES,
                "x_test": BYTES,
                "y_train": LABELS,
                "y_test": LABELS - 1,
            },
            "y_test of .* is out of range: expected 0 to 3",
        ),
    ],
)
def test_bad_arrays_are_explained(load, arrays, message):
    with pytest.raises(ValueError, match=message):
        load(**arrays)


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04abc"])
def test_broken_file_is_explained(tmp_path, content):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"must be an \.npz file"):
        load_npz_file(path)


def test_single_array_is_explained(tmp_path):
    np.save(tmp_path / "data.npy", BYTES)
    with pytest.raises(ValueError, match=r"must be an \.npz file"):
        load_npz_file(tmp_path / "data.npy")


def test_missing_file_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_npz_file(tmp_path / "none.npz")
