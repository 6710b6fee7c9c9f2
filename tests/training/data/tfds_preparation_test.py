import hashlib
import time

import numpy as np
import pytest

from training.data.dataset import DataUnavailableError
from training.data.tfds_builders import load_tfds
from training.data.tfds_preparation import original_files_folder
from training.data.tfds_preparation import write_amat_files

SHAKESPEARE_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/"
    "tinyshakespeare/input.txt"
)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """An empty TFDS folder, an empty folder of originals, and no network."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path / "originals"))
    (tmp_path / "originals").mkdir()

    def refuse(address, timeout):
        raise OSError(f"refused after at most {timeout} s")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    return tmp_path


@pytest.fixture
def fake_shakespeare(folders, monkeypatch):
    """Replaces the recorded digest by that of a short text, and writes it."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import checksums

    text = b"To be, or not to be, that is the question.\n" * 10
    info = checksums.UrlInfo(
        size=len(text),
        checksum=hashlib.sha256(text).hexdigest(),
        filename="input.txt",
    )
    builder_class = tfds.builder_cls("tiny_shakespeare")
    monkeypatch.setattr(builder_class, "url_infos", {SHAKESPEARE_URL: info})
    path = folders / "originals" / "tiny_shakespeare" / "input.txt"
    path.parent.mkdir()
    path.write_bytes(text)
    return path


@pytest.mark.parametrize(
    "name, files",
    [
        ("mnist", "t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz"),
        ("tiny_shakespeare", r"input\.txt"),
        ("binarized_mnist", r"binarized_mnist_test\.amat.*\.npz"),
        ("imagenet2012", r"ILSVRC2012_img_train\.tar"),
    ],
)
def test_unavailable_data_names_both_ways_out(folders, name, files):
    start = time.perf_counter()
    with pytest.raises(DataUnavailableError, match=files) as caught:
        load_tfds(name)
    assert time.perf_counter() - start < 10
    message = str(caught.value)
    assert "give this machine network access" in message
    assert str(folders / "originals" / name) in message
    assert f"at present {str(folders / 'originals')!r}" in message


def test_failure_does_not_spoil_the_next_try(fake_shakespeare):
    text = fake_shakespeare.read_bytes()
    fake_shakespeare.unlink()
    with pytest.raises(DataUnavailableError):
        load_tfds("tiny_shakespeare")
    fake_shakespeare.write_bytes(b"not Shakespeare")
    with pytest.raises(ValueError, match="is not the original"):
        load_tfds("tiny_shakespeare")
    fake_shakespeare.write_bytes(text)
    dataset = load_tfds("tiny_shakespeare")
    assert dataset.kind == "text"
    fake_shakespeare.unlink()
    again = load_tfds("tiny_shakespeare")
    parts = [
        next(again.splits[split].as_numpy_iterator())["text"]
        for split in ("train", "valid", "test")
    ]
    assert b"".join(parts) == text


def test_unknown_builders_are_explained(folders):
    with pytest.raises(ValueError, match=r"Did you mean .*mnist"):
        load_tfds("mnits")
    with pytest.raises(ValueError, match="BuilderConfig nope not found"):
        load_tfds("glue/nope")


def test_default_folder_is_beside_the_repository(monkeypatch):
    monkeypatch.delenv("KERAS_GENSEQ_DATA", raising=False)
    folder = original_files_folder()
    assert folder.parts[-2:] == ("shared", "data")
    assert folder.is_absolute()


def test_amat_lines_are_digits_and_blanks(tmp_path):
    bits = np.eye(2, 784, dtype="uint8")
    packed = np.packbits(bits, axis=1)
    np.savez(tmp_path / "b.npz", train=packed, valid=packed, test=packed)
    write_amat_files(tmp_path / "b.npz", tmp_path)
    path = tmp_path / "binarized_mnist_valid.amat"
    np.testing.assert_array_equal(np.loadtxt(path, dtype="uint8"), bits)
    assert path.read_bytes().startswith(b"1 0 0")
    assert path.stat().st_size == 2 * 784 * 2
