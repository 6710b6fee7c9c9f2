"""Pairs of texts as pairs of rows of token ids."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.sequences import of_dataset


def token_pairs():
    """Encodes sources and targets; every split has rows of one length.

    Returns:
        Function from a `Dataset` of kind `"pairs"`, with a tokenizer, to one of
        kind `"pairs_of_arrays"`.
    """

    def transform(dataset):
        if dataset.kind != "pairs":
            raise ValueError(
                "This recipe takes data of kind 'pairs'. Received: "
                f"{dataset.name!r}, of kind {dataset.kind!r}"
            )
        encode = dataset.tokenizer.encode
        arrays = {}
        for name, split in dataset.splits.items():
            pairs = list(split.as_numpy_iterator())
            for key, side in (("x", "source"), ("y", "target")):
                texts = [pair[side] for pair in pairs]
                arrays[name, key] = encode(texts).numpy()
        widths = {
            key: max(a.shape[1] for (_, k), a in arrays.items() if k == key)
            for key in ("x", "y")
        }
        splits = {
            name: tf.data.Dataset.from_tensor_slices(
                {
                    key: np.pad(
                        arrays[name, key],
                        [[0, 0], [0, width - arrays[name, key].shape[1]]],
                    )
                    for key, width in widths.items()
                }
            )
            for name in dataset.splits
        }
        return dataclasses.replace(
            dataset,
            kind="pairs_of_arrays",
            splits=splits,
            element_shape=(widths["x"],),
        )

    return of_dataset(transform)
