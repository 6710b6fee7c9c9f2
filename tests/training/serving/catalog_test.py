"""What a server finds in its folder, and what it leaves there."""

import gc
import os
import shutil
import weakref

import pytest
import tensorflow as tf

from keras_genseq.export import promote
from keras_genseq.export import roll_back
from keras_genseq.export import write_server_config
from training.serving.catalog import Catalog
from training.serving.request_error import RequestError


class Watched:
    """A catalog of `toy` alone, with what it tells."""

    def __init__(self, root):
        self.told = []
        self.root = root
        self.catalog = Catalog(root, lambda s: s, self.told.append)
        self.refresh()

    def refresh(self):
        self.told.clear()
        self.catalog.refresh()
        return self

    @property
    def versions(self):
        states = self.catalog.states("toy")
        return sorted(v for v, sentence in states if not sentence)


@pytest.fixture
def watched(toys, tmp_path):
    shutil.copytree(toys / "toy" / "1", tmp_path / "toy" / "1")
    return Watched(tmp_path)


def add(watched, version, toys, name="toy"):
    target = watched.root / name / str(version)
    shutil.copytree(toys / "toy" / "2", target)
    return target


def test_takes_the_highest_version_and_keeps_what_it_has(watched, toys):
    first = watched.catalog.find("toy")
    assert watched.refresh().told == []
    assert watched.catalog.find("toy") is first
    add(watched, 2, toys)
    assert watched.refresh().versions == [2]
    assert watched.told == [
        "Serving toy, version 2.",
        "No longer serving toy, version 1.",
    ]
    # The one before still answers those that have it.
    example = {"x": [[0.5] * 4]}
    assert first.run("score", first.cast("score", example))
    shutil.rmtree(watched.root / "toy")
    watched.refresh()
    with pytest.raises(RequestError, match="There are: none"):
        watched.catalog.find("toy")


def test_a_session_goes_when_its_version_goes(watched, toys):
    session = weakref.ref(watched.catalog.find("toy")._session)
    add(watched, 2, toys)
    watched.refresh()
    gc.collect()
    assert session() is None


def test_labels_are_those_of_the_configuration(watched, toys):
    for version in (2, 3):
        add(watched, version, toys)
    promote(watched.root, "toy", 1)
    assert watched.refresh().versions == [1, 3]
    find = watched.catalog.find
    assert find("toy", label="stable").version == 1
    assert find("toy", label="canary").version == find("toy").version == 3
    assert watched.catalog.states("toy", label="stable") == [(1, "")]
    promote(watched.root, "toy", 3)
    assert watched.refresh().versions == [3]
    with pytest.raises(RequestError, match="no label 'canary'"):
        find("toy", label="canary")
    roll_back(watched.root, "toy")
    assert watched.refresh().versions == [1]


def test_a_version_that_cannot_be_loaded_leaves_the_one_before(watched, toys):
    broken = add(watched, 2, toys)
    (broken / "variables" / "variables.index").write_bytes(b"")
    assert watched.refresh().versions == [1]
    assert watched.told[0].startswith("Not serving toy, version 2: ")
    ((version, sentence), _) = watched.catalog.states("toy")
    assert version == 2 and sentence
    # It is not tried again and again, but once it was written anew.
    assert watched.refresh().told == []
    shutil.rmtree(broken)
    add(watched, 2, toys)
    assert watched.refresh().versions == [2]


def test_half_a_folder_is_no_version(watched):
    for name in ("2", ".3.tmp-0011223344556677", "04x", "9" * 30):
        (watched.root / "toy" / name).mkdir()
    assert watched.refresh().versions == [1]


def test_links_out_of_the_folder_are_refused(watched, toys, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    shutil.copytree(toys / "toy" / "2", outside / "toy" / "1")
    os.symlink(outside / "toy", watched.root / "linked")
    os.symlink(outside / "toy" / "1", watched.root / "toy" / "2")
    inside = add(watched, 3, toys)
    index = inside / "variables" / "variables.index"
    index.unlink()
    os.symlink(outside / "toy" / "1" / "variables" / index.name, index)
    assert watched.refresh().versions == [1]
    assert watched.catalog.names == ["toy"]
    words = "leads out of the served folder"
    assert sum(words in sentence for sentence in watched.told) == 3
    # A link inside of it is the operator's own business.
    os.symlink(watched.root / "toy" / "1", watched.root / "toy" / "4")
    assert watched.refresh().versions == [4]


@pytest.mark.parametrize(
    "base_path, words",
    [
        ("/models/../outside", "leads out of the served folder"),
        ("/etc", "leads out of the served folder"),
        ('/models/toy" nonsense: "', "cannot be used"),
    ],
)
def test_a_configuration_that_leads_out_changes_nothing(
    watched, base_path, words
):
    write_server_config(str(watched.root))
    config = watched.root / "models.config"
    text = config.read_text().replace("/models/toy", base_path)
    config.write_text(text)
    assert watched.refresh().versions == [1]
    assert words in watched.told[0]
    assert watched.refresh().told == []


@pytest.mark.parametrize(
    "operation, words",
    [
        (lambda x: tf.io.read_file(x[0])[None], "ReadFile"),
        (lambda x: tf.py_function(lambda x: x, [x], tf.string), "EagerPyFunc"),
        (
            lambda x: tf.map_fn(lambda row: tf.io.read_file(row), x),
            "ReadFile",
        ),
    ],
    ids=["reads", "calls Python", "reads in a loop"],
)
def test_a_model_that_touches_files_or_python_is_refused(
    watched, operation, words
):
    module = tf.Module()
    signature = tf.function(
        lambda x: {"y": operation(x)},
        input_signature=[tf.TensorSpec((None,), "string", "x")],
    )
    tf.saved_model.save(
        module, watched.root / "foreign" / "1", signatures=signature
    )
    watched.refresh()
    (sentence,) = watched.told
    assert "touch files, other machines or Python" in sentence
    assert words in sentence
    with pytest.raises(RequestError, match="can be served"):
        watched.catalog.find("foreign")


def test_says_where_there_is_no_folder(tmp_path):
    with pytest.raises(ValueError, match="There is no folder"):
        Catalog(tmp_path / "absent", lambda s: s)
