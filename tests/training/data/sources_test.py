import numpy as np
import pytest

from training.data import load_dataset


@pytest.mark.parametrize(
    "source",
    ["mnist", "digits:8", "csv:table.csv", "tfds:", "", "text"],
)
def test_unknown_sources_list_the_known_ones(source):
    with pytest.raises(
        ValueError, match=r"must be one of: digits\[\?size=N\], tfds:NAME"
    ):
        load_dataset(source)


@pytest.mark.parametrize("option", ["size=0", "size=big", "width=3"])
def test_unknown_options_are_explained(tmp_path, option):
    with pytest.raises(ValueError, match=f"Received: \\?{option}"):
        load_dataset(f"images:{tmp_path}?{option}")


def test_options_are_joined_and_checked(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "".join(f"{i},\n{i},{i}\n" for i in range(10)))
    dataset = load_dataset(f"series:{path}?gaps=drop&length=5")
    assert dataset.window_length == 5
    with pytest.raises(ValueError, match="no option `\\?gap=`"):
        load_dataset(f"series:{path}?gap=drop")
    with pytest.raises(ValueError, match=r"positive int.*\?length=0"):
        load_dataset(f"series:{path}?length=0")


@pytest.mark.parametrize(
    "source, words",
    [
        ("digit", "mean `digits`"),
        ("IMAGES:/a/b", "mean `images:/a/b`"),
        ("image:b", "mean `images:b`"),
        ("csv:a.csv", "mean `series:a.csv`"),
        ("prices.csv", "mean `series:prices.csv`"),
        ("a/faces.npz", "mean `npz:a/faces.npz`"),
        ("dates:5", "Write 'dates' alone"),
        ("images", "Write what to load behind images:"),
    ],
)
def test_what_was_meant_is_offered(source, words):
    with pytest.raises(ValueError, match=f"data source must.*{words}"):
        load_dataset(source)


def test_size_is_for_images_only(tmp_path):
    with pytest.raises(
        ValueError,
        match="works with digits, tfds, images, domains, attributes, captions",
    ):
        load_dataset(f"idx:{tmp_path}?size=8")


def test_dispatches_to_the_reader(tmp_path):
    x = np.zeros((20, 3), "float32")
    np.savez(tmp_path / "a.npz", x_train=x, x_test=x)
    assert load_dataset(f"npz:{tmp_path / 'a.npz'}").kind == "vectors"
    (tmp_path / "a.txt").write_text("some text " * 10)
    assert load_dataset(f"text:{tmp_path / 'a.txt'}").kind == "text"
    assert load_dataset("digits").num_classes == 10
    assert load_dataset("digits?size=16").element_shape == (16, 16, 1)
    for source in ("digits?length=3", "dates?size=8"):
        with pytest.raises(
            ValueError, match=f"in '{source}'".replace("?", "\\?")
        ):
            load_dataset(source)
