"""What is done to texts and series: each takes a whole `Dataset`."""

import dataclasses

import numpy as np
import tensorflow as tf


def characters(sequence_length):
    """Cuts texts into sequences of character ids.

    The vocabulary is every character of the data set, sorted by its code. The
    last sequence of a text is filled up with -1, which models leave out.

    Args:
        sequence_length: int.

    Returns:
        Function from a `Dataset` of kind `"text"` to one of kind `"tokens"`.
    """

    def transform(dataset):
        _check_kind(dataset, "text")
        texts = {
            name: [t["text"].decode() for t in split.as_numpy_iterator()]
            for name, split in dataset.splits.items()
        }
        everything = set().union(*(t for part in texts.values() for t in part))
        vocabulary = tuple(sorted(everything))
        ids = {character: i for i, character in enumerate(vocabulary)}
        splits = {}
        for name, part in texts.items():
            rows = []
            for text in part:
                row = np.array([ids[c] for c in text], "int32")
                missing = -len(row) % sequence_length
                row = np.pad(row, (0, missing), constant_values=-1)
                rows.append(row.reshape(-1, sequence_length))
            splits[name] = _examples(np.concatenate(rows))
        return dataclasses.replace(
            dataset,
            kind="tokens",
            splits=splits,
            element_shape=(sequence_length,),
            vocabulary=vocabulary,
        )

    return of_dataset(transform)


def standardize():
    """Gives every channel mean 0 and deviation 1 over the training split.

    Returns:
        Function from a `Dataset` of kind `"series"` to another one.
    """

    def transform(dataset):
        _check_kind(dataset, "series")
        train = np.concatenate(_arrays(dataset.splits["train"]))
        mean, scale = train.mean(0), np.maximum(train.std(0), 1e-6)
        splits = {
            name: split.map(
                lambda example: {**example, "x": (example["x"] - mean) / scale}
            )
            for name, split in dataset.splits.items()
        }
        return dataclasses.replace(dataset, splits=splits)

    return of_dataset(transform)


def windows(length, stride=1):
    """Cuts series into overlapping windows.

    Args:
        length: int. Steps of a window.
        stride: int. Steps from one window to the next.

    Returns:
        Function from a `Dataset` of kind `"series"` to another one.
    """

    def transform(dataset):
        _check_kind(dataset, "series")
        splits = {}
        for name, split in dataset.splits.items():
            rows = [
                np.lib.stride_tricks.sliding_window_view(x, length, axis=0)
                for x in _arrays(split)
                if len(x) >= length
            ]
            if not rows:
                raise ValueError(
                    f"The {name} split of {dataset.name!r} has no series of "
                    f"{length} steps. Choose a smaller `length`."
                )
            # (windows, channels, length) to (windows, length, channels)
            rows = np.concatenate([r[::stride] for r in rows])
            splits[name] = _examples(rows.swapaxes(1, 2))
        return dataclasses.replace(dataset, splits=splits)

    return of_dataset(transform)


def of_dataset(transform):
    """Marks a transform that takes a whole `Dataset`, not one split."""
    transform.takes_dataset = True
    return transform


def _check_kind(dataset, kind):
    if dataset.kind != kind:
        raise ValueError(
            f"This recipe takes data of kind {kind!r}. Received: "
            f"{dataset.name!r}, of kind {dataset.kind!r}"
        )


def _arrays(split):
    return [example["x"] for example in split.as_numpy_iterator()]


def _examples(x):
    return tf.data.Dataset.from_tensor_slices({"x": x})
