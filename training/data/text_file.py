"""A text file in UTF-8, plain or gzipped."""

import gzip
import pathlib
import zlib

import tensorflow as tf

from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.tfds_preparation import original_files_folder


def read_utf8(path):
    """Reads a whole text file.

    Args:
        path: str or path. A name ending in `.gz` is decompressed.

    Returns:
        str, without a byte order mark.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is empty, damaged or not UTF-8.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {str(path)!r}. Check the path of the source; "
            "relative paths start at the working directory."
        )
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} must be UTF-8 text, but the byte at offset "
            f"{error.start} is not valid UTF-8. Convert the file, for "
            "instance with `iconv -f LATIN1 -t UTF-8`."
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{str(path)!r} is no whole gzip file. Get it again, or remove "
            "the suffix .gz if it is plain text."
        ) from error
    if not text.strip():
        raise ValueError(
            f"{str(path)!r} is empty: expected text. Received "
            f"{len(content)} bytes, none of them visible."
        )
    return text


def load_text_file(path):
    """Loads a text and cuts it into train, valid and test, in this order.

    Args:
        path: str. UTF-8 file, plain or `.gz`; or a folder with the files
            `train.txt`, `valid.txt` and `test.txt`, or such with `.gz` behind;
            or the name of such a folder below `KERAS_GENSEQ_DATA`.

    Returns:
        `Dataset` of kind `"text"`, one string for each split: of a file the
        first 90 % of the characters, the next 5 % and the last 5 %.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not valid UTF-8, or too short to be cut.
    """
    known = original_files_folder() / path
    folders = [pathlib.Path(path).expanduser(), known]
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is not None:
        splits, sizes = _read_folder(folder)
    else:
        splits, sizes = split_text(read_utf8(path), path)
    return Dataset(
        name=f"text:{path}",
        kind="text",
        splits=splits,
        num_classes=None,
        element_shape=None,
        description=f"Text of {sizes} characters, from {path}.",
    )


def _read_folder(folder):
    parts = {}
    for split in SPLITS:
        names = [folder / f"{split}.txt", folder / f"{split}.txt.gz"]
        parts[split] = read_utf8(
            next(filter(pathlib.Path.is_file, names), names[0])
        )
    return _examples(parts)


def split_text(text, name):
    """Cuts a text 90 / 5 / 5.

    Args:
        text: str.
        name: str. What error messages call it.

    Returns:
        dict of split name to a data set of one example, and the sizes in
        words.

    Raises:
        ValueError: if the text is too short to be cut.
    """
    first_cut, second_cut = int(len(text) * 0.9), int(len(text) * 0.95)
    parts = {
        "train": text[:first_cut],
        "valid": text[first_cut:second_cut],
        "test": text[second_cut:],
    }
    if not all(parts.values()):
        raise ValueError(
            f"{str(name)!r} is too short to be cut 90/5/5: expected at least "
            f"20 characters. Received: {len(text)}"
        )
    return _examples(parts)


def _examples(parts):
    sizes = " / ".join(f"{len(part):,}" for part in parts.values())
    splits = {
        split: tf.data.Dataset.from_tensors({"text": part})
        for split, part in parts.items()
    }
    return splits, sizes
