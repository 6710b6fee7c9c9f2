"""Which version clients get, and what a server reads of it."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_genseq.export import promote
from keras_genseq.export import publish
from keras_genseq.export import remove_old_versions
from keras_genseq.export import roll_back
from keras_genseq.export import write_server_config
from tests.export.version_folder_test import server_config


@pytest.fixture
def root(saved_model, tmp_path):
    """Three versions of a model, without the time that writing them takes."""
    for version in (1, 2, 3):
        add_version(tmp_path, saved_model, version)
    return tmp_path


def add_version(root, saved_model, version):
    shutil.copytree(saved_model, root / "toy" / str(version))
    write_server_config(str(root))


def served(root):
    """Labels, and the versions that a server is told to load."""
    (config,) = server_config(root)
    versions = list(config.model_version_policy.specific.versions)
    assert set(versions) == set(config.version_labels.values())
    return dict(config.version_labels)


def versions(root):
    return sorted(int(n) for n in os.listdir(root / "toy") if n.isdecimal())


def test_without_a_promotion_a_server_takes_the_highest(root):
    assert served(root) == {}
    (config,) = server_config(root)
    assert not config.HasField("model_version_policy")


def test_promoted_is_stable_and_newer_is_canary(root, saved_model):
    assert promote(root, "toy", 2) == 2
    assert served(root) == {"stable": 2, "canary": 3}
    assert promote(root, "toy") == 3
    assert served(root) == {"stable": 3}
    add_version(root, saved_model, 4)
    assert served(root) == {"stable": 3, "canary": 4}


def test_rolling_back_withdraws_what_was_stable(root, saved_model):
    for version in (1, 3):
        promote(root, "toy", version)
    assert roll_back(root, "toy") == 1
    # 3 was taken back, and 2 is older.
    assert served(root) == {"stable": 1}
    add_version(root, saved_model, 4)
    assert served(root) == {"stable": 1, "canary": 4}
    with pytest.raises(ValueError, match="no version before 1"):
        roll_back(root, "toy")
    promote(root, "toy", 3)
    assert served(root) == {"stable": 3, "canary": 4}


@pytest.mark.parametrize("promoted", [False, True])
def test_before_the_first_promotion_clients_had_the_highest(root, promoted):
    if promoted:
        promote(root, "toy")
    assert roll_back(root, "toy") == 2
    assert served(root) == {"stable": 2}


def test_old_versions_go_and_labeled_ones_stay(root, saved_model):
    for version in (4, 5, 6):
        add_version(root, saved_model, version)
    promote(root, "toy", 2)
    promote(root, "toy", 3)
    assert remove_old_versions(root, "toy", keep=2) == [1, 4]
    assert versions(root) == [2, 3, 5, 6]
    assert served(root) == {"stable": 3, "canary": 6}
    assert roll_back(root, "toy") == 2
    assert remove_old_versions(root, "toy", keep=1) == [3, 5]
    assert set(os.listdir(root / "toy")) == {"2", "6", "labels.json"}


def test_teaches_what_there_is(root):
    with pytest.raises(ValueError, match=r"no version 7\. It has: 1, 2, 3"):
        promote(root, "toy", 7)
    with pytest.raises(ValueError, match="no exported model at"):
        promote(root, "other")
    with pytest.raises(ValueError, match="must not begin with a dot"):
        roll_back(root, "../toy")
    with pytest.raises(ValueError, match="`keep` must be positive"):
        remove_old_versions(root, "toy", keep=0)
    (root / "toy" / "labels.json").write_text('{"promoted": 3}')
    with pytest.raises(ValueError, match=r"labels\.json must tell which"):
        promote(root, "toy")


def test_a_killed_publisher_shows_whole_versions_alone(model, tmp_path):
    for _ in range(2):
        publisher = subprocess.Popen(
            [sys.executable, "-m", "tests.export.publisher", tmp_path],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert publisher.stdout.readline() == "published\n"
            end = time.monotonic() + np.random.default_rng().uniform(0.2, 1.5)
            num_seen = 0
            while time.monotonic() < end:
                num_seen += look(tmp_path)
        finally:
            publisher.send_signal(signal.SIGKILL)
            publisher.wait()
        assert num_seen and look(tmp_path)
    path = pathlib.Path(publish(model, tmp_path, "toy", card={}))
    remove_old_versions(tmp_path, "toy", keep=1)
    visible = {path.name, "card.json", "README.md"}
    assert set(os.listdir(tmp_path / "toy")) == visible


def look(root):
    """What a polling server sees: it lists versions, then opens one."""
    found = versions(root)
    for version in found:
        folder = root / "toy" / str(version)
        # Unlike `rglob` it goes on where a folder is gone.
        files = {
            os.path.relpath(os.path.join(path, name), folder)
            for path, _, names in os.walk(folder)
            for name in names
        }
        # Gone since, all at once; else whole.
        assert not folder.exists() or files >= WHOLE, files
    assert [config.name for config in server_config(root)] == ["toy"]
    return len(found)


WHOLE = {
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
    "assets.extra/tf_serving_warmup_requests",
    "assets.extra/card.json",
}
