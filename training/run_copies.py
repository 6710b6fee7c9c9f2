"""Copies of a run in an object store, from which another machine goes on."""

import hashlib
import json
import os
import pathlib
import shutil
import sys
import threading
import warnings

from keras_genseq.export import atomic
from training.run_folder import check_config

# Beside checkpoints and figures, what a run is made of again.
_FILES = (
    "config.json",
    "metrics.csv",
    "best.weights.h5",
    "model.keras",
    "model-before.keras",
    "results.json",
    "report.md",
)
_FETCHING = ".fetching"


class RunCopies:
    """The newest `keep` copies of a run in a remote folder.

    An object store has no rename, but writes single files whole. So contents
    come first, below `data` under their digests, where equal ones are kept
    once; then `manifests/N.json` lists the files of the copy. What has no
    manifest is no copy, and of those that have one the newest whole one counts.
    One process at a time writes there.

    Args:
        run: `RunFolder`.
        remote: `RemoteFolder`.
        keep: int. Copies that stay.
        depth: int. Checkpoints in a copy, the newest ones.
    """

    def __init__(self, run, remote, *, keep=3, depth=1):
        self.run, self.remote = run, remote
        self.keep, self.depth = keep, depth
        self._digests = {}
        self._last = max(self._numbers(), default=0)

    def fetch(self, config):
        """Takes over the newest copy, if the run folder has nothing to go on.

        Args:
            config: as `RunFolder.write_config` takes it.

        Raises:
            OSError: if the store or the disk refuses.
            ValueError: if the copies are of a run with other numbers.
        """
        half_done = self.run.path / _FETCHING
        is_own = self.run.has_progress and not half_done.exists()
        for number in reversed(self._numbers()):
            try:
                manifest = self._manifest(number)
                present = self._config(manifest)
                check_config(
                    present, config, self.remote.url, "--checkpoint-to"
                )
                if is_own:
                    self._compare(manifest)
                else:
                    self._take_over(manifest)
                return
            except _DamagedError as error:
                warnings.warn(
                    f"Copy {number} at {self.remote.url} is damaged ({error}); "
                    "the one before it is used.",
                    stacklevel=2,
                )

    def write(self):
        """Copies what the run folder holds now.

        Raises:
            OSError: if the store refuses; earlier copies are untouched.
        """
        numbers = self._numbers()
        if max(numbers, default=0) != self._last:
            raise OSError(
                f"Another process writes to {self.remote.url}: it has copy "
                f"{max(numbers, default=0)}, this one knows {self._last}. Stop "
                "one of them, or name another place"
            )
        files = self._uploaded()
        manifest = {"files": files, "position": _position(files)}
        text = json.dumps(manifest, indent=1)
        self.remote.write_bytes(_manifest_name(self._last + 1), text.encode())
        self._last += 1
        self._remove_old([*numbers, self._last])

    def _numbers(self):
        """Numbers of the manifests, ascending."""
        names = self.remote.names("manifests")
        stems = (n[: -len(".json")] for n in names if n.endswith(".json"))
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def _manifest(self, number):
        try:
            manifest = json.loads(
                self.remote.read_bytes(_manifest_name(number))
            )
            for path, file in manifest["files"].items():
                if self.remote.size(_data_name(file["sha256"])) != file["size"]:
                    raise _DamagedError(f"{path} is not as it was written")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _DamagedError("its manifest is no JSON of ours") from error
        return manifest

    def _config(self, manifest):
        digest = manifest["files"].get("config.json", {}).get("sha256", "")
        content = self.remote.read_bytes(_data_name(digest)) if digest else b""
        if hashlib.sha256(content).hexdigest() != digest:
            raise _DamagedError("config.json has changed since it was written")
        return json.loads(content)

    def _compare(self, manifest):
        """Says so where the copy is further than what the disk holds."""
        here = _position(self._found())
        there = manifest.get("position", [0, 0])
        if list(there) > list(here):
            print(
                f"The copy at {self.remote.url} is after update {there[1]}, "
                f"further than {self.run.path}, which is gone on from; an "
                "empty --run-dir would go on from the copy."
            )

    def _take_over(self, manifest):
        """Downloads all files, and moves them to where they belong."""
        beside = self.run.path / ".fetched"
        with atomic.disk_errors(str(self.run.path)):
            shutil.rmtree(beside, ignore_errors=True)
        try:
            for path, file in manifest["files"].items():
                (beside / path).parent.mkdir(parents=True, exist_ok=True)
                name = _data_name(file["sha256"])
                if self.remote.download(name, beside / path) != file["sha256"]:
                    raise _DamagedError(f"{path} has changed")
            with atomic.disk_errors(str(self.run.path)):
                # Until all are there, the next start does this again.
                (self.run.path / _FETCHING).touch()
                for path in manifest["files"]:
                    target = self.run.path / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(beside / path, target)
                (self.run.path / _FETCHING).unlink()
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        print(f"Taken over from {self.remote.url}: {self.run.path}")

    def _found(self):
        """Paths, relative to the run, of all that belongs to a copy.

        Checkpoints come first: best weights that are newer than they are do
        no harm, older ones do.
        """
        root = self.run.path
        found = []
        for step in _newest_steps(root, self.depth):
            found += sorted(step.iterdir())
        found += [
            path
            for path in sorted(root.rglob("*"))
            if path.name in _FILES or path.parent.name == "figures"
        ]
        paths = [path.relative_to(root).as_posix() for path in found]
        return [p for p in paths if not p.startswith(".") and "/." not in p]

    def _uploaded(self, attempts=5):
        """Uploads what is not there yet.

        Returns:
            dict: path -> `sha256` and `size`.
        """
        for attempt in range(attempts):
            try:
                return {path: self._upload(path) for path in self._found()}
            except FileNotFoundError:
                # Newer checkpoints have taken the place of this one.
                if attempt == attempts - 1:
                    raise
        return {}

    def _upload(self, path):
        with open(self.run.path / path, "rb") as file:
            status = os.fstat(file.fileno())
            key = (path, status.st_ino, status.st_size, status.st_mtime_ns)
            if key not in self._digests:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                self._digests[key] = digest
                file.seek(0)
            digest = self._digests[key]
            name = _data_name(digest)
            if self.remote.size(name) != status.st_size:
                self.remote.upload(file, name)
        return {"sha256": digest, "size": status.st_size}

    def _remove_old(self, numbers):
        """Removes the oldest copies, and contents that no other one has."""
        kept, used = numbers[-self.keep :], set()
        for number in kept:
            try:
                files = json.loads(
                    self.remote.read_bytes(_manifest_name(number))
                )["files"]
            except (ValueError, KeyError):
                continue
            used |= {file["sha256"] for file in files.values()}
        for number in numbers[: -self.keep]:
            self.remote.remove(_manifest_name(number))
        for digest in set(self.remote.names("data")) - used:
            self.remote.remove(_data_name(digest))


class BackgroundCopies:
    """Copies a run while it trains on; a context manager.

    A copy that fails is told in a sentence and made up for by the next one;
    training goes on. Leaving waits for what is asked for.

    Args:
        copies: `RunCopies`.
    """

    def __init__(self, copies):
        self.error = None
        self._copies = copies
        self._asked = threading.Condition()
        self._is_wanted = self._has_ended = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        with self._asked:
            self._has_ended = True
            self._asked.notify()
        self._thread.join()

    def ask(self):
        """Has what is on the disk copied, soon."""
        with self._asked:
            self._is_wanted = True
            self._asked.notify()

    def _work(self):
        while True:
            with self._asked:
                self._asked.wait_for(lambda: self._is_wanted or self._has_ended)
                if not self._is_wanted:
                    return
                self._is_wanted = False
            self._copy()

    def _copy(self):
        try:
            self._copies.write()
            self.error = None
        except OSError as error:
            self.error = error
            print(
                f"\nCopying failed: {error}. Training goes on, and the next "
                f"checkpoint tries again; {self._copies.run.path} has all.",
                file=sys.stderr,
                flush=True,
            )


class _DamagedError(Exception):
    """A copy that is not whole."""


def _manifest_name(number):
    return f"manifests/{number:09d}.json"


def _data_name(digest):
    return f"data/{digest}"


def _newest_steps(root, depth):
    """Folders of the newest checkpoints of what is being trained."""
    steps = [
        path
        for path in root.rglob("checkpoints/step-*")
        if path.name.removeprefix("step-").isdecimal()
    ]
    if not steps:
        return []
    folder = max(steps, key=_modified).parent
    return sorted(step for step in steps if step.parent == folder)[-depth:]


def _modified(path):
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _position(paths):
    """How far files are: trained models, and updates of the next one."""
    paths = [pathlib.PurePosixPath(path) for path in paths]
    models = sum(path.name == "model.keras" for path in paths)
    steps = (path.parent.name.removeprefix("step-") for path in paths)
    return [models, max((int(s) for s in steps if s.isdecimal()), default=0)]
