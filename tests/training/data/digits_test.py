import hashlib

import numpy as np

from training.data.digits import load_digits


def test_split_is_fixed_stratified_and_complete():
    dataset = load_digits()
    sizes = {split: dataset.size(split) for split in dataset.splits}
    assert sizes == {"train": 1297, "valid": 250, "test": 250}
    seen = set()
    for examples in dataset.splits.values():
        rows = list(examples.as_numpy_iterator())
        counts = np.bincount([row["label"] for row in rows], minlength=10)
        assert counts.max() - counts.min() <= 0.05 * len(rows)
        seen |= {row["image"].tobytes() for row in rows}
    assert len(seen) == 1797


def test_images_are_float32_in_the_unit_interval():
    dataset = load_digits()
    assert dataset.element_shape == (8, 8, 1)
    images = np.stack([e["image"] for e in dataset.splits["valid"]])
    assert images.dtype == np.float32
    assert images.min() == 0.0
    assert images.max() == 1.0


def test_two_loads_agree():
    def digest():
        rows = load_digits().splits["test"].as_numpy_iterator()
        pixels = b"".join(row["image"].tobytes() for row in rows)
        return hashlib.sha256(pixels).hexdigest()

    assert digest() == digest()


def test_digits_can_be_resized():
    plain, large = load_digits(), load_digits(size=32)
    assert large.element_shape == (32, 32, 1)
    for a, b in zip(
        plain.splits["test"].take(9), large.splits["test"].take(9), strict=True
    ):
        assert a["label"] == b["label"]
        # Blocks of four pixels are about the old ones.
        blocks = b["image"].numpy().reshape(8, 4, 8, 4).mean((1, 3))
        assert np.corrcoef(blocks.flat, a["image"].numpy().flat)[0, 1] > 0.95
