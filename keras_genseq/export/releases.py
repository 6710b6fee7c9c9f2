"""Which version of a served model clients get: promote, roll back, remove."""

import contextlib
import os

from keras_genseq.export.atomic import disk_errors
from keras_genseq.export.atomic import locked
from keras_genseq.export.atomic import remove_folder
from keras_genseq.export.model_folder import LOCK_FILE
from keras_genseq.export.model_folder import Labels
from keras_genseq.export.model_folder import check_model_name
from keras_genseq.export.model_folder import saved_versions
from keras_genseq.export.server_config import write_server_config


def promote(root, name, version=None):
    """Makes a version of a model the `stable` one.

    Newer versions are `canary` until they are promoted, too. A server gives
    requests without a version or label the highest one that it serves: clients
    that want the stable one ask for the label.

    Args:
        root: path of the folder of exported models.
        name: str. The model.
        version: int. By default the highest.

    Returns:
        int, the version.

    Raises:
        ValueError: if there is no such model or version.
        OSError: if the folder may not be written.
    """
    with _releasing(root, name) as (folder, versions, labels):
        version = versions[-1] if version is None else version
        if version not in versions:
            raise ValueError(
                f"{folder} has no version {version}. It has: "
                f"{', '.join(map(str, versions))}"
            )
        if labels.promoted[-1:] != [version]:
            labels.promoted.append(version)
        labels.withdrawn = [v for v in labels.withdrawn if v != version]
    return version


def roll_back(root, name):
    """Makes the version before the `stable` one stable again.

    The version that is taken back is served no more, and stays on the disk.
    Of a model without labels, the highest version is taken back.

    Args:
        root: path of the folder of exported models.
        name: str. The model.

    Returns:
        int, the version that is stable now.

    Raises:
        ValueError: if there is no such model, or no version before.
        OSError: if the folder may not be written.
    """
    with _releasing(root, name) as (folder, versions, labels):
        *before, last = _history(versions, labels)
        if not before:
            raise ValueError(
                f"{folder} has no version before {last} to go back to."
            )
        labels.promoted = before
        labels.withdrawn.append(last)
        return before[-1]


def remove_old_versions(root, name, keep):
    """Removes all versions of a model but the newest.

    Labeled versions stay, and the one that `roll_back` would go to. Each one
    disappears at once: a server sees it whole or not at all.

    Args:
        root: path of the folder of exported models.
        name: str. The model.
        keep: int. How many of the newest versions stay.

    Returns:
        list of int, the versions that were removed.

    Raises:
        ValueError: if there is no such model, or `keep` is not positive.
        OSError: if the folder may not be written.
    """
    if keep < 1:
        raise ValueError(f"`keep` must be positive. Received: keep={keep}")
    with _releasing(root, name) as (folder, versions, labels):
        before = _history(versions, labels)[-2:] if labels.promoted else []
        kept = {*versions[-keep:], *before, *labels.as_dict().values()}
        removed = [v for v in versions if v not in kept]
        for version in removed:
            remove_folder(os.path.join(folder, str(version)))
    return removed


def _history(versions, labels):
    """The versions that clients had, one after the other, now the last."""
    promoted = [v for v in labels.promoted if v in versions]
    if len(promoted) > 1:
        return promoted
    # Before the first promotion clients had the highest version.
    last = promoted[-1] if promoted else versions[-1]
    before = [v for v in versions if v < last and v not in labels.withdrawn]
    return [*before[-1:], last]


@contextlib.contextmanager
def _releasing(root, name):
    """Yields folder, versions and labels, and writes what was changed."""
    check_model_name(name)
    root = os.path.realpath(root)
    folder = os.path.join(root, name)
    if not saved_versions(folder):
        raise ValueError(
            f"There is no exported model at {folder}: `python -m training "
            "export RUN` makes one."
        )
    with disk_errors(folder), locked(os.path.join(folder, LOCK_FILE)):
        labels = Labels(folder)
        before = list(labels.promoted), list(labels.withdrawn)
        yield folder, saved_versions(folder), labels
        if before != (labels.promoted, labels.withdrawn):
            labels.write()
    write_server_config(root)
