import numpy as np
import pytest
from PIL import Image

from training.data import load_dataset
from training.data.domains import source_of_domain


def _fill(folder, count, shape):
    folder.mkdir(parents=True)
    for i in range(count):
        pixels = np.full(shape, 10 * i, "uint8")
        Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return folder


def test_domains_may_differ_in_size_channels_and_count(tmp_path):
    a = _fill(tmp_path / "a, b", 20, (6, 5, 3))
    b = _fill(tmp_path / "c", 10, (4, 4))
    dataset = load_dataset(f"domains:{a},{b}")
    assert dataset.kind == "domains" and dataset.num_classes is None
    assert dataset.element_shape == {"a": (6, 5, 3), "b": (4, 4, 1)}
    assert [dataset.size(split) for split in dataset.splits] == [8, 1, 1]
    train = dataset.splits["train"]
    assert train["a"].element_spec["image"].shape == (6, 5, 3)
    assert int(train["a"].cardinality()) == 16
    alone = dataset.domain("b")
    assert alone.kind == "images" and alone.element_shape == (4, 4, 1)
    assert alone.size("train") == 8


def test_domains_are_resized_and_lose_their_labels(tmp_path):
    _fill(tmp_path / "a" / "x", 4, (6, 5, 3))
    _fill(tmp_path / "a" / "y", 4, (6, 9, 3))
    _fill(tmp_path / "b", 4, (7, 5, 3))
    dataset = load_dataset(f"domains:{tmp_path}/a,{tmp_path}/b?size=4")
    assert dataset.element_shape == {"a": (4, 4, 3), "b": (4, 4, 3)}
    assert set(dataset.splits["train"]["a"].element_spec) == {"image"}


def test_folders_with_letters_are_domains_and_splits(tmp_path):
    for name, count in (("trainA", 10), ("trainB", 5), ("testA", 3)):
        _fill(tmp_path / name, count, (4, 4))
    dataset = load_dataset(f"domains:{tmp_path}")
    sizes = {
        name: [dataset.domain(name).size(s) for s in dataset.splits]
        for name in "ab"
    }
    assert sizes == {"a": [9, 1, 3], "b": [3, 1, 1]}


def test_two_folders_are_asked_for(tmp_path):
    _fill(tmp_path / "a", 4, (6, 5, 3))
    with pytest.raises(ValueError, match="two folders with a comma"):
        load_dataset(f"domains:{tmp_path}/a")
    with pytest.raises(FileNotFoundError, match=r"no folder .*none"):
        load_dataset(f"domains:{tmp_path}/a,{tmp_path}/none")


@pytest.mark.parametrize("option", ["", "?size=4"])
def test_one_of_two_domains(tmp_path, option):
    _fill(tmp_path / "a", 10, (6, 6, 3))
    _fill(tmp_path / "b", 12, (6, 6))
    source = f"domains:{tmp_path}/a,{tmp_path}/b{option}"
    for name, count in (("a", 10), ("b", 12)):
        one = load_dataset(source_of_domain(source, name))
        assert one.kind == "images" and one.num_classes is None
        assert sum(one.size(split) for split in one.splits) == count
        both = load_dataset(source)
        assert one.element_shape == both.element_shape[name]
    with pytest.raises(ValueError, match=r"one of a, b. Received: \?only=c"):
        load_dataset(source_of_domain(source, "c"))


def test_one_of_two_domains_with_labels():
    one = load_dataset("domains:digits?size=8&only=b")
    assert one.num_classes == 10 and one.element_shape == (8, 8, 3)
    assert set(one.splits["train"].element_spec) == {"image", "label"}
