"""Folders and files that appear whole or not at all."""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil

import tensorflow as tf

_REFUSED = "Could not write"
_ERROR_NUMBERS = {
    tf.errors.PermissionDeniedError: errno.EACCES,
    tf.errors.ResourceExhaustedError: errno.ENOSPC,
}


@contextlib.contextmanager
def locked(lock_file, wait=True):
    """Holds an exclusive lock on a file, which is gone afterwards.

    The lock belongs to the process: it ends with it, however it ends.

    Args:
        lock_file: str. Created if absent.
        wait: bool. Whether a second holder waits for the first.

    Raises:
        BlockingIOError: if another process holds the lock and `wait` is False.
    """
    how = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
    while True:
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, how)
            if _is_still_at(descriptor, lock_file):
                break
        except BaseException:
            os.close(descriptor)
            raise
        # The former holder removed the file while we waited for it.
        os.close(descriptor)
    try:
        yield
    finally:
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(lock_file)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def replaced_folder(folder):
    """Yields a new folder, which becomes `folder` when the block ends.

    The new folder is a hidden sibling until everything in it has reached the
    disk. Then up to three steps follow: what was at `folder` is renamed aside
    (unless nothing was), the new folder is renamed to `folder`, the old one is
    deleted. An error in the block or in any step leaves the old folder where
    it was. A process killed between the two renames leaves both folders whole
    under hidden names, and the next call puts the old one back; killed at any
    other moment it leaves the old or the new folder at `folder`.

    Only one process at a time replaces a given folder; others wait.

    Args:
        folder: str. Absolute path; its parent must exist.
    """
    parent, name = os.path.split(folder)
    with locked(os.path.join(parent, f".{name}.lock")):
        _recover(folder)
        new = _hidden_sibling(folder, "tmp")
        os.mkdir(new)
        try:
            yield new
            sync_tree(new)
            old = _swap(folder, new)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        if old:
            shutil.rmtree(old, ignore_errors=True)


def remove_folder(folder):
    """Removes a folder that readers see whole or not at all.

    What a killed process had begun to remove is removed by the next call for
    any folder beside it.

    Args:
        folder: str. Absolute path.
    """
    gone = _hidden_sibling(folder, "gone")
    os.rename(folder, gone)
    parent = os.path.dirname(folder)
    _sync(parent)
    for entry in os.listdir(parent):
        if re.fullmatch(r"\..*\.gone-[0-9a-f]{16}", entry):
            shutil.rmtree(os.path.join(parent, entry), ignore_errors=True)


def write_text(filepath, text):
    """Writes a text file as `write_bytes` does, in UTF-8."""
    write_bytes(filepath, text.encode())


def write_bytes(filepath, content):
    """Writes a file that readers see in its old or its new state.

    Args:
        filepath: str. Absolute path. Two processes must not write the same
            file at the same time: hold a lock.
        content: bytes.

    Raises:
        OSError: if the disk refuses; as `disk_errors` says it.
    """
    with disk_errors(filepath):
        _write_bytes(filepath, content)


def _write_bytes(filepath, content):
    for left_over in _hidden_siblings(filepath, "tmp"):
        os.unlink(left_over)
    new = _hidden_sibling(filepath, "tmp")
    try:
        with open(new, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, filepath)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    _sync(os.path.dirname(filepath))


@contextlib.contextmanager
def disk_errors(folder):
    """Turns every error of the file system into an OSError with the folder.

    TensorFlow reports a full disk or a forbidden folder by errors of its own.
    What has been said already, by such a block inside, is not said again.

    Args:
        folder: str. What was to be written.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        if str(getattr(error, "strerror", "")).startswith(_REFUSED):
            raise
        if isinstance(error, OSError):
            number = error.errno
        else:
            number = _ERROR_NUMBERS.get(type(error))
        reason = reason_of(error)
        remedy = (
            "Check that the folder may be written and that the disk has room"
        )
        if number in (errno.EEXIST, errno.ENOTDIR):
            remedy = "A file stands where the folder belongs: name another one"
        raise OSError(
            number or errno.EIO,
            f"{_REFUSED} {folder}: {reason}. What was there before is "
            f"untouched. {remedy}",
        ) from error


def reason_of(error):
    """Why the disk refused, in one line.

    Args:
        error: `OSError`, or `tf.errors.OpError`.
    """
    text = getattr(error, "strerror", None) or getattr(
        error, "message", str(error)
    )
    # TensorFlow puts the name of its operation first; HDF5 writes lines.
    return " ".join(re.sub(r"\{\{function_node.*?\}\}", "", text).split())


def sync_tree(folder):
    """Waits until a folder and everything in it has reached the disk."""
    for path, _, file_names in os.walk(folder, topdown=False):
        for file_name in file_names:
            _sync(os.path.join(path, file_name))
        _sync(path)


def _swap(folder, new):
    old = None
    steps = [(new, folder)]
    # Renaming onto an empty folder replaces it, onto any other one fails.
    if os.path.isdir(folder) and os.listdir(folder):
        old = _hidden_sibling(folder, "old")
        steps.insert(0, (folder, old))
    done = []
    try:
        for source, target in steps:
            os.rename(source, target)
            done.append((source, target))
        _sync(os.path.dirname(folder))
    except BaseException:
        for source, target in reversed(done):
            os.rename(target, source)
        raise
    return old


def _recover(folder):
    for old in _hidden_siblings(folder, "old"):
        if os.path.exists(folder):
            shutil.rmtree(old)
        else:
            os.rename(old, folder)
    for new in _hidden_siblings(folder, "tmp"):
        shutil.rmtree(new)


def _hidden_sibling(path, kind):
    # `tempfile.mkdtemp` would make a folder that no other user may read, and
    # servers run as another user.
    parent, name = os.path.split(path)
    return os.path.join(parent, f".{name}.{kind}-{secrets.token_hex(8)}")


def _hidden_siblings(path, kind):
    parent, name = os.path.split(path)
    pattern = re.compile(rf"\.{re.escape(name)}\.{kind}-[0-9a-f]{{16}}")
    found = sorted(filter(pattern.fullmatch, os.listdir(parent)))
    return [os.path.join(parent, entry) for entry in found]


def _is_still_at(descriptor, path):
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
