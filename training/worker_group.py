"""The processes that train one run together, and what they tell each other."""

import hashlib
import itertools
import json
import pathlib

import numpy as np
import tensorflow as tf

# What a collective raises when a worker of the group has gone.
_GONE = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
)
# Bytes of a file that are told at a time.
_PART = 1 << 24


class WorkerLostError(RuntimeError):
    """Another worker of the group is gone: all must start again."""


class WorkerGroup:
    """The workers of a strategy: one process, unless it spans several.

    Every worker runs the same program. The chief alone reads and writes the run
    folder, so that no file system need be shared, and tells the others.

    Args:
        strategy: `tf.distribute.Strategy`.

    Attributes:
        num_workers: int.
        is_chief: bool.
    """

    def __init__(self, strategy):
        self._strategy = strategy
        self.num_workers, self.is_chief = 1, True
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            resolver = strategy.cluster_resolver
            cluster = resolver.cluster_spec().as_dict()
            chiefs = cluster.get("chief", [])
            self.num_workers = len(chiefs + cluster.get("worker", []))
            first = "chief" if chiefs else "worker"
            self.is_chief = (resolver.task_type, resolver.task_id) == (first, 0)

    def sum(self, values):
        """Adds up what the workers have; all of them must ask.

        Args:
            values: int32 or int64 array of one shape on all workers.

        Returns:
            Array, the same on all of them.
        """
        if self.num_workers == 1:
            return values
        # A worker's first replica speaks for it.
        zeros = itertools.repeat(np.zeros_like(values))
        mine = itertools.chain([values], zeros)
        parts = self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(next(mine))
        )
        try:
            return self._strategy.reduce("SUM", parts, axis=None).numpy()
        except _GONE as error:
            raise worker_lost() from error

    def array_of_chief(self, array):
        """The chief's array, bit for bit; all workers must ask.

        Args:
            array: of the shape and type of the chief's.
        """
        if self.num_workers == 1:
            return array
        array = np.asarray(array)
        data = array.tobytes()
        words = np.frombuffer(data + bytes(-len(data) % 4), "int32")
        words = self.sum(words if self.is_chief else np.zeros_like(words))
        data = words.tobytes()[: len(data)]
        return np.frombuffer(data, array.dtype).reshape(array.shape)

    def told(self, value):
        """The chief's value; all workers must ask.

        Args:
            value: JSON-ready; of the others it is not looked at.
        """
        if self.num_workers == 1:
            return value
        text = json.dumps(value).encode() if self.is_chief else b""
        size = self.sum(np.array([len(text)]))[0]
        text = self.array_of_chief(np.frombuffer(text.ljust(size), "uint8"))
        return json.loads(text.tobytes())

    def file_of_chief(self, path, folder):
        """A file of the chief on this host; all workers must ask.

        Args:
            path: str. Where the chief has it.
            folder: path. Where the others write their copy.

        Returns:
            Where it is here: str.
        """
        if self.num_workers == 1:
            return path
        content = pathlib.Path(path).read_bytes() if self.is_chief else b""
        size, parts = self.told(len(content)), []
        for start in range(0, size, _PART):
            part = content[start : start + _PART]
            part = part.ljust(min(_PART, size - start), b"\0")
            part = self.array_of_chief(np.frombuffer(part, "uint8"))
            parts.append(part.tobytes())
        if self.is_chief:
            return path
        name = hashlib.sha256(path.encode()).hexdigest()[:16]
        copy = pathlib.Path(folder) / f"{name}{pathlib.Path(path).suffix}"
        copy.write_bytes(b"".join(parts))
        return str(copy)

    def wait(self):
        """Lets no worker go on before all have come here."""
        self.told(None)

    def lost(self, error):
        """Whether an error of TensorFlow says that a worker has gone."""
        return self.num_workers > 1 and isinstance(error, _GONE)


# The group of a process that has no others.
ALONE = WorkerGroup(None)


def worker_lost():
    """The error for a worker whose group has broken up."""
    return WorkerLostError(
        "Another worker of the group is gone, and no group takes one back. "
        "Start the same command on all of them again: they go on from the last "
        "checkpoint. (`python -m training launch`, the manifests of "
        "training/cluster and Ray do so by themselves.)"
    )
