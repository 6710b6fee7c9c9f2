"""Pairs of sentences in a file of two columns."""

import tensorflow as tf

from training.data.dataset import Dataset
from training.data.notes import counted
from training.data.splits import shuffled_split
from training.data.text_file import read_text

# Words that stand above columns, and are no sentence and its translation.
_TITLES = frozenset(
    [
        "source",
        "target",
        "src",
        "tgt",
        "trg",
        "input",
        "output",
        "question",
        "answer",
        "original",
        "translation",
        "sentence",
        "sentence1",
        "sentence2",
        "text",
        "from",
        "to",
        "en",
        "de",
        "fr",
        "es",
        "it",
        "pt",
        "nl",
        "english",
        "german",
        "french",
        "spanish",
        "italian",
        "dutch",
        "deutsch",
    ]
)


def load_pairs_file(path):
    """Loads source and target sentences.

    Pairs with the same source go into the same split, so that no test
    sentence was seen in training.

    Args:
        path: str. A file as `read_text` reads it: source, tab, target on
            every line. Blank lines and a title line are skipped; pairs with an
            empty side and further columns are left out, as are the numbers of
            sentences in a file of number, source, number, target.

    Returns:
        `Dataset` of kind `"pairs"`; 90 % of the different sources are in
        train, 5 % in valid, 5 % in test. `notes` counts what was left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be decoded, a line has no tab, or there are
            fewer than three different sources.
    """
    notes = []
    pairs = _read_pairs(path, notes)
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
        notes=tuple(notes),
    )


def _read_pairs(path, notes):
    rows = []
    # Not splitlines(): it would also cut at separators inside a sentence.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) < 2:
            raise ValueError(
                f"Line {number} of {str(path)!r} must be source, one tab, "
                f"target. Received: {line[:80]!r}"
            )
        rows.append(columns)
    if all(cell.lower() in _TITLES for cell in rows[0][:2]):
        notes.append(f"The first line is read as titles: {rows.pop(0)[:2]}.")
    first, second = _places(rows)
    if (first, second) != (0, 1):
        notes.append("Columns 2 and 4 are read, 1 and 3 are numbers.")
    elif any(len(row) > 2 for row in rows):
        longer = [row for row in rows if len(row) > 2]
        notes.append(
            f"Left out: further columns of {counted(len(longer), 'line')}, as "
            f"{longer[0][2][:40]!r}."
        )
    pairs = [(row[first], row[second]) for row in rows]
    filled = [pair for pair in pairs if all(pair)]
    if len(filled) < len(pairs):
        empty = len(pairs) - len(filled)
        notes.append(f"Left out: {counted(empty, 'pair')} with an empty side.")
    return filled


def _places(rows):
    """Where source and target stand: behind numbers, as Tatoeba gives them."""
    numbered = rows and all(
        len(row) >= 4 and row[0].isdigit() and row[2].isdigit() for row in rows
    )
    return (1, 3) if numbered else (0, 1)


def _examples(pairs):
    sources, targets = zip(*pairs, strict=True)
    return tf.data.Dataset.from_tensor_slices(
        {"source": list(sources), "target": list(targets)}
    )
