"""Numbered versions of a model, in the folders that a server polls."""

import contextlib
import datetime
import json
import os

import keras
import tensorflow as tf

import keras_genseq
from keras_genseq.export.atomic import disk_errors
from keras_genseq.export.atomic import locked
from keras_genseq.export.atomic import write_text
from keras_genseq.export.documentation import README_FILE
from keras_genseq.export.model_folder import LOCK_FILE
from keras_genseq.export.model_folder import check_model_name
from keras_genseq.export.model_folder import version_folders
from keras_genseq.export.saved_model import readme_of
from keras_genseq.export.saved_model import write_saved_model
from keras_genseq.export.server_config import write_server_config

# A server reads versions as int64.
_LAST_VERSION = 2**63 - 1
_CARD_FILE = "card.json"


def publish(
    model, root, name, *, card, max_steps=None, weights="float32", **options
):
    """Adds a version of a model to the folder that a server polls.

    Writes, below `root`:

    - `<name>/<version>/`: the SavedModel. The version is one more than the
      highest there ever was, even if that one was deleted.
    - `<name>/card.json`: the card of the newest version.
    - `<name>/README.md`: what may be asked of it, and how.
    - `models.config`: the list of all models below `root`, as the option
      `--model_config_file` of TensorFlow Serving takes it, where `root` is
      mounted as `/models`; `batching.config` and `monitoring.config` beside
      it, where there are none (`write_server_config`).

    Each of them appears whole or not at all, the version first. Publishers
    of the same model wait for one another.

    Args:
        model: a built Keras model with a method `serving_signatures()`.
        root: path of a local folder. Created if absent.
        name: str. Letters, digits, `_`, `-` and `.`; no leading dot or dash.
        card: dict of JSON values: what a reader should know about the model.
            The name, the version, its signatures with the meaning, the range
            and the default of every input, the versions of the packages and
            the time are added.
        max_steps: int, or None: as for `write_saved_model`.
        weights: str: as for `write_saved_model`. The card tells what is not
            in float32.
        **options: `runtimes` and `tell` of `write_saved_model`.

    Returns:
        str, the path of the new version.

    Raises:
        ValueError: if `name` is no such name, if the card of the last version
            is damaged, if there is no number for one more version, or as
            `write_saved_model` does.
        OSError: if the disk is full or a folder may not be written.
    """
    check_model_name(name)
    json.dumps(card)  # Before the long work, not after it.
    root = os.path.realpath(root)
    folder = os.path.join(root, name)
    with contextlib.ExitStack() as stack:
        with disk_errors(folder):
            os.makedirs(folder, exist_ok=True)
            stack.enter_context(locked(os.path.join(folder, LOCK_FILE)))
        version = _next_version(folder)
        path = os.path.join(folder, str(version))
        full_card = {**card, **_facts(name, version)}
        if weights != "float32":
            full_card["weights"] = weights
        full_card["signatures"] = write_saved_model(
            model,
            path,
            card=full_card,
            name=name,
            max_steps=max_steps,
            weights=weights,
            **options,
        )
        text = json.dumps(full_card, indent=2) + "\n"
        with disk_errors(folder):
            write_text(os.path.join(folder, _CARD_FILE), text)
            write_text(os.path.join(folder, README_FILE), readme_of(path))
    write_server_config(root)
    return path


def _next_version(folder):
    card_file = os.path.join(folder, _CARD_FILE)
    highest = 0
    if os.path.exists(card_file):
        try:
            with open(card_file, encoding="utf-8") as file:
                highest = int(json.load(file)["version"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{card_file} must tell the highest version so far, and "
                'cannot be read. Mend it: {"version": <that number>} is '
                "enough."
            ) from error
    highest = max([highest, *version_folders(folder)])
    if not 0 <= highest < _LAST_VERSION:
        raise ValueError(
            f"{folder} is at version {highest}, and a server knows versions "
            f"up to {_LAST_VERSION}: remove the folder of that name, or mend "
            f'"version" in {_CARD_FILE}.'
        )
    return highest + 1


def _facts(name, version):
    now = datetime.datetime.now(datetime.UTC)
    return {
        "name": name,
        "version": version,
        "created": now.isoformat(timespec="seconds"),
        "packages": {
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "keras_genseq": keras_genseq.__version__,
        },
    }
