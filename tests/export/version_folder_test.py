import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from keras_genseq.export import describe_signatures
from keras_genseq.export import publish
from training.query import ServingSession


def server_config(root):
    return text_format.Parse(
        (root / "models.config").read_text(),
        model_server_config_pb2.ModelServerConfig(),
    ).model_config_list.config


def read_card(root, name="toy"):
    return json.loads((root / name / "card.json").read_text())


def test_versions_only_grow(model, tmp_path):
    paths = [publish(model, tmp_path, "toy", card={}) for _ in range(2)]
    assert paths == [str(tmp_path / "toy" / v) for v in ("1", "2")]
    shutil.rmtree(paths[1])
    assert publish(model, tmp_path, "toy", card={}).endswith("toy/3")
    # A folder made by hand counts too.
    (tmp_path / "toy" / "0010").mkdir()
    assert publish(model, tmp_path, "toy", card={}).endswith("toy/11")
    assert read_card(tmp_path)["version"] == 11


def test_publishers_do_not_collide(model, tmp_path):
    def once(name):
        return publish(model, tmp_path, name, card={})

    names = ["toy", "toy", "other", "toy"]
    with ThreadPoolExecutor(4) as pool:
        paths = sorted(pool.map(once, names))
    expected = ["other/1", "toy/1", "toy/2", "toy/3"]
    assert paths == [str(tmp_path / path) for path in expected]
    for path in paths:
        assert ServingSession(path).run("sample", seed=[1], temperature=[1])
    assert {config.name for config in server_config(tmp_path)} == {
        "other",
        "toy",
    }
    visible = {"1", "2", "3", "card.json", "README.md"}
    assert set(os.listdir(tmp_path / "toy")) == visible


def test_the_card_says_what_the_version_is(model, tmp_path):
    path = publish(model, tmp_path, "toy", card={"paper": "none", "name": "x"})
    card = read_card(tmp_path)
    assert card["paper"] == "none"
    assert (card["name"], card["version"]) == ("toy", 1)
    assert card["signatures"] == describe_signatures(path)
    assert card["packages"]["tensorflow"] == tf.__version__
    assert set(card["packages"]) == {"tensorflow", "keras", "keras_genseq"}
    assert card["created"].endswith("+00:00")


def test_the_server_config_lists_every_model(model, tmp_path):
    publish(model, tmp_path, "b.2", card={})
    (tmp_path / "not_a_model").mkdir()
    publish(model, tmp_path, "a-1", card={})
    configs = server_config(tmp_path)
    assert [config.name for config in configs] == ["a-1", "b.2"]
    assert configs[0].base_path == "/models/a-1"
    assert configs[0].model_platform == "tensorflow"


def test_a_failed_write_is_no_version(model, tmp_path, monkeypatch):
    publish(model, tmp_path, "toy", card={"number": 1})

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="toy/2: No space left"):
            publish(model, tmp_path, "toy", card={"number": 2})
    assert read_card(tmp_path)["number"] == 1
    assert set(os.listdir(tmp_path / "toy")) == {
        "1",
        "card.json",
        "README.md",
    }
    assert publish(model, tmp_path, "toy", card={}).endswith("toy/2")


@pytest.mark.parametrize("version", [2**63 - 1, 10**23])
def test_a_version_that_no_server_reads_is_refused(model, tmp_path, version):
    (tmp_path / "toy" / str(version)).mkdir(parents=True)
    with pytest.raises(ValueError, match=f"is at version {version}, and a"):
        publish(model, tmp_path, "toy", card={})


def test_the_readme_of_the_newest_version_stands_beside_it(model, tmp_path):
    path = publish(model, tmp_path, "toy", card={})
    text = (tmp_path / "toy" / "README.md").read_text()
    assert text.startswith("# toy\n")
    assert "## Limits" in text and "is refused before any work" in text
    assert "export --promote toy" in text and "export --roll-back toy" in text
    with open(os.path.join(path, "assets.extra", "README.md")) as file:
        assert file.read() == text


@pytest.mark.parametrize(
    "name", ["", ".hidden", "a/b", "..", 'a"b', "a b", "-rf"]
)
def test_refuses_names_that_are_none(model, tmp_path, name):
    with pytest.raises(ValueError, match="must not begin with a dot"):
        publish(model, tmp_path, name, card={})
    assert os.listdir(tmp_path) == []


def test_a_damaged_card_is_named(model, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "card.json").write_text("{")
    with pytest.raises(ValueError, match=r"card\.json must tell the highest"):
        publish(model, tmp_path, "toy", card={})


def test_a_card_holds_json_alone(model, tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        publish(model, tmp_path, "toy", card={"score": tf.constant(1.0)})
    assert os.listdir(tmp_path) == []
