import io
import sys

import fsspec
import pytest

from training.remote_folder import RemoteFolder


@pytest.fixture(params=["memory", "file"])
def folder(request, tmp_path):
    url = f"memory://{tmp_path}/a" if request.param == "memory" else None
    return RemoteFolder(url or f"file://{tmp_path}/a")


def test_what_is_written_is_read_and_may_be_removed(folder, tmp_path):
    assert folder.names("data") == [] and folder.size("data/x") is None
    folder.write_bytes("data/x", b"one")
    folder.upload(io.BytesIO(b"three"), "data/y")
    assert sorted(folder.names("data")) == ["x", "y"]
    assert folder.read_bytes("data/x") == b"one" and folder.size("data/y") == 5
    digest = folder.download("data/y", tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == b"three" and len(digest) == 64
    for _ in range(2):
        folder.remove("data/x")
    assert folder.names("data") == ["y"]
    folder.check_writable()


@pytest.mark.parametrize(
    "url, error, words",
    [
        ("runs/nade", ValueError, "is a URL, such as s3://bucket"),
        ("made_up://bucket/a", ValueError, "Protocol not known"),
        ("memory://", ValueError, "Name a folder of the store"),
    ],
)
def test_a_place_that_is_none_is_told(url, error, words):
    with pytest.raises(error, match=words):
        RemoteFolder(url)


def test_a_missing_driver_is_named(monkeypatch):
    def absent(*args, **kwargs):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", absent)
    with pytest.raises(ImportError, match=r"driver .* Install s3fs"):
        RemoteFolder("s3://bucket/a")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ImportError, match=r"keras-genseq\[cloud\]"):
        RemoteFolder("s3://bucket/a")


def test_whatever_a_driver_raises_is_one_sentence(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("AccessDenied:\n no such key of yours.")

    monkeypatch.setattr(type(folder._files), "pipe_file", refuse)
    with pytest.raises(OSError, match="write to") as caught:
        folder.check_writable()
    words = str(caught.value)
    assert folder.url in words and "AccessDenied: no such key" in words
    assert "\n" not in words
