"""Pairs of sentences in a file of two columns."""

import io
import re

import tensorflow as tf

from training.data.csv_rows import csv_rows
from training.data.dataset import Dataset
from training.data.notes import counted
from training.data.splits import shuffled_split
from training.data.text_file import read_text

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
# Words that stand above columns, and are no sentence and its translation.
_TITLES = frozenset(
    [
        "id",
        "lang",
        "language",
        "sentences",
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
            every line, or a `.csv` file of two columns. Blank lines and a title
            line are skipped; pairs with an empty side and further columns are
            left out, as are the numbers and languages of sentences in the
            columns before them. Quotes around all cells of a column are taken
            off.

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
    if str(path).lower().endswith((".csv", ".csv.gz")):
        rows = _read_csv(path, notes)
    else:
        rows = _read_lines(path, notes)
    again = len(rows) > 1 and rows[1][:2] == rows[0][:2]
    if all(map(_is_title, rows[0][:2])) and not again:
        notes.append(f"The first line is read as titles: {rows.pop(0)}.")
    first, second = _places(rows)
    if (first, second) != (0, 1):
        notes.append(
            f"Columns {first + 1} and {second + 1} are read, the others hold "
            "numbers or languages."
        )
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


def _read_csv(path, notes):
    """Rows of cells, whatever separates them; quotes may hold several lines."""
    text = read_text(path)
    first = text.lstrip("\n").partition("\n")[0]
    mark = max(",;\t", key=first.count)
    if mark not in first:
        raise ValueError(
            f"{str(path)!r} must have two columns, source and target. "
            f"Received, in the first line: {first[:80]!r}"
        )
    rows = []
    for line, row in csv_rows(io.StringIO(text, newline=""), mark, path):
        cells = [cell.strip().replace("\n", " ") for cell in row]
        if not any(cells):
            continue
        if len(cells) < 2 or (rows and len(cells) != len(rows[0])):
            raise ValueError(
                f"Line {line} of {str(path)!r} must have "
                f"{len(rows[0]) if rows else 2} cells separated by {mark!r}; "
                "sentences that hold it stand in double quotes. Received: "
                f"{mark.join(row)[:80]!r}"
            )
        rows.append(cells)
    notes.append(f"Columns are separated by {mark!r}, as in a CSV file.")
    return rows


def _read_lines(path, notes):
    rows = []
    # Not splitlines(): it would also cut at separators inside a sentence.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) < 2:
            raise ValueError(
                f"Line {number} of {str(path)!r} must be source, one tab, "
                f"target. Received: {line[:80]!r}. Other separators are read "
                "from a file that ends in .csv."
            )
        rows.append(columns)
    quoted = [
        all(_QUOTED.fullmatch(cell) for row in rows for cell in row[i : i + 1])
        for i in range(2)
    ]
    if any(quoted):
        notes.append("Quotes around all cells of a column are taken off.")
    return [
        [
            cell[1:-1].replace('""', '"') if i < 2 and quoted[i] else cell
            for i, cell in enumerate(row)
        ]
        for row in rows
    ]


def _is_title(cell):
    words = re.split(r"[\s_-]+", cell.lower())
    return all(word in _TITLES for word in words) or bool(
        re.fullmatch(r"[a-z]{2,3}[_-][A-Z]{2}", cell)
    )


def _places(rows):
    """Where source and target stand: behind numbers and names of languages.

    Tatoeba gives number, source, number, target.
    """
    least = min(map(len, rows), default=0)
    if least < 3:
        return 0, 1
    columns = [[row[i] for row in rows] for i in range(least)]
    sentences = [
        i
        for i, column in enumerate(columns)
        if not all(cell.isdigit() for cell in column)
        and not (len({*column}) == 1 and re.fullmatch(r"\w{2,3}", column[0]))
    ]
    return tuple(sentences[:2]) if len(sentences) > 1 else (0, 1)


def _examples(pairs):
    sources, targets = zip(*pairs, strict=True)
    return tf.data.Dataset.from_tensor_slices(
        {"source": list(sources), "target": list(targets)}
    )
