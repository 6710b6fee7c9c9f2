import dataclasses

import numpy as np
import pytest

from keras_genseq.tokenizers import ByteTokenizer
from training.data import load_dataset
from training.data.translation import token_pairs

pytest.importorskip("babel")


@pytest.fixture(scope="module")
def dates():
    return load_dataset("dates")


def test_every_day_comes_once_and_is_written_out(dates):
    pairs = [
        (pair["source"].decode(), pair["target"].decode())
        for split in dates.splits.values()
        for pair in split.as_numpy_iterator()
    ]
    targets = {target for _, target in pairs}
    assert len(targets) == len(pairs) == 36525
    assert min(targets) == "1950-01-01" and max(targets) == "2049-12-31"
    # The year, in full, is in what every language writes.
    assert all(target[:4] in source for source, target in pairs)


def test_the_same_pairs_every_time(dates):
    first = next(iter(dates.splits["test"]))
    again = next(iter(load_dataset("dates").splits["test"]))
    assert first["source"] == again["source"]


def test_pairs_become_rows_of_tokens(dates):
    tokenizer = ByteTokenizer()
    few = dataclasses.replace(
        dates,
        splits={n: s.take(5) for n, s in dates.splits.items()},
        tokenizer=tokenizer,
    )
    encoded = token_pairs()(few)
    for name, split in encoded.splits.items():
        for row, pair in zip(split, few.splits[name], strict=True):
            assert row["y"].shape == (10,)
            texts = tokenizer.decode([np.trim_zeros(row["x"], "b")])
            assert texts[0] == pair["source"]
    longest = max(len(p["source"].numpy()) for p in few.splits["train"])
    assert encoded.element_shape == (longest,)


def test_only_pairs_are_translated():
    with pytest.raises(ValueError, match="takes data of kind 'pairs'"):
        token_pairs()(load_dataset("digits"))
