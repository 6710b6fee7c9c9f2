"""Texts in files, plain or gzipped."""

import codecs
import gzip
import pathlib
import zlib

import tensorflow as tf

from training.data.dataset import SPLITS
from training.data.dataset import Dataset
from training.data.known_files import located

# Byte order marks, the longer before those that they begin with.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GZIP = b"\x1f\x8b"
# What people take for a text or a table, by how it begins.
_OTHER_KINDS = {
    b"PK\x03\x04": "a ZIP archive, as workbooks of Excel are",
    b"\xd0\xcf\x11\xe0": "an old file of Excel or Word",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"{\\rtf": "rich text, RTF",
    b"\x89HDF": "an HDF5 file",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard",
}


def read_bytes(path):
    """Reads a whole file; what gzip has packed is unpacked, whatever its name.

    Args:
        path: str or path.

    Returns:
        bytes.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a damaged gzip file, or none but called `.gz`.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {str(path)!r}. Check the path of the source; "
            "relative paths start at the working directory."
        )
    content = path.read_bytes()
    if path.suffix != ".gz" and not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{str(path)!r} is no whole gzip file ({error}). Get it again, or "
            "remove the suffix .gz if it is not packed."
        ) from error


def read_text(path):
    """Reads a whole text file: UTF-8, or what its byte order mark says.

    Args:
        path: str or path. Plain, or packed by gzip.

    Returns:
        str, without a byte order mark, its lines ended by `\\n` alone.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is empty, damaged or cannot be decoded.
    """
    content = read_bytes(path)
    mark, encoding = next(
        (each for each in _MARKS if content.startswith(each[0])),
        (b"", "utf-8"),
    )
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        _check_kind(content, path)
        where = f"the byte at offset {error.start}"
        if mark:
            raise ValueError(
                f"{str(path)!r} begins with the byte order mark of "
                f"{encoding.removesuffix('-sig').upper()}, but {where} is not "
                "valid there. Get the file again."
            ) from error
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{str(path)!r} must be UTF-8 text (or UTF-16 or UTF-32 with a "
            f"byte order mark), but {where} is not valid UTF-8: "
            f"{content[error.start : error.end]!r} in line {line}. Save the "
            "file as UTF-8 in the program that wrote it."
        ) from error
    _check_kind(content, path)
    if "\0" in text:
        raise ValueError(
            f"{str(path)!r} must be text, but the character at position "
            f"{text.index(chr(0))} is a zero. If it is UTF-16 without a byte "
            "order mark, save it as UTF-8."
        )
    if not text.strip():
        raise ValueError(
            f"{str(path)!r} is empty: expected text. Received "
            f"{len(content)} bytes, none of them visible."
        )
    text = text.replace("\r\n", "\n")
    # Lines as the first Macs ended them.
    return text if "\n" in text else text.replace("\r", "\n")


def _check_kind(content, path):
    """Names the kind of a file that is no text, where its beginning tells."""
    for mark, words in _OTHER_KINDS.items():
        if content.startswith(mark):
            raise ValueError(
                f"{str(path)!r} must be text, but it is {words}. Unpack it, or "
                "save it as text, a table as CSV, in the program that wrote it."
            )


def load_text_file(path):
    """Loads a text and cuts it into train, valid and test, in this order.

    Args:
        path: str. A file as `read_text` reads it; or a folder with the files
            `train.txt`, `valid.txt` and `test.txt`, or such with `.gz` behind;
            or the name of either below `KERAS_GENSEQ_DATA`.

    Returns:
        `Dataset` of kind `"text"`, one string for each split: of a file the
        first 90 % of the characters, the next 5 % and the last 5 %.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be decoded, or is too short to be cut.
    """
    place = located(path)
    if place.is_dir():
        splits, sizes = _read_folder(place)
    else:
        splits, sizes = split_text(read_text(place), path)
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
    present = sorted(path.name for path in folder.iterdir())
    if not any(name.startswith(tuple(SPLITS)) for name in present):
        raise FileNotFoundError(
            f"{str(folder)!r} is a folder without train.txt, valid.txt and "
            "test.txt. Put them there, or give one of its files. Found there: "
            f"{', '.join(present[:8]) or 'nothing'}"
        )
    for split in SPLITS:
        names = [folder / f"{split}.txt", folder / f"{split}.txt.gz"]
        parts[split] = read_text(
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
