"""Which models and versions a server has: found by polling a folder."""

import dataclasses
import os
import re
from collections.abc import Callable
from typing import Any

from google.protobuf import text_format

from training.query import is_version
from training.serving.inspection import check_inside
from training.serving.request_error import RequestError
from training.serving.servable import Servable

CONFIG_FILE = "models.config"
# Where `models.config` expects the folder, in the container of the server.
_MOUNTED = "/models"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclasses.dataclass
class _Model:
    """What is known of one model.

    Attributes:
        servables: dict of version to what `make_entry` made of it.
        failures: dict of version to the sentence why it is not served.
        labels: dict of label to version.
    """

    servables: dict[int, Any] = dataclasses.field(default_factory=dict)
    failures: dict[int, str] = dataclasses.field(default_factory=dict)
    labels: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class _Wish:
    """What is to be served of one model.

    Attributes:
        folder: the folder of its versions.
        choose: callable that takes the versions there are, the highest first,
            and returns how many of which are to be served.
        labels: dict of label to version.
    """

    folder: str
    choose: Callable
    labels: dict[str, int]


class Catalog:
    """The models below a folder, as `models.config` there says, or all.

    Args:
        root: path of the folder.
        make_entry: callable that makes of a `Servable` what `find` returns.
        tell: callable that gets a sentence for each version that comes, goes
            or cannot be served.

    Raises:
        ValueError: if there is no such folder.
    """

    def __init__(self, root, make_entry, tell=print):
        self._root = os.path.realpath(root)
        if not os.path.isdir(self._root):
            raise ValueError(
                f"There is no folder {root}: `python -m training export RUN "
                "--output FOLDER` makes one."
            )
        self._make_entry = make_entry
        self._tell = tell
        self._models: dict[str, _Model] = {}
        self._wishes: dict[str, _Wish] = {}
        self._told: set[str] = set()
        # State of the file when a version failed: it is tried again once that
        # has changed.
        self._failed: dict[str, tuple[Any, str]] = {}

    @property
    def names(self):
        """Names of the models that are served, sorted."""
        return sorted(n for n, m in self._models.items() if m.servables)

    def refresh(self):
        """Looks at the folder once, and loads and drops versions.

        A version is dropped when those that take its place are ready. Call it
        from one thread at a time; `find` may go on in another.
        """
        self._wishes = self._read_wishes()
        models = {
            name: self._refreshed(name, wish)
            for name, wish in sorted(self._wishes.items())
        }
        before = {(n, v) for n, m in self._models.items() for v in m.servables}
        after = {(n, v) for n, m in models.items() for v in m.servables}
        self._models = models
        for name, version in sorted(after - before):
            self._tell(f"Serving {name}, version {version}.")
        for name, version in sorted(before - after):
            self._tell(f"No longer serving {name}, version {version}.")

    def find(self, name, version=None, label=None):
        """The entry of a version; by default of the highest.

        Raises:
            RequestError: if there is none: NOT_FOUND.
        """
        model = self._model(name)
        if label is not None:
            if label not in model.labels:
                raise RequestError(
                    "NOT_FOUND",
                    f"Model {name!r} has no label {label!r}. It has: "
                    f"{', '.join(sorted(model.labels)) or 'none'}",
                )
            version = model.labels[label]
        if not model.servables:
            raise RequestError(
                "NOT_FOUND",
                f"No version of model {name!r} can be served: "
                f"{' '.join(model.failures.values())}",
            )
        if version is None:
            version = max(model.servables)
        if version not in model.servables:
            raise RequestError(
                "NOT_FOUND",
                f"Model {name!r} has no version {version} here. It has: "
                f"{', '.join(map(str, sorted(model.servables)))}",
            )
        return model.servables[version]

    def states(self, name, version=None, label=None):
        """The versions of a model that are served, or cannot be.

        Returns:
            list of (version, sentence): the sentence is empty where it is
            served. The highest version comes first.

        Raises:
            RequestError: if there is no such model or version: NOT_FOUND.
        """
        model = self._model(name)
        known = dict(model.failures) | dict.fromkeys(model.servables, "")
        if label is not None or version not in {None, *known}:
            found = self.find(name, version, label)
            version = next(v for v, e in model.servables.items() if e is found)
        wanted = known if version is None else [version]
        return [(v, known[v]) for v in sorted(wanted, reverse=True)]

    def _model(self, name):
        # `get` once: another thread may replace the dict between two looks.
        model = self._models.get(name)
        if model is None:
            raise RequestError(
                "NOT_FOUND",
                f"There is no model {name!r}. There are: "
                f"{', '.join(self.names) or 'none'}",
            )
        return model

    def _refreshed(self, name, wish):
        old = self._models.get(name, _Model())
        new = _Model()
        versions = []
        if os.path.isdir(wish.folder):
            versions = [
                int(v) for v in os.listdir(wish.folder) if is_version(v)
            ]
        wanted, limit = wish.choose(sorted(versions, reverse=True))
        for version in wanted:
            if len(new.servables) == limit:
                break
            entry = old.servables.get(version)
            if entry is None:
                entry = self._load(name, wish.folder, version, new.failures)
            if entry is not None:
                new.servables[version] = entry
        new.labels = {k: v for k, v in wish.labels.items() if v in wanted}
        return new

    def _load(self, name, folder, version, failures):
        path = os.path.join(folder, str(version))
        state = _state_of(path)
        if self._failed.get(path, (None, ""))[0] != (state,):
            try:
                entry = self._make_entry(
                    Servable(self._root, path, name, version)
                )
            # Whatever a foreign SavedModel does, the others are served on.
            except Exception as error:
                sentence = str(error).strip().splitlines()
                sentence = sentence[0] if sentence else repr(error)
                self._failed[path] = (state,), sentence
                self._tell(f"Not serving {name}, version {version}: {sentence}")
            else:
                self._failed.pop(path, None)
                return entry
        failures[version] = self._failed[path][1]
        return None

    def _read_wishes(self):
        """dict of name to `_Wish`; the former ones where there is an error."""
        file = os.path.join(self._root, CONFIG_FILE)
        if not os.path.exists(file):
            return self._all_folders()
        try:
            return self._read_config(file)
        except (OSError, ValueError, text_format.ParseError) as error:
            self._tell_once(
                f"{file} cannot be used, and changes nothing: {error}"
            )
            return self._wishes

    def _all_folders(self):
        wishes = {}
        for name in filter(_NAME.fullmatch, os.listdir(self._root)):
            folder = os.path.join(self._root, name)
            if not os.path.isdir(folder):
                continue
            try:
                check_inside(self._root, folder)
            except ValueError as error:
                self._tell_once(str(error))
            else:
                wishes[name] = _Wish(folder, lambda versions: (versions, 1), {})
        return wishes

    def _read_config(self, file):
        from tensorflow_serving.config import model_server_config_pb2

        with open(file, encoding="utf-8") as text:
            config = text_format.Parse(
                text.read(), model_server_config_pb2.ModelServerConfig()
            )
        wishes = {}
        for entry in config.model_config_list.config:
            if not _NAME.fullmatch(entry.name):
                raise ValueError(f"{entry.name!r} is no name of a model.")
            path = os.path.relpath(entry.base_path, _MOUNTED)
            folder = os.path.join(self._root, path)
            check_inside(self._root, folder)
            wishes[entry.name] = _Wish(
                folder,
                _policy(entry.model_version_policy),
                dict(entry.version_labels),
            )
        return wishes

    def _tell_once(self, sentence):
        if sentence not in self._told:
            self._told.add(sentence)
            self._tell(sentence)


def _policy(policy):
    """The choice of versions that a `ServableVersionPolicy` means."""
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return lambda versions: (versions, len(versions))
    if kind == "specific":
        chosen = set(policy.specific.versions)
        return lambda versions: (
            [v for v in versions if v in chosen],
            len(chosen),
        )
    limit = max(1, policy.latest.num_versions)
    return lambda versions: (versions, limit)


def _state_of(path):
    """Changes when the graph of a SavedModel is written again."""
    try:
        found = os.stat(os.path.join(path, "saved_model.pb"))
    except OSError:
        return None
    # Unlike the time of change, that of modification can be copied.
    return found.st_ctime_ns, found.st_ino
