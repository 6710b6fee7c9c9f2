"""Checkpoints that are whole or not there, and the newest that is sound."""

import hashlib
import json
import pathlib
import shutil
import warnings

import numpy as np
import tensorflow as tf

from keras_genseq.export import atomic
from training.worker_group import ALONE


class CheckpointStore:
    """A folder of checkpoints, the newest `keep` of them.

    A checkpoint is a folder `step-N` with the variables (written by
    `tf.train.Checkpoint`), what else the run must remember, and a digest of
    every file. It is written beside, synced and renamed: a killed writer leaves
    nothing that looks like a checkpoint.

    Args:
        folder: path. Made if absent.
        variables: list of `tf.Variable`s, in an order that depends on the
            program alone.
        keep: int. How many checkpoints stay.
        group: `WorkerGroup`. All of its workers save and restore together; its
            chief alone reads and writes the folder.
    """

    def __init__(self, folder, variables, *, keep=3, group=ALONE):
        self.folder = pathlib.Path(folder)
        self.keep = keep
        self._variables = variables
        self._group = group

    @property
    def steps(self):
        """list of ints: the steps saved, oldest first."""
        names = (
            p.name.removeprefix("step-") for p in self.folder.glob("step-*")
        )
        # A copy by hand has another name than any step.
        return sorted(map(int, filter(str.isdecimal, names)))

    def save(self, step, progress):
        """Writes a checkpoint.

        Args:
            step: int. Updates done.
            progress: JSON-ready dict that `restore` gives back.

        Raises:
            OSError: if the disk refuses; earlier checkpoints are untouched.
        """
        variables = self._variables
        if self._group.num_workers > 1:
            # Some are sums over the workers: all must read them.
            variables = [tf.Variable(v.numpy()) for v in variables]
        if not self._group.is_chief:
            return
        final = self._path(step)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic.replaced_folder(str(final.absolute())) as beside:
                self._write(pathlib.Path(beside), variables, progress)
        except (OSError, tf.errors.OpError) as error:
            raise OSError(
                f"Could not write a checkpoint to {self.folder}: "
                f"{atomic.reason_of(error)}. "
                "Free space there and start the same command again: it goes on "
                f"from the last checkpoint, {self._newest_name()}."
            ) from error
        for old in self.steps[: -self.keep]:
            shutil.rmtree(self._path(old), ignore_errors=True)

    def restore(self):
        """Reads the newest sound checkpoint into the variables.

        A damaged one is named in a warning, and the one before it is used.

        Returns:
            What `save` was given as `progress`, or None if there is no sound
            checkpoint.

        Raises:
            ValueError: if the checkpoint belongs to a model of other shapes.
        """
        path, progress = None, None
        if self._group.is_chief:
            path, progress = self._newest()
        progress = self._group.told(progress)
        if progress is not None:
            self.share(path and _reader(path))
        return progress

    def share(self, read=None):
        """Gives the variables of all workers the values of the chief.

        Args:
            read: optional callable, of the chief: number of a variable -> its
                value; by default that which it has.
        """
        if read is None and self._group.num_workers == 1:
            return
        for number, variable in enumerate(self._variables):
            # All must read, as in `save`.
            value = variable.numpy()
            if read is not None:
                value = read(number)
            variable.assign(self._group.array_of_chief(value))

    def _newest(self):
        """Folder and progress of the newest sound checkpoint, or twice None."""
        for step in reversed(self.steps):
            path = self._path(step)
            damage = _damage(path)
            if damage:
                warnings.warn(
                    f"The checkpoint {path} is damaged ({damage}); the one "
                    "before it is used.",
                    stacklevel=3,
                )
                continue
            progress = json.loads((path / "progress.json").read_text())
            shapes = progress.pop("shapes")
            if shapes != self._shapes():
                raise ValueError(
                    f"The checkpoint {path} holds {len(shapes)} variables of "
                    "other shapes than this model's "
                    f"{len(self._variables)}: it was written by another "
                    "configuration. Start in an empty folder, or go back to "
                    "the recipe of that run."
                )
            return path, progress
        return None, None

    def average(self, count):
        """Puts the mean of the newest sound checkpoints into the variables.

        Integers, such as counters, are those of the newest.

        Args:
            count: int. Checkpoints to average; as many as there are, if fewer.
        """
        sound = [step for step in self.steps if not _damage(self._path(step))]
        readers = [_reader(self._path(step)) for step in sound[-count:]]
        if not readers:
            return
        for number, variable in enumerate(self._variables):
            value = readers[-1](number)
            if variable.dtype.is_floating:
                parts = [read(number) for read in readers]
                value = np.mean(parts, axis=0, dtype="float64")
            variable.assign(value)

    def _write(self, folder, variables, progress):
        checkpoint = tf.train.Checkpoint(variables=variables)
        checkpoint.write(str(folder / "variables"))
        (folder / "progress.json").write_text(
            json.dumps({**progress, "shapes": self._shapes()})
        )
        digests = {path.name: _digest(path) for path in folder.iterdir()}
        (folder / "digests.json").write_text(json.dumps(digests))

    def _path(self, step):
        return self.folder / f"step-{step:09d}"

    def _newest_name(self):
        return self._path(self.steps[-1]).name if self.steps else "none"

    def _shapes(self):
        return [list(v.shape) for v in self._variables]


def _reader(folder):
    """Function of the number of a variable to the value it was saved with."""
    reader = tf.train.load_checkpoint(str(folder / "variables"))
    return lambda number: reader.get_tensor(
        f"variables/{number}/.ATTRIBUTES/VARIABLE_VALUE"
    )


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damage(folder):
    """What is wrong with a checkpoint, or an empty string."""
    try:
        digests = json.loads((folder / "digests.json").read_text())
        for name, digest in digests.items():
            if _digest(folder / name) != digest:
                return f"{name} has changed since it was written"
    except (OSError, ValueError) as error:
        return str(error)
    return ""
