"""Copies of runs in a store, and machines that go on from them."""

import json
import re
import shutil
import threading

import pytest

from tests.training.train_test import Killed
from tests.training.train_test import assert_equal
from tests.training.train_test import killed_after
from tests.training.train_test import small
from tests.training.train_test import weights_of
from training.remote_folder import RemoteFolder
from training.run_copies import BackgroundCopies
from training.run_copies import RunCopies
from training.run_folder import RunFolder
from training.train import copy_run
from training.train import train

CONFIG = {"recipe": "nade", "recipe_values": {"epochs": 3}}


@pytest.fixture(params=["memory", "file"])
def remote(request, tmp_path):
    return RemoteFolder(f"{request.param}://{tmp_path}/store")


def run_at(path, step=0):
    """A run folder with what a run of so many updates leaves, in small."""
    run = RunFolder(path)
    run.path.mkdir(exist_ok=True)
    run.write_config(CONFIG)
    if step:
        folder = run.checkpoints / f"step-{step:09d}"
        folder.mkdir(parents=True)
        (folder / "variables.index").write_text(f"weights {step}")
        run.best_weights.write_text(f"best {step}")
        (run.figures / "samples.png").write_text("picture")
    return run


def files_of(run):
    return {
        path.relative_to(run.path).as_posix(): path.read_text()
        for path in sorted(run.path.rglob("*"))
        if path.is_file()
    }


def copied(remote, path, *steps):
    """Copies of a run after so many updates, and the run."""
    copies = RunCopies(run_at(path), remote, keep=2)
    for step in steps:
        shutil.rmtree(path)
        run_at(path, step)
        copies.write()
    return copies


def fetched(remote, path, config=CONFIG):
    run = RunFolder(path)
    run.path.mkdir()
    RunCopies(run, remote).fetch(config)
    return run


def test_an_empty_folder_gets_the_newest_copy(remote, tmp_path, capsys):
    copies = copied(remote, tmp_path / "run", 4, 7)
    there = fetched(remote, tmp_path / "there")
    assert files_of(there) == files_of(copies.run)
    assert "checkpoints/step-000000007/variables.index" in files_of(there)
    assert "Taken over from" in capsys.readouterr().out


def test_where_nothing_was_copied_nothing_comes(remote, tmp_path):
    assert files_of(fetched(remote, tmp_path / "there")) == {}


def test_old_copies_go_and_equal_contents_are_kept_once(remote, tmp_path):
    copied(remote, tmp_path / "run", 4, 7, 9)
    names = ["000000002.json", "000000003.json"]
    assert sorted(remote.names("manifests")) == names
    # Twice weights and best ones; configuration and picture are the same.
    assert len(remote.names("data")) == 6


def test_a_run_of_other_numbers_is_refused_before_anything_comes(
    remote, tmp_path
):
    copied(remote, tmp_path / "run", 4)
    for values in ({"epochs": 2}, {"epochs": 3, "seed": 1}):
        other = {**CONFIG, "recipe_values": values}
        path = tmp_path / f"other-{len(values)}"
        with pytest.raises(ValueError, match="store holds a run with other"):
            fetched(remote, path, other)
        assert not list(path.iterdir())
    longer = {**CONFIG, "recipe_values": {"epochs": 9}}
    assert files_of(fetched(remote, tmp_path / "longer", longer))


@pytest.mark.parametrize("damage", ["gone", "truncated", "flipped", "manifest"])
def test_a_damaged_copy_is_named_and_the_one_before_used(
    remote, tmp_path, damage
):
    copied(remote, tmp_path / "run", 4, 7)
    manifest = json.loads(remote.read_bytes("manifests/000000002.json"))
    digest = manifest["files"]["best.weights.h5"]["sha256"]
    if damage == "gone":
        remote.remove(f"data/{digest}")
    elif damage == "manifest":
        remote.write_bytes("manifests/000000002.json", b'{"files": {"a')
    else:
        text = b"bes" if damage == "truncated" else b"bent 7"
        remote.write_bytes(f"data/{digest}", text)
    with pytest.warns(UserWarning, match="Copy 2 at .* is damaged"):
        there = fetched(remote, tmp_path / "there")
    assert there.best_weights.read_text() == "best 4"
    assert "checkpoints/step-000000007/variables.index" not in files_of(there)


def test_what_the_disk_has_stays_and_a_copy_that_is_further_is_told(
    remote, tmp_path, capsys
):
    copied(remote, tmp_path / "run", 7)
    own = run_at(tmp_path / "own", 4)
    before = files_of(own)
    RunCopies(own, remote).fetch(CONFIG)
    assert files_of(own) == before
    assert "is after update 7, further than" in capsys.readouterr().out


def test_a_broken_take_over_begins_again(remote, tmp_path):
    copies = copied(remote, tmp_path / "run", 7)
    own = run_at(tmp_path / "own", 4)
    (own.path / ".fetching").touch()
    RunCopies(own, remote).fetch(CONFIG)
    assert files_of(own).items() >= files_of(copies.run).items()
    assert not (own.path / ".fetching").exists()


def test_two_writers_are_told_of_each_other(remote, tmp_path):
    first = copied(remote, tmp_path / "run", 4)
    second = RunCopies(first.run, remote)
    second.write()
    with pytest.raises(OSError, match="Another process writes to"):
        first.write()
    assert len(remote.names("manifests")) == 2


def test_a_copy_that_fails_is_told_and_made_up_for(
    remote, tmp_path, monkeypatch, capsys
):
    copies = RunCopies(run_at(tmp_path / "run", 4), remote)
    done = threading.Event()
    write = type(remote).write_bytes

    def refuse(self, name, content):
        done.set()
        raise OSError("Could not write to it: no room")

    with BackgroundCopies(copies) as background:
        with monkeypatch.context() as patch:
            patch.setattr(type(remote), "write_bytes", refuse)
            background.ask()
            assert done.wait(5)
            while background.error is None:
                pass
        assert remote.names("manifests") == []
        background.ask()
    assert background.error is None
    assert len(remote.names("manifests")) == 1
    told = capsys.readouterr().err
    assert "no room. Training goes on" in told and str(copies.run.path) in told
    assert type(remote).write_bytes is write


def killed_elsewhere(tmp_path, monkeypatch, remote, recipe, config):
    """Copies of a run whose machine is gone."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(2, patch)
        train(recipe, tmp_path / "gone", config=config, copy_to=remote)
    shutil.rmtree(tmp_path / "gone")


def test_another_machine_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.train.rehearse", lambda *_: None)
    remote = RemoteFolder(f"memory://{tmp_path}/store")
    recipe, config = small(steps=3, global_batch_size=300, checkpoint_every=1)
    killed_elsewhere(tmp_path, monkeypatch, remote, recipe, config)
    run = train(recipe, tmp_path / "there", config=config, copy_to=remote)
    told = capsys.readouterr().out
    assert "Taken over from" in told
    # The copy of the second update had not been asked for, yet may be there.
    assert re.search(r"Going on after update [12]\.", told)
    (last,) = RemoteFolder(remote.url).names("manifests")[-1:]
    position = json.loads(remote.read_bytes(f"manifests/{last}"))["position"]
    assert position == [1, 3] and run.model.exists()


@pytest.mark.slow
def test_another_machine_goes_on_bit_for_bit(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.train.rehearse", lambda *_: None)
    remote = RemoteFolder(f"memory://{tmp_path}/store")
    recipe, config = small(epochs=2, global_batch_size=300, checkpoint_every=1)
    whole = train(recipe, tmp_path / "whole", config=config)
    killed_elsewhere(tmp_path, monkeypatch, remote, recipe, config)
    run = train(recipe, tmp_path / "there", config=config, copy_to=remote)
    assert_equal(weights_of(whole), weights_of(run))
    assert whole.metrics.read_text() == run.metrics.read_text()
    copy_run(recipe, run, remote)
    # The run has ended: a third machine has nothing left to train.
    capsys.readouterr()
    last = train(recipe, tmp_path / "third", config=config, copy_to=remote)
    assert "Nothing is left to train" in capsys.readouterr().out
    assert_equal(weights_of(run), weights_of(last))


def test_a_store_that_refuses_stops_the_run_before_it_trains(tmp_path):
    (tmp_path / "store").write_text("a file")
    remote = RemoteFolder(f"file://{tmp_path}/store")
    recipe, config = small(epochs=1)
    with pytest.raises(OSError, match="Could not write to file://"):
        train(recipe, tmp_path / "run", config=config, copy_to=remote)
    assert not (tmp_path / "run").exists()
