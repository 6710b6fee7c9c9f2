"""Pairs of sentences in a file of two columns."""

import tensorflow as tf

from training.data.dataset import Dataset
from training.data.splits import shuffled_split
from training.data.text_file import read_text


def load_pairs_file(path):
    """Loads source and target sentences.

    Pairs with the same source go into the same split, so that no test
    sentence was seen in training.

    Args:
        path: str. UTF-8 file, plain or `.gz`: source, tab, target on every
            line. Blank lines are skipped.

    Returns:
        `Dataset` of kind `"pairs"`; 90 % of the different sources are in
        train, 5 % in valid, 5 % in test.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not valid UTF-8, a line does not have two filled
            columns, or there are fewer than three different sources.
    """
    pairs = _read_pairs(path)
    sources = list(dict.fromkeys(source for source, _ in pairs))
    if len(sources) < 3:
        raise ValueError(
            f"{str(path)!r} must have at least 3 different sources, one for "
            f"each of train, valid and test. Received: {len(sources)}"
        )
    split_of = {
        sources[row]: split
        for split, rows in shuffled_split(len(sources), held_out=0.05).items()
        for row in rows
    }
    parts = {"train": [], "valid": [], "test": []}
    for source, target in pairs:
        parts[split_of[source]].append((source, target))
    sizes = " / ".join(f"{len(part):,}" for part in parts.values())
    return Dataset(
        name=f"pairs:{path}",
        kind="pairs",
        splits={split: _examples(part) for split, part in parts.items()},
        num_classes=None,
        element_shape=None,
        description=f"{sizes} pairs of sentences, from {path}.",
    )


def _read_pairs(path):
    pairs = []
    # Not splitlines(): it would also cut at separators inside a sentence.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != 2 or not all(columns):
            raise ValueError(
                f"Line {number} of {str(path)!r} must be source, one tab, "
                f"target, neither of them empty. Received: {line[:80]!r}"
            )
        pairs.append(tuple(columns))
    return pairs


def _examples(pairs):
    sources, targets = zip(*pairs, strict=True)
    return tf.data.Dataset.from_tensor_slices(
        {"source": list(sources), "target": list(targets)}
    )
