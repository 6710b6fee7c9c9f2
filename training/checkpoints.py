"""Checkpoints that are whole or not there, and the newest that is sound."""

import hashlib
import json
import pathlib
import shutil
import warnings

import numpy as np
import tensorflow as tf

from keras_genseq.export import atomic


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
    """

    def __init__(self, folder, variables, *, keep=3):
        self.folder = pathlib.Path(folder)
        self.keep = keep
        self._variables = variables
        self._checkpoint = tf.train.Checkpoint(variables=variables)

    @property
    def steps(self):
        """list of ints: the steps saved, oldest first."""
        names = (p.name for p in self.folder.glob("step-*"))
        return sorted(int(name.removeprefix("step-")) for name in names)

    def save(self, step, progress):
        """Writes a checkpoint.

        Args:
            step: int. Updates done.
            progress: JSON-ready dict that `restore` gives back.

        Raises:
            OSError: if the disk refuses; earlier checkpoints are untouched.
        """
        final = self._path(step)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic.replaced_folder(str(final.absolute())) as beside:
                self._write(pathlib.Path(beside), progress)
        except (OSError, tf.errors.OpError) as error:
            raise OSError(
                f"Could not write a checkpoint to {self.folder}: {error}. "
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
        for step in reversed(self.steps):
            path = self._path(step)
            damage = _damage(path)
            if damage:
                warnings.warn(
                    f"The checkpoint {path} is damaged ({damage}); the one "
                    "before it is used.",
                    stacklevel=2,
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
            status = self._checkpoint.read(str(path / "variables"))
            status.assert_consumed()
            return progress
        return None

    def average(self, count):
        """Puts the mean of the newest sound checkpoints into the variables.

        Integers, such as counters, are those of the newest.

        Args:
            count: int. Checkpoints to average; as many as there are, if fewer.
        """
        sound = [step for step in self.steps if not _damage(self._path(step))]
        values = []
        for step in sound[-count:]:
            self._checkpoint.read(str(self._path(step) / "variables"))
            values.append([variable.numpy() for variable in self._variables])
        if not values:
            return
        for variable, *parts in zip(self._variables, *values, strict=True):
            if variable.dtype.is_floating:
                variable.assign(np.mean(parts, axis=0, dtype="float64"))

    def _write(self, folder, progress):
        self._checkpoint.write(str(folder / "variables"))
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


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
