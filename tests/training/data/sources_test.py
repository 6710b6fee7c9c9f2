import numpy as np
import pytest

from training.data import load_dataset
from training.data.sources import source_from


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
    with pytest.raises(ValueError, match=r"an int from 1 to .*\?length=0"):
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


@pytest.mark.parametrize(
    "size", ["0", "-3", "abc", "7.5", "", "100000", "4097", "9" * 5000, "1e2"]
)
def test_sizes_are_checked_before_anything_is_read(size, tmp_path):
    for kind in ("images", "domains", "attributes", "captions", "tfds"):
        with pytest.raises(ValueError, match=r"must be an int from 1 to 4,096"):
            load_dataset(f"{kind}:{tmp_path}/none?size={size}")


def test_sources_are_found_from_the_folder_where_a_run_began(
    tmp_path, monkeypatch
):
    began, here = tmp_path / "began", tmp_path / "here"
    for name in ("a", "b", "texts"):
        (began / name).mkdir(parents=True)
    here.mkdir()
    monkeypatch.chdir(here)
    for source, found in (
        ("images:a?size=8", f"images:{began}/a?size=8"),
        ("domains:a,b?only=a", f"domains:{began}/a,{began}/b?only=a"),
        ("parallel:texts/de-en", f"parallel:{began}/texts/de-en"),
        ("domains:a,c", "domains:a,c"),
        ("images:c", "images:c"),
        ("tfds:mnist", "tfds:mnist"),
        ("digits?size=9", "digits?size=9"),
        (f"images:{began}/a", f"images:{began}/a"),
    ):
        assert source_from(source, str(began)) == found
    assert source_from("images:a", str(here)) == "images:a"
    monkeypatch.chdir(began)
    assert source_from("images:a", str(began)) == "images:a"
