import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from training.checkpoints import CheckpointStore


def variables(*values):
    return [tf.Variable(np.array(v, "float32")) for v in values]


def store_with(folder, count, keep=3):
    state = variables([0.0, 0.0], 0.0)
    store = CheckpointStore(folder, state, keep=keep)
    for step in range(1, count + 1):
        state[0].assign([step, -step])
        state[1].assign(step)
        store.save(step, {"epoch": step})
    return store


def restored(folder):
    state = variables([9.0, 9.0], 9.0)
    progress = CheckpointStore(folder, state).restore()
    return progress, state[0].numpy().tolist()


def test_restores_the_newest_and_keeps_the_last_ones(tmp_path):
    store = store_with(tmp_path, 5)
    assert store.steps == [3, 4, 5]
    assert restored(tmp_path) == ({"epoch": 5}, [5.0, -5.0])


def test_copies_by_hand_are_no_steps(tmp_path):
    store = store_with(tmp_path, 2)
    shutil.copytree(tmp_path / "step-000000001", tmp_path / "step-9 (copy)")
    assert store.steps == [1, 2]
    assert restored(tmp_path) == ({"epoch": 2}, [2.0, -2.0])


def test_the_mean_of_the_last_ones_leaves_out_damaged_ones(tmp_path):
    store = store_with(tmp_path, 4, keep=4)
    (damaged,) = tmp_path.glob("step-*3")
    (damaged / "progress.json").write_text("")
    state = [*variables([9.0, 9.0], 9.0)]
    CheckpointStore(tmp_path, state).average(2)
    assert state[0].numpy().tolist() == [3.0, -3.0]
    CheckpointStore(tmp_path, state).average(10)
    np.testing.assert_allclose(state[1], (1 + 2 + 4) / 3)
    assert store.steps == [1, 2, 3, 4]


def test_the_mean_leaves_counters_alone_and_nothing_where_nothing_is(tmp_path):
    counter, weight = tf.Variable(0), tf.Variable(0.0)
    store = CheckpointStore(tmp_path, [counter, weight])
    store.average(3)
    for step in (1, 2):
        counter.assign(step)
        weight.assign(step)
        store.save(step, {})
    store.average(2)
    assert (int(counter), float(weight)) == (2, 1.5)


def test_without_a_checkpoint_nothing_changes(tmp_path):
    assert restored(tmp_path) == (None, [9.0, 9.0])


@pytest.mark.parametrize("name", ["variables", "progress.json", "digests.json"])
@pytest.mark.parametrize("damage", ["truncated", "gone", "flipped"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_used(
    tmp_path, name, damage
):
    store_with(tmp_path, 2)
    (newest,) = tmp_path.glob("step-*2")
    path = max(newest.glob(f"{name}*"), key=lambda p: p.stat().st_size)
    content = path.read_bytes()
    path.unlink()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 0xFF])
        path.write_bytes(content[:middle] + flipped + content[middle + 1 :])
    with pytest.warns(UserWarning, match=r"step-000000002 is damaged"):
        assert restored(tmp_path) == ({"epoch": 1}, [1.0, -1.0])


@pytest.mark.filterwarnings("ignore:The checkpoint")
def test_nothing_is_restored_when_all_are_damaged(tmp_path):
    store_with(tmp_path, 2)
    for path in tmp_path.rglob("*.json"):
        path.write_text("")
    assert restored(tmp_path) == (None, [9.0, 9.0])


def test_names_a_checkpoint_of_other_shapes(tmp_path):
    store_with(tmp_path, 1)
    other = CheckpointStore(tmp_path, variables([0.0, 0.0, 0.0], 0.0))
    with pytest.raises(ValueError, match="another configuration"):
        other.restore()


@pytest.mark.parametrize("function", ["mkdir", "fsync", "rename"])
def test_a_disk_that_refuses_leaves_the_earlier_ones(
    tmp_path, monkeypatch, function
):
    store = store_with(tmp_path, 1)

    def refuse(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, refuse)
        with pytest.raises(OSError, match=r"Free space there.*step-000000001"):
            store.save(2, {"epoch": 2})
    assert restored(tmp_path) == ({"epoch": 1}, [1.0, -1.0])
    assert {p.name for p in tmp_path.iterdir()} == {"step-000000001"}
    store.save(2, {"epoch": 2})
    assert store.steps == [1, 2]


def test_saving_a_step_again_replaces_it(tmp_path):
    store = store_with(tmp_path, 2)
    store.save(2, {"epoch": 7})
    assert restored(tmp_path)[0] == {"epoch": 7}


def test_progress_is_readable_text(tmp_path):
    store_with(tmp_path, 1)
    text = pathlib.Path(tmp_path / "step-000000001" / "progress.json")
    assert json.loads(text.read_text())["epoch"] == 1


class Told:
    """A group of two as one of them sees it, without the other."""

    num_workers = 2

    def __init__(self, progress=None, arrays=None):
        self.is_chief = arrays is None
        self.progress, self.arrays = progress, arrays or []

    def told(self, value):
        if self.is_chief:
            self.progress = value
        return self.progress

    def array_of_chief(self, array):
        if self.is_chief:
            self.arrays.append(array)
            return array
        return self.arrays.pop(0)


def test_the_chief_alone_reads_and_writes_and_the_others_are_told(tmp_path):
    chief = Told()
    state = variables([1.0, 2.0], 3.0)
    CheckpointStore(tmp_path / "chief", state, group=chief).save(4, {"a": 1})
    state = variables([0.0, 0.0], 0.0)
    store = CheckpointStore(tmp_path / "chief", state, group=chief)
    assert store.restore() == {"a": 1}
    other = Told(chief.progress, chief.arrays)
    elsewhere = tmp_path / "other"
    theirs = variables([9.0, 9.0], 9.0)
    store = CheckpointStore(elsewhere, theirs, group=other)
    store.save(3, {})
    assert store.restore() == {"a": 1} and not elsewhere.exists()
    for mine, its in zip(state, theirs, strict=True):
        assert mine.numpy().tolist() == its.numpy().tolist() != [0.0, 0.0]
    assert theirs[0].numpy().tolist() == [1.0, 2.0]


def test_a_new_run_begins_everywhere_as_the_chief_does(tmp_path):
    chief = Told()
    CheckpointStore(tmp_path, variables([5.0, 6.0]), group=chief).share()
    theirs = variables([9.0, 9.0])
    other = Told(arrays=chief.arrays)
    CheckpointStore(tmp_path, theirs, group=other).share()
    assert theirs[0].numpy().tolist() == [5.0, 6.0]
