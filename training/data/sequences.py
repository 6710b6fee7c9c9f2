"""What is done to texts and series: each takes a whole `Dataset`."""

import dataclasses

import numpy as np
import tensorflow as tf

_LEAST_SEQUENCES = 32
# Float32 has seven digits; two are left for what varies.
_MOST_DEVIATIONS = 1e5


def characters(sequence_length):
    """Cuts texts into sequences of character ids.

    The vocabulary is every character of the data set, sorted by its code. The
    last sequence of a text is filled up with -1, which models leave out. A
    training text too short for 32 sequences is cut into shorter ones.

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
        length = min(
            sequence_length,
            max(2, sum(map(len, texts["train"])) // _LEAST_SEQUENCES),
        )
        splits = {}
        for name, part in texts.items():
            rows = []
            for text in part:
                row = np.array([ids[c] for c in text], "int32")
                missing = -len(row) % length
                row = np.pad(row, (0, missing), constant_values=-1)
                rows.append(row.reshape(-1, length))
            splits[name] = _examples(np.concatenate(rows))
        if length < sequence_length:
            dataset = dataset.noting(
                f"The text is short: sequences of {length:,} characters in "
                f"place of {sequence_length:,}."
            )
        return dataclasses.replace(
            dataset,
            kind="tokens",
            splits=splits,
            element_shape=(length,),
            vocabulary=vocabulary,
        )

    return of_dataset(transform)


def standardize():
    """Gives every channel mean 0 and deviation 1 over the training split.

    Computed in float64; `x * scale.deviation + scale.mean`, with the `scale` of
    the data set, is the series in its own units again. Where 32 bits do not
    tell values in those units apart, the `scale` is dropped, and a note says
    so.

    Returns:
        Function from a `Dataset` of kind `"series"` to another one, of float32.
    """

    def transform(dataset):
        _check_kind(dataset, "series")
        mean, deviation = dataset.scale

        def standardized(example):
            x = (tf.cast(example["x"], tf.float64) - mean) / deviation
            return {**example, "x": tf.cast(x, tf.float32)}

        splits = {n: s.map(standardized) for n, s in dataset.splits.items()}
        # A deviation of 1 also stands for that of a constant.
        varies = deviation != 1.0
        coarse = varies & (np.abs(mean) > _MOST_DEVIATIONS * deviation)
        if coarse.any():
            column = dataset.columns[int(np.argmax(coarse))]
            dataset = dataclasses.replace(dataset, scale=None).noting(
                f"Column {column!r} varies too little for its size: forecasts "
                "are standardized values. Subtract a constant to have units."
            )
        return dataclasses.replace(dataset, splits=splits)

    return of_dataset(transform)


def windows(length, stride=1):
    """Cuts series into overlapping windows.

    Where the user asked for windows of another length, or a split is shorter
    than one, `length` gives way, and a note says so.

    Args:
        length: int. Steps of a window.
        stride: int. Steps from one window to the next.

    Returns:
        Function from a `Dataset` of kind `"series"` to another one.

    Raises:
        ValueError: if a split is shorter than the windows that the user asked
            for, or than two steps.
    """

    def transform(dataset):
        _check_kind(dataset, "series")
        series = {name: _arrays(s) for name, s in dataset.splits.items()}
        longest = {name: max(map(len, part)) for name, part in series.items()}
        shortest = min(longest, key=longest.get)
        steps = dataset.window_length or min(length, longest[shortest])
        if not 2 <= steps <= longest[shortest]:
            raise ValueError(
                f"The {shortest} split of {dataset.name!r} has "
                f"{longest[shortest]} steps, too few for windows of {steps}. "
                "Give more rows, or another length, as in "
                "series:FILE.csv?length=12."
            )
        if steps < length and not dataset.window_length:
            dataset = dataset.noting(
                f"Windows have {steps} steps in place of {length}: the "
                f"{shortest} split is no longer. ?length=N behind the source "
                "chooses another number."
            )
        splits = {}
        for name, part in series.items():
            rows = [
                np.lib.stride_tricks.sliding_window_view(x, steps, axis=0)
                for x in part
                if len(x) >= steps
            ]
            # (windows, channels, steps) to (windows, steps, channels)
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
