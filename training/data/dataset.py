"""What every source of data returns."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

KINDS = (
    "images",
    "vectors",
    "pairs",
    "text",
    "tokens",
    "series",
    "notes",
    "pairs_of_arrays",
)
SPLITS = ("train", "valid", "test")


class DataUnavailableError(RuntimeError):
    """The data is neither on this machine nor within reach of it."""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Three splits of examples, and what a recipe must know about them.

    Each split is finite and unbatched, gives its examples in the same order
    every time, and knows its size. Examples are dicts:

    - `"images"`: `image`, float32 `(height, width, channels)` in [0, 1], and
      `label`, int32 `()`, where the source has labels;
    - `"vectors"`: `x`, float32 `(dim,)`;
    - `"pairs"`: `source` and `target`, strings `()`;
    - `"text"`: `text`, string `()`, one per document;
    - `"tokens"`: `x`, int32 `(time,)`, where a step does not count -1, or 0 if
      the first entry of the vocabulary is empty;
    - `"series"`: `x`, float32 `(time, channels)`, the splits following each
      other in time;
    - `"notes"`: `x`, float32 `(time, num_notes)`, 1 where a note sounds, steps
      of -1 where none counts;
    - `"pairs_of_arrays"`: `x`, int32 `(time,)` or float32 `(time, channels)`,
      and `y`, what is to be predicted of it.

    Args:
        name: str. The source, as the user wrote it.
        kind: one of those above.
        splits: dict of `"train"`, `"valid"` and `"test"` to `tf.data.Dataset`.
        num_classes: int, or None where there are no labels.
        element_shape: `(height, width, channels)`, `(dim,)`, `(time,)` of
            tokens, or None for text and series.
        description: one sentence: what it is, its sizes, where it came from.
        vocabulary: tuple of str: what each token stands for.
        season: int, or None: steps after which a series resembles itself.
        tokenizer: what made token ids of texts, or is to make them.

    Raises:
        ValueError: if a split is missing, empty or of unknown size.
    """

    name: str
    kind: str
    splits: Mapping[str, tf.data.Dataset]
    num_classes: int | None
    element_shape: tuple[int, ...] | None
    description: str
    vocabulary: tuple[str, ...] = ()
    season: int | None = None
    tokenizer: Any = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"`kind` must be one of {KINDS}. Received: kind={self.kind!r}"
            )
        if set(self.splits) != set(SPLITS):
            raise ValueError(
                f"`splits` must have the keys {SPLITS}. "
                f"Received: {tuple(self.splits)}"
            )
        for split in SPLITS:
            if self.size(split) < 1:
                raise ValueError(
                    f"The {split} split of {self.name!r} has no examples, or "
                    "does not know how many. Give more data, so that each of "
                    "train, valid and test has at least one example. "
                    f"Received: cardinality={self.size(split)}"
                )

    def text(self, token_ids):
        """What a row of tokens says: words stand apart, characters do not."""
        pieces = [self.vocabulary[i] for i in token_ids]
        longest = max(map(len, self.vocabulary))
        return (" " if longest > 1 else "").join(filter(None, pieces))

    def size(self, split):
        """Number of examples in `"train"`, `"valid"` or `"test"`."""
        return int(self.splits[split].cardinality())
