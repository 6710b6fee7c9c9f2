"""Commands whose disk fills up at one moment, and that are given again.

Run in a mount namespace of its own: `python -m tests.training.full_disk_moments
DISK`. DISK is an empty folder that a small file system is mounted at. Prints a
line of JSON for each moment: what the command answered and said when the disk
was full, whether what had been there was untouched, and what the same command
answered when there was room again.
"""

import contextlib
import errno
import functools
import hashlib
import io
import json
import pathlib
import shutil
import sys

import training.__main__ as command_line
from keras_genseq.export import atomic
from keras_genseq.export import version_folder
from tests.conformance.instances import eagerly
from training import callbacks
from training import checkpoints
from training import evaluate
from training import figures
from training import report
from training import run_folder
from training import train

TRAIN = [
    *("train", "nade", "--epochs", "1", "--set", "model.units=3"),
    *("global_batch_size=500", "jit_compile=False", "picture=None"),
    "model.implementation=full",
]

_NOTHING = contextlib.nullcontext()


def moments():
    """dict: moment -> the owner and name of the function that it begins with,
    and a command; None stands for the training of a run."""
    run = run_folder.RunFolder
    return {
        "configuration": (run, "write_config", None),
        "TensorBoard": (callbacks.RunProgress, "on_train_begin", None),
        "best weights": (callbacks.RunProgress, "_save_best", None),
        "metrics": (run, "write_metrics", None),
        "checkpoint": (checkpoints.CheckpointStore, "_write", None),
        "model": (train, "_write_model", None),
        "figures": (figures, "write_image", "evaluate"),
        "report": (report.Report, "markdown", "evaluate"),
        "samples": (figures, "write_image", "sample"),
        "array": (figures, "write_array", "sample --output DISK/samples.npy"),
        "export": (atomic, "sync_tree", "export --output DISK/models"),
        "card": (version_folder, "write_text", "export --output DISK/models"),
    }


def main(disk):
    disk = pathlib.Path(disk)
    whole = disk / "whole"
    assert run([*TRAIN, "--run-dir", str(whole)])[0] == 0
    assert run(["export", str(whole), "--output", str(disk / "models")])[0] == 0
    for name, (owner, function, command) in moments().items():
        folder = disk / "new"
        shutil.rmtree(folder, ignore_errors=True)
        words = [*TRAIN, "--run-dir", str(folder)]
        if command is not None:
            first, *others = command.replace("DISK", str(disk)).split()
            words = [first, str(whole), *others]
        before = contents(disk)
        # Of a run whose training is looked at, no report is waited for.
        reports = without_reports() if command is None else _NOTHING
        with reports:
            with filling(disk, owner, function):
                status, said = run(words)
            found = contents(disk)
            again, _ = run(words)
        kept = {path: found.get(path) for path in before} == before
        print(
            json.dumps(
                {
                    "moment": name,
                    "status": status,
                    "said": said.strip().splitlines()[-1:],
                    "kept": kept,
                    "again": again,
                }
            ),
            flush=True,
        )


def run(words):
    """Status and errors of a command."""
    errors = io.StringIO()
    # What is exported must be traced; all else is asked once.
    with (
        _NOTHING if words[0] == "export" else eagerly(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(errors),
    ):
        status = command_line.main(words)
    return status, errors.getvalue()


@contextlib.contextmanager
def without_reports():
    original = evaluate.evaluate
    evaluate.evaluate = lambda path: None
    try:
        yield
    finally:
        evaluate.evaluate = original


@contextlib.contextmanager
def filling(disk, owner, function):
    """Fills a disk when a function is called for the first time."""
    original = getattr(owner, function)
    ballast = disk / "ballast"

    @functools.wraps(original)
    def full(*args, **kwargs):
        if not ballast.exists():
            fill(ballast)
        return original(*args, **kwargs)

    setattr(owner, function, full)
    try:
        yield
    finally:
        setattr(owner, function, original)
        ballast.unlink(missing_ok=True)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def contents(folder):
    """dict: path -> digest of each file that a command may not spoil."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "tfevents" not in path.name
    }


if __name__ == "__main__":
    main(sys.argv[1])
