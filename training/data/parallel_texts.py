"""Sentences and their translations, line by line in files of one language."""

import re

import tensorflow as tf

from training.data.dataset import Dataset
from training.data.known_files import located
from training.data.notes import counted
from training.data.text_file import read_text

_PREFIXES = {"train": ("train",), "valid": ("valid", "val"), "test": ("test",)}


def load_parallel_texts(location):
    """Loads sentences with their translations.

    Args:
        location: str, `FOLDER/SOURCE-TARGET`, as in `multi30k/de-en`. The
            folder, or the one of that name below `KERAS_GENSEQ_DATA`, holds
            UTF-8 files `train*.de`, `val*.de` (or `valid*.de`) and `test*.de`,
            plain or `.gz`, and the same of the other language; line i of one
            is line i of the other. Pairs with an empty side are left out.

    Returns:
        `Dataset` of kind `"pairs"`.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if languages are not named, files do not have as many
            lines, or there are several files for one split.
    """
    folder, _, languages = location.rpartition("/")
    match = re.fullmatch(r"(\w+)-(\w+)", languages)
    if not folder or match is None:
        raise ValueError(
            "Parallel texts are named FOLDER/SOURCE-TARGET, for instance "
            f"multi30k/de-en. Received: {location!r}"
        )
    path = located(folder)
    pairs = {
        split: _pairs(*(_lines(path, split, end) for end in match.groups()))
        for split in _PREFIXES
    }
    notes = []
    for split, part in pairs.items():
        filled = [pair for pair in part if all(pair)]
        if len(filled) < len(part):
            empty = counted(len(part) - len(filled), "pair")
            notes.append(f"Left out of {split}: {empty} with an empty side.")
        pairs[split] = filled
    sizes = " / ".join(f"{len(part):,}" for part in pairs.values())
    return Dataset(
        name=f"parallel:{location}",
        kind="pairs",
        splits={split: _examples(part) for split, part in pairs.items()},
        num_classes=None,
        element_shape=None,
        description=(
            f"{sizes} sentences of {match[1]} with translations into "
            f"{match[2]}, from {folder}."
        ),
        notes=tuple(notes),
    )


def _lines(folder, split, language):
    found = [
        path
        for prefix in _PREFIXES[split]
        for ending in (f".{language}", f".{language}.gz")
        for path in sorted(folder.glob(f"{prefix}*{ending}"))
    ]
    if not found:
        raise FileNotFoundError(
            f"There is no file {_PREFIXES[split][0]}*.{language}[.gz] in "
            f"{str(folder)!r}. Put it there, or set KERAS_GENSEQ_DATA to the "
            "folder that holds the data set."
        )
    if len(found) > 1:
        raise ValueError(
            f"The {split} split of {language!r} must be one file. Found: "
            f"{', '.join(path.name for path in found)}"
        )
    # Not splitlines(): it would also cut at separators inside a sentence.
    lines = read_text(found[0]).removesuffix("\n").split("\n")
    return found[0].name, [line.strip() for line in lines]


def _pairs(source, target):
    (source_name, sources), (target_name, targets) = source, target
    if len(sources) != len(targets):
        raise ValueError(
            f"{source_name} has {len(sources):,} lines and {target_name} "
            f"{len(targets):,}: line i of one must be line i of the other."
        )
    return list(zip(sources, targets, strict=True))


def _examples(pairs):
    return tf.data.Dataset.from_tensor_slices(
        {
            "source": [source for source, _ in pairs],
            "target": [target for _, target in pairs],
        }
    )
