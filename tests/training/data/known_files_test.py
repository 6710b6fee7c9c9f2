import pytest

from training.data.known_files import known_folder
from training.data.known_files import located


def test_what_is_here_comes_before_what_is_known(tmp_path, monkeypatch):
    here, known = tmp_path / "here", tmp_path / "known"
    for folder in (here / "both", known / "both", known / "fashion"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(known))
    assert located("fashion") == known / "fashion"
    assert located("both").resolve() == here / "both"
    assert str(located("neither")) == "neither"
    assert located(str(here)) == here


def test_home_is_looked_into(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert located("~/mine") == tmp_path / "mine"


def test_a_data_set_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GENSEQ_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="files of faces"):
        known_folder("faces")
