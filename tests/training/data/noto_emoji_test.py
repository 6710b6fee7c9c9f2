import numpy as np
import pytest

from training.data import load_dataset
from training.data.dataset import DataUnavailableError


def test_pictures_stand_beside_their_names(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    with pytest.raises(DataUnavailableError, match="There is no file"):
        load_dataset("captions:noto_emoji")
    folder = tmp_path / "noto_emoji"
    folder.mkdir()
    images = np.arange(20, dtype="uint8")[:, None, None, None]
    images = np.tile(images, (1, 32, 32, 3))
    np.savez(folder / "noto_emoji_32.npz", images=images)
    lines = [f"{i}\t00\t0\tname {i}\tkeys" for i in range(20)]
    titles = "index\tcodepoints\tskin_tones\tname\tkeywords"
    (folder / "captions.tsv").write_text("\n".join([titles, *lines]))
    dataset = load_dataset("captions:noto_emoji")
    assert dataset.element_shape == (32, 32, 3)
    found = {
        name: {
            round(255 * float(row["image"].max())): row["captions"].tolist()
            for row in split.as_numpy_iterator()
        }
        for name, split in dataset.splits.items()
    }
    assert found["test"] == {0: [b"name 0"], 10: [b"name 10"]}
    assert found["valid"] == {1: [b"name 1"], 11: [b"name 11"]}
    assert len(found["train"]) == 16
    with pytest.raises(ValueError, match="one of"):
        load_dataset("captions:noto_emoji?size=48")
