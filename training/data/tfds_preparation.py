"""Prepares a TensorFlow Datasets builder, without network where possible."""

import contextlib
import difflib
import fcntl
import os
import pathlib
import socket
import tempfile
import urllib.parse
import urllib.request

import numpy as np
import tensorflow as tf

from training.data.dataset import DataUnavailableError
from training.data.known_files import original_files_folder

_CONNECT_SECONDS = 5


def prepared_builder(name):
    """Finds a builder and sees to it that its data is prepared.

    Data that is prepared already is used as it is. Else TFDS prepares it from
    the original files below `KERAS_GENSEQ_DATA/<builder>/`, and downloads
    those that are not there. TFDS checks the digest of every file.

    Args:
        name: str, `"builder"` or `"builder/config"`.

    Returns:
        `tfds.core.DatasetBuilder`, prepared.

    Raises:
        ValueError: if there is no such builder or config, or a file is not
            the original.
        DataUnavailableError: if a file is neither here nor within reach.
    """
    builder = _find_builder(name)
    if builder.is_prepared():
        return builder
    with _exclusive(builder.data_dir_root):
        # Another process may have prepared it while this one waited.
        if not builder.is_prepared():
            _prepare(builder)
    # A builder reads its split sizes when it is made.
    builder = _find_builder(name)
    if not builder.is_prepared():
        raise ValueError(
            f"The folder {str(builder.data_path)!r} exists, but holds no "
            "complete data set. Remove it, and it will be prepared again."
        )
    return builder


def _find_builder(name):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import registered

    try:
        return tfds.builder(
            name, data_dir=os.environ.get("TFDS_DATA_DIR") or None
        )
    except registered.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        close = difflib.get_close_matches(name.partition("/")[0], known)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(
            "`tfds:` must be followed by the name of a TensorFlow Datasets "
            f"builder.{hint} Received: tfds:{name}"
        ) from error


def _prepare(builder):
    import requests
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import download_manager
    from tensorflow_datasets.core.download import util as download_util

    by_hand = builder.MANUAL_DOWNLOAD_INSTRUCTIONS is not None
    with _manual_folder(builder) as folder:
        missing = _missing_files(builder, folder)
        if by_hand and not folder.is_dir():
            raise _unavailable(builder, missing, "TFDS may not download it")
        if not by_hand:
            _check_network(builder, missing)
        # TFDS names what it extracts after the file alone and takes it for
        # its own the next time: in one folder, Fashion-MNIST would get the
        # images of MNIST, whose files have the same names.
        extracted = builder.data_dir_root / "downloads/extracted" / builder.name
        config = tfds.download.DownloadConfig(
            manual_dir=folder, extract_dir=extracted, try_download_gcs=False
        )
        try:
            builder.download_and_prepare(download_config=config)
        except download_manager.NonMatchingChecksumError as error:
            raise ValueError(
                f"A file of tfds:{builder.name} is not the original that TFDS "
                f"knows. Replace it, or remove it from {str(folder)!r} to "
                f"have it downloaded. {error}"
            ) from error
        except (
            download_util.DownloadError,
            requests.exceptions.RequestException,
        ) as error:
            raise _unavailable(builder, missing, str(error)) from error
        except (AssertionError, FileNotFoundError, tf.errors.NotFoundError):
            if by_hand:
                raise _unavailable(
                    builder,
                    missing,
                    "a file to be downloaded by hand is missing",
                ) from None
            raise


@contextlib.contextmanager
def _manual_folder(builder):
    folder = original_files_folder() / builder.name
    packed = folder / "binarized_mnist.npz"
    if (
        builder.name == "binarized_mnist"
        and packed.is_file()
        and _missing_files(builder, folder)
    ):
        with tempfile.TemporaryDirectory() as rebuilt:
            rebuilt = pathlib.Path(rebuilt)
            write_amat_files(packed, rebuilt)
            yield rebuilt
    else:
        yield folder


def write_amat_files(packed, folder):
    """Writes the three text files of binarized MNIST from their packed bits.

    Args:
        packed: path of an `.npz` with `train`, `valid` and `test`, uint8 of
            shape `(rows, 98)`, eight pixels a byte.
        folder: path. Receives `binarized_mnist_{train,valid,test}.amat`: one
            image a line, its 784 digits separated by blanks.
    """
    with np.load(packed, allow_pickle=False) as arrays:
        for split in ("train", "valid", "test"):
            pixels = np.unpackbits(arrays[split], axis=1)
            text = np.full((*pixels.shape, 2), ord(" "), np.uint8)
            text[..., 0] = pixels + ord("0")
            text[:, -1, 1] = ord("\n")
            path = folder / f"binarized_mnist_{split}.amat"
            path.write_bytes(text.tobytes())


def _missing_files(builder, folder):
    """Recorded files that are not in `folder`: dict of name to URL."""
    missing = {}
    for url, info in sorted((builder.url_infos or {}).items()):
        name = info.filename or url.rpartition("/")[2]
        if not (folder / name).is_file():
            missing[name] = url
    return missing


def _check_network(builder, missing):
    """Fails at once where TFDS would try again for minutes."""
    for address in sorted({_address(url) for url in missing.values()} - {None}):
        try:
            socket.create_connection(address, _CONNECT_SECONDS).close()
        except OSError as error:
            reason = f"no connection to {address[0]}: {error}"
            raise _unavailable(builder, missing, reason) from error


def _address(url):
    """Host and port that a download connects to first, or None."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return None
    if not urllib.request.proxy_bypass(parts.hostname):
        proxy = urllib.request.getproxies().get(parts.scheme)
        if proxy:
            parts = urllib.parse.urlsplit(
                proxy if "://" in proxy else f"http://{proxy}"
            )
    return parts.hostname, parts.port or (
        443 if parts.scheme == "https" else 80
    )


def _unavailable(builder, missing, reason):
    folder = original_files_folder()
    names = list(missing)
    if builder.name == "binarized_mnist":
        names.append("or binarized_mnist.npz, their packed bits")
    files = ", ".join(names) or "see the builder's page"
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        files += f". {builder.MANUAL_DOWNLOAD_INSTRUCTIONS.strip()}"
    return DataUnavailableError(
        f"tfds:{builder.name} is not prepared in {str(builder.data_path)!r} "
        f"and cannot be downloaded ({reason}). Either give this machine "
        "network access, so that TFDS can download it, or put the original "
        f"files into {str(folder / builder.name)!r} (below the folder "
        f"KERAS_GENSEQ_DATA, at present {str(folder)!r}): {files}"
    )


@contextlib.contextmanager
def _exclusive(folder):
    """Lets one process of this machine prepare into `folder` at a time.

    TFDS names its temporary folder with Python's global random numbers:
    processes with equal seeds would write into the same one.
    """
    if "://" in str(folder):
        yield
        return
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".preparing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
