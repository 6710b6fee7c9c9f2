"""Where the files of a source lie: here, or below `KERAS_GENSEQ_DATA`."""

import os
import pathlib

_DEFAULT_FOLDER = "../shared/data"


def original_files_folder():
    """Folder of original downloads, one sub-folder per data set; read only."""
    repository = pathlib.Path(__file__).resolve().parents[2]
    folder = os.environ.get("KERAS_GENSEQ_DATA") or _DEFAULT_FOLDER
    return (repository / pathlib.Path(folder).expanduser()).resolve()


def located(path):
    """A file or folder by its path, or by its name below `KERAS_GENSEQ_DATA`.

    Args:
        path: str. `~` is the home folder.

    Returns:
        `pathlib.Path`: the one below `KERAS_GENSEQ_DATA` where there is none
        here, and there is one there; the path itself else.
    """
    own = pathlib.Path(path).expanduser()
    known = original_files_folder() / own
    return known if known.exists() and not own.exists() else own


def known_folder(name):
    """The folder of a data set below the one that `KERAS_GENSEQ_DATA` names.

    Raises:
        FileNotFoundError: if there is none.
    """
    folder = original_files_folder() / name
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(folder)!r} with the files of {name}. "
            "Let KERAS_GENSEQ_DATA name the folder that holds it."
        )
    return folder
