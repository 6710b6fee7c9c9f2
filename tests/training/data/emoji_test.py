import numpy as np
import pytest

from training.data.emoji import load_emoji
from training.data.sources import load_dataset


def test_a_missing_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="with the files of noto_emoji"):
        load_dataset("captions:noto_emoji?size=32")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Twenty emoji of one shade each, by their number."""
    (tmp_path / "noto_emoji").mkdir()
    shades = np.arange(20, dtype="uint8")[:, None, None, None]
    for side in (32, 64):
        images = np.broadcast_to(shades, (20, side, side, 3))
        path = tmp_path / "noto_emoji" / f"noto_emoji_{side}.npz"
        np.savez(path, images=images)
    lines = ["index\tcodepoints\tskin_tones\tname\tkeywords"]
    lines += [f"{i}\t0023\t0\tname {i}\t{'a|b' * (i % 2)}" for i in range(20)]
    (tmp_path / "noto_emoji" / "captions.tsv").write_text("\n".join(lines))
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))


@pytest.mark.parametrize("size", [None, 32, 16])
def test_names_stand_beside_their_pictures(folder, size):
    dataset = load_emoji(size)
    side = size or 64
    assert dataset.element_shape == (side, side, 3)
    numbers = {}
    for split, examples in dataset.splits.items():
        rows = list(examples.as_numpy_iterator())
        numbers[split] = [round(255 * float(r["image"].mean())) for r in rows]
        for row, number in zip(rows, numbers[split], strict=True):
            words = b"a, b" if number % 2 else b""
            assert row["captions"].tolist() == [b"name %d" % number, words]
            assert row["image"].shape == (side, side, 3)
    assert (numbers["test"], numbers["valid"]) == ([0, 10], [5, 15])
    assert len(numbers["train"]) == 16


def test_all_emoji(shared_data, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(shared_data))
    dataset = load_dataset("captions:noto_emoji?size=32")
    sizes = [dataset.size(split) for split in ("train", "valid", "test")]
    assert sizes == [2629, 329, 329]
