"""What every source of data returns."""

import dataclasses
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import numpy as np
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
    "domains",
    "captions",
)
SPLITS = ("train", "valid", "test")


class DataUnavailableError(RuntimeError):
    """The data is neither on this machine nor within reach of it."""


class Scale(NamedTuple):
    """Center and spread of each channel of a series, over its training split.

    Attributes:
        mean: float64 `(channels,)`, in the units of the source.
        deviation: float64 `(channels,)`, in the units of the source; 1 where a
            channel is constant.
    """

    mean: np.ndarray
    deviation: np.ndarray


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Three splits of examples, and what a recipe must know about them.

    Each split is finite and unbatched, gives its examples in the same order
    every time, and knows its size. Examples are dicts:

    - `"images"`: `image`, float32 `(height, width, channels)` in [0, 1], and
      `label`, int32 `()`, where the source has labels, or `attributes`, int32
      `(num_attributes,)`, 0 or 1, where it has such;
    - `"vectors"`: `x`, float32 `(dim,)`;
    - `"pairs"`: `source` and `target`, strings `()`;
    - `"text"`: `text`, string `()`, one per document;
    - `"tokens"`: `x`, int32 `(time,)`, where a step does not count -1, or 0 if
      the first entry of the vocabulary is empty;
    - `"series"`: `x`, `(time, channels)`, the splits following each other in
      time: float64 in the units of the source as it is read, float32 once
      `standardize` has been applied, which `scale` undoes;
    - `"notes"`: `x`, float32 `(time, num_notes)`, 1 where a note sounds, steps
      of -1 where none counts;
    - `"pairs_of_arrays"`: `x`, int32 `(time,)` or float32 `(time, channels)`,
      and `y`, what is to be predicted of it;
    - `"domains"`: two sets of images that are not paired. Each split is a dict
      of `"a"` and `"b"` to examples as of `"images"`; sizes, channels and
      counts of the two may differ. `domain` gives one of them;
    - `"captions"`: `image` as of `"images"`, `captions`, strings
      `(most_captions,)`, the captions of that image, then empty strings, and
      `label`, int32 `()`, where there are classes.

    Args:
        name: str. The source, as the user wrote it.
        kind: one of those above.
        splits: dict of `"train"`, `"valid"` and `"test"` to `tf.data.Dataset`,
            or to a dict of two of them.
        num_classes: int, or None where there are no labels.
        element_shape: `(height, width, channels)`, `(dim,)`, `(time,)` of
            tokens, a dict of two shapes for domains, or None for text and
            series.
        description: one sentence: what it is, its sizes, where it came from.
        vocabulary: tuple of str: what each token stands for.
        season: int, or None: steps after which a series resembles itself.
        tokenizer: what made token ids of texts, or is to make them.
        class_names: tuple of str: what each label, or attribute, is called,
            where the source says so.
        columns: tuple of str: what each channel of a series is called.
        times: datetime64 `(steps,)`, or None: when each step of a series was,
            those of train, valid and test one after the other.
        scale: `Scale` of a series, or None.
        window_length: int, or None: steps of the windows that the user asked
            for, in place of a recipe's.
        notes: tuple of sentences that the user should read: what was left
            out, and what was taken for what.

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
    class_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    times: np.ndarray | None = None
    scale: Scale | None = None
    window_length: int | None = None
    notes: tuple[str, ...] = ()

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
        """Number of examples in `"train"`, `"valid"` or `"test"`.

        Of two domains, that of the smaller one.
        """
        parts = tf.nest.flatten(self.splits[split])
        return min(int(part.cardinality()) for part in parts)

    def domain(self, name):
        """One of the two domains as a `Dataset` of kind `"images"`.

        Args:
            name: `"a"` or `"b"`.
        """
        return dataclasses.replace(
            self,
            name=f"{self.name} ({name})",
            kind="images",
            splits={split: both[name] for split, both in self.splits.items()},
            element_shape=self.element_shape[name],
        )

    def noting(self, *notes):
        """The same data set, with more sentences for the user."""
        return dataclasses.replace(self, notes=(*self.notes, *notes))
