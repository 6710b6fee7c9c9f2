"""The folder of a served model: its versions, and which of them are labeled."""

import json
import os
import re

from keras_genseq.export.atomic import write_text
from keras_genseq.export.saved_model import is_saved_model

# No leading dot, which hides a folder; no leading dash, an option of commands.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
LABELS_FILE = "labels.json"
LOCK_FILE = ".publish.lock"


def check_model_name(name):
    """Refuses what is no name of a served model.

    Raises:
        ValueError: if it has other signs than letters, digits, `_`, `-` and
            `.`, or begins with a dot or a dash.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "`name` must consist of letters, digits, `_`, `-` and `.`, and "
            f"must not begin with a dot or a dash. Received: name={name!r}"
        )


def model_names(root):
    """Names of the models below a folder that have a version, sorted."""
    return [
        name
        for name in sorted(os.listdir(root))
        if _NAME.fullmatch(name) and saved_versions(os.path.join(root, name))
    ]


def version_folders(folder):
    """All entries of a model's folder that are numbers, as ints."""
    return [
        int(entry)
        for entry in os.listdir(folder)
        if re.fullmatch(r"[0-9]+", entry)
    ]


def saved_versions(folder):
    """The versions of a model that hold a SavedModel, in order."""
    if not os.path.isdir(folder):
        return []
    return [
        version
        for version in sorted(version_folders(folder))
        if is_saved_model(os.path.join(folder, str(version)))
    ]


class Labels:
    """Which version of a model is `stable`, and which one `canary`.

    Until a version is promoted a model has no labels: a server takes the
    highest version. From then on `stable` stays where it was put, and a higher
    version than was ever promoted is the `canary`.

    Attributes:
        promoted: list of int. The versions that were `stable`, now the last.
        withdrawn: list of int. Those that were taken back.

    Args:
        folder: str. The folder of the model.

    Raises:
        ValueError: if the file of the labels is damaged.
    """

    def __init__(self, folder):
        self._file = os.path.join(folder, LABELS_FILE)
        self._folder = folder
        kept = {"promoted": [], "withdrawn": []}
        if os.path.exists(self._file):
            kept = self._read()
        self.promoted, self.withdrawn = kept["promoted"], kept["withdrawn"]

    def as_dict(self):
        """dict of label to version; empty where nothing was promoted."""
        versions = saved_versions(self._folder)
        promoted = [v for v in self.promoted if v in versions]
        if not promoted:
            return {}
        stable = promoted[-1]
        tried = max(*self.promoted, *self.withdrawn, stable)
        canary = {"canary": versions[-1]} if versions[-1] > tried else {}
        return {**canary, "stable": stable}

    def write(self):
        """Writes them for servers and for the next command."""
        kept = {"promoted": self.promoted, "withdrawn": self.withdrawn}
        write_text(self._file, json.dumps(kept) + "\n")

    def _read(self):
        try:
            with open(self._file, encoding="utf-8") as file:
                kept = json.load(file)
            return {
                name: [int(version) for version in kept[name]]
                for name in ("promoted", "withdrawn")
            }
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._file} must tell which versions were promoted, and "
                'cannot be read. Mend it: {"promoted": [<the stable '
                'version>], "withdrawn": []} is enough.'
            ) from error
