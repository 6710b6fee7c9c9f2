"""Pairs of texts as pairs of rows of token ids."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.sequences import of_dataset

_ENCODED_AT_ONCE = 10_000


def token_pairs(max_length=None):
    """Encodes sources and targets; the rows of a split have one length.

    Args:
        max_length: optional int. Pairs of training with a side of more tokens
            are left out; those of validation and test never are.

    Returns:
        Function from a `Dataset` of kind `"pairs"`, with a tokenizer, to one of
        kind `"pairs_of_arrays"`.
    """

    def transform(dataset):
        _check_pairs(dataset)
        splits = {}
        for name, split in dataset.splits.items():
            limit = max_length if name == "train" else None
            x, y = _encoded(split, dataset.tokenizer, limit)
            splits[name] = tf.data.Dataset.from_tensor_slices({"x": x, "y": y})
        return dataclasses.replace(
            dataset,
            kind="pairs_of_arrays",
            splits=splits,
            element_shape=tuple(splits["train"].element_spec["x"].shape),
        )

    return of_dataset(transform)


def swapped_pairs():
    """Makes targets of the sources, and sources of the targets.

    Returns:
        Function from a `Dataset` of kind `"pairs"` to another one.
    """

    def transform(dataset):
        _check_pairs(dataset)
        splits = {
            name: split.map(
                lambda pair: {
                    "source": pair["target"],
                    "target": pair["source"],
                }
            )
            for name, split in dataset.splits.items()
        }
        return dataclasses.replace(dataset, splits=splits)

    return of_dataset(transform)


def _check_pairs(dataset):
    if dataset.kind != "pairs":
        raise ValueError(
            "This recipe takes data of kind 'pairs'. Received: "
            f"{dataset.name!r}, of kind {dataset.kind!r}"
        )


def _encoded(pairs, tokenizer, max_length):
    """Two arrays of token ids, a row for each pair that is short enough."""
    parts = []
    for batch in pairs.batch(_ENCODED_AT_ONCE).as_numpy_iterator():
        sides = [
            tokenizer.encode(batch[side]).numpy()
            for side in ("source", "target")
        ]
        if max_length is not None:
            is_short = np.max([(s > 0).sum(1) for s in sides], 0) <= max_length
            sides = [s[is_short, :max_length] for s in sides]
        parts.append(sides)
    return [
        np.concatenate([_padded(part, width) for part in side])
        for side in zip(*parts, strict=True)
        for width in [max(part.shape[1] for part in side)]
    ]


def _padded(rows, width):
    return np.pad(rows, [[0, 0], [0, width - rows.shape[1]]])
