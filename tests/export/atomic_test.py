import errno
import itertools
import multiprocessing
import os
import shutil
import stat

import pytest
import tensorflow as tf

from keras_genseq.export.atomic import disk_errors
from keras_genseq.export.atomic import locked
from keras_genseq.export.atomic import reason_of
from keras_genseq.export.atomic import replaced_folder
from keras_genseq.export.atomic import write_text

CALLS = [
    (os, "fsync"),
    (os, "mkdir"),
    (os, "rename"),
    (os, "unlink"),
    (os, "rmdir"),
    (shutil, "rmtree"),
]


class Killed(BaseException):
    """Stands for SIGKILL: from it on, nothing reaches the disk."""


def kill_at(monkeypatch, moment):
    """Ends the process, as far as the disk can tell, at the n-th call."""
    count = 0

    def dying(call):
        def wrapper(*args, **kwargs):
            nonlocal count
            count += 1
            if count > moment:
                raise Killed
            return call(*args, **kwargs)

        return wrapper

    for module, name in CALLS:
        monkeypatch.setattr(module, name, dying(getattr(module, name)))


def replace(folder, text):
    with replaced_folder(str(folder)) as new:
        os.makedirs(os.path.join(new, "variables"))
        for path in ("graph", "variables/data"):
            with open(os.path.join(new, path), "w") as file:
                file.write(text)


def read(folder):
    return {(folder / path).read_text() for path in ("graph", "variables/data")}


@pytest.mark.parametrize("existing", [True, False])
def test_killed_at_any_moment_leaves_a_whole_folder(tmp_path, existing):
    states = []
    for moment in range(100):
        folder = tmp_path / str(moment) / "model"
        folder.parent.mkdir()
        if existing:
            replace(folder, "old")
        with pytest.MonkeyPatch.context() as monkeypatch:
            kill_at(monkeypatch, moment)
            try:
                replace(folder, "new")
                finished = True
            except Killed:
                finished = False
        if folder.exists():
            (state,) = read(folder)
        else:
            # Only between the two renames, where both are kept.
            state = "none"
            kept = {
                p.name.split(".")[2][:3]
                for p in tmp_path.glob(f"{moment}/.model.*-*")
            }
            assert kept == ({"old", "tmp"} if existing else kept - {"old"})
        states.append(state)
        replace(folder, "next")
        assert read(folder) == {"next"}
        assert os.listdir(folder.parent) == ["model"]
        if finished:
            break
    assert finished and states[-1] == "new"
    order = [state for state, _ in itertools.groupby(states)]
    if existing:
        assert order == ["old", "none", "new"] and states.count("none") == 1
    else:
        assert order == ["none", "new"]


def test_next_writer_puts_the_old_folder_back_even_if_it_fails(tmp_path):
    folder = tmp_path / "model"
    replace(folder, "old")
    folder.rename(tmp_path / (".model.old-" + "0" * 16))
    with pytest.raises(ZeroDivisionError), replaced_folder(str(folder)):
        raise ZeroDivisionError
    assert read(folder) == {"old"}
    assert os.listdir(tmp_path) == ["model"]


def test_everything_is_on_the_disk_before_it_is_seen(tmp_path, monkeypatch):
    synced = []

    def fsync(descriptor):
        synced.append(os.stat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)
    replace(tmp_path / "model", "new")
    written = [tmp_path / "model", *(tmp_path / "model").rglob("*")]
    assert len(written) == 4
    *before, parent = synced
    assert set(before) == {path.stat().st_ino for path in written}
    assert parent == tmp_path.stat().st_ino


@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir"])
def test_an_error_of_the_disk_changes_nothing(tmp_path, monkeypatch, call):
    folder = tmp_path / "model"
    replace(folder, "old")
    real = getattr(os, call)
    calls = []

    def fail(*args, **kwargs):
        calls.append(args)
        # The second rename is the one that has something to undo.
        if call != "rename" or len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match="No space"):
            replace(folder, "new")
    assert calls
    assert read(folder) == {"old"}
    assert os.listdir(tmp_path) == ["model"]


def test_the_folder_is_as_readable_as_any_other(tmp_path):
    replace(tmp_path / "model", "new")
    (tmp_path / "usual").mkdir()
    modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert len(modes) == 1


def test_leaves_the_hidden_folders_of_other_names_alone(tmp_path):
    other = tmp_path / (".model.b.tmp-" + "0" * 16)
    other.mkdir()
    replace(tmp_path / "model", "new")
    assert other.exists()


def _count_up(folder):
    for _ in range(20):
        with locked(os.path.join(folder, ".lock")):
            path = os.path.join(folder, "count")
            with open(path) as file:
                count = int(file.read())
            with open(path, "w") as file:
                file.write(str(count + 1))


def test_the_lock_keeps_processes_apart(tmp_path):
    (tmp_path / "count").write_text("0")
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_count_up, args=(str(tmp_path),))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert (tmp_path / "count").read_text() == "80"
    assert os.listdir(tmp_path) == ["count"]


def test_text_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    filepath = tmp_path / "card.json"
    write_text(str(filepath), "old")
    for moment in range(2):
        with monkeypatch.context() as patch:
            kill_at(patch, moment)
            with pytest.raises(Killed):
                write_text(str(filepath), "new")
        assert filepath.read_text() == "old"
    write_text(str(filepath), "new")
    assert filepath.read_text() == "new"
    assert os.listdir(tmp_path) == ["card.json"]


@pytest.mark.parametrize(
    "error",
    [
        OSError("Unable to write\n, errno = 28\n"),
        OSError(errno.ENOSPC, "Unable to write\n, errno = 28"),
        tf.errors.ResourceExhaustedError(
            None,
            None,
            "{{function_node __wrapped__x}} Unable to write\n, errno = 28",
        ),
    ],
)
def test_a_reason_is_one_line(error):
    assert reason_of(error) == "Unable to write , errno = 28"


def test_what_has_been_said_is_not_said_again():
    with (
        pytest.raises(OSError, match=r"write models/toy/a: full") as raised,
        disk_errors("models"),
        disk_errors("models/toy/a"),
    ):
        raise OSError(errno.ENOSPC, "full")
    assert str(raised.value).count("Could not write") == 1


@pytest.mark.parametrize(
    "error, number",
    [
        (OSError(errno.EROFS, "Read-only file system"), errno.EROFS),
        (tf.errors.PermissionDeniedError(None, None, "denied"), errno.EACCES),
        (tf.errors.ResourceExhaustedError(None, None, "full"), errno.ENOSPC),
        (tf.errors.UnknownError(None, None, "broken"), errno.EIO),
    ],
)
def test_errors_of_the_disk_name_the_folder(error, number):
    with (
        pytest.raises(OSError, match=r"models/toy.*untouched") as raised,
        disk_errors("models/toy"),
    ):
        raise error
    assert raised.value.errno == number
