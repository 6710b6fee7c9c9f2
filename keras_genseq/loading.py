"""A trained model in one line, wherever it was kept."""

import importlib
import os
import pathlib
from collections.abc import Mapping

import keras
import tensorflow as tf
from absl import logging


def load(path):
    """Loads a model that was kept: a run, a `.keras` file or a SavedModel.

    Args:
        path: str or path. A run folder, of which the newest kept model is
            taken; a `.keras` file; a SavedModel; or a folder of numbered
            versions of one, of which the highest is taken.

    Returns:
        The Keras model, not compiled, with all its methods; of a SavedModel a
        `ServedModel`.

    Raises:
        FileNotFoundError: if there is no model.
        ValueError: if there is one that cannot be read.

    Example:

    ```python
    model = NADE(4, 2)
    model.save("model.keras")
    keras_genseq.load("model.keras").sample(2, seed=0)
    ```
    """
    path = pathlib.Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"There is no {str(path)!r}. Expected a run folder, a `.keras` "
            "file, or a SavedModel."
        )
    if path.is_dir():
        saved_model = _saved_model(path)
        if saved_model is not None:
            return ServedModel(saved_model)
        path = _kept_model(path)
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(
            f"{str(path)!r} cannot be loaded as a Keras model: "
            f"{str(error).strip().splitlines()[0]}"
        ) from error


class ServedModel(Mapping):
    """The signatures of a SavedModel, by name: functions of arrays.

    Args:
        path: path of a SavedModel.

    Example:

    ```python
    NADE(4, 2).export("nade")
    served = keras_genseq.load("nade")
    served["sample"](seed=[0, 1], temperature=[1.0, 1.0])["x"]
    ```
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        try:
            self._loaded = _load_quietly(path)
        except Exception as error:
            if "Op type not registered" not in str(error):
                raise ValueError(
                    f"{str(path)!r} cannot be loaded as a SavedModel: "
                    f"{str(error).strip().splitlines()[0]}"
                ) from error
            # Its operations are registered where it is imported.
            importlib.import_module("tensorflow_text")
            self._loaded = _load_quietly(path)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"A SavedModel has signatures in place of methods, by name: "
            f"`served[{name!r}]`. There are: {', '.join(self)}"
        )

    def __getitem__(self, name):
        if name not in self._loaded.signatures:
            raise KeyError(
                f"There is no signature {name!r}. There are: {', '.join(self)}"
            )
        signature = self._loaded.signatures[name]
        specs = signature.structured_input_signature[1]

        def call(**inputs):
            if set(inputs) != set(specs):
                raise ValueError(
                    f"The signature {name!r} takes {', '.join(sorted(specs))}. "
                    f"Received: {', '.join(sorted(inputs)) or 'nothing'}"
                )
            return signature(
                **{
                    key: _as_input(key, value, specs[key])
                    for key, value in inputs.items()
                }
            )

        return call

    def __iter__(self):
        return iter(self._loaded.signatures)

    def __len__(self):
        return len(self._loaded.signatures)

    def __repr__(self):
        return f"ServedModel({str(self.path)!r}: {', '.join(self)})"


def _load_quietly(path):
    """Without a warning for each function of which no gradient is kept."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        return tf.saved_model.load(os.fspath(path))
    finally:
        logging.set_verbosity(verbosity)


def _as_input(name, value, spec):
    try:
        return tf.convert_to_tensor(value, spec.dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be {spec.dtype.name} of shape {spec.shape}. "
            f"Received: {value!r}"
        ) from error


def _saved_model(folder):
    """The SavedModel that a folder is, or its highest version, or None."""
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [
        path
        for path in folder.iterdir()
        if path.name.isdecimal() and (path / "saved_model.pb").is_file()
    ]
    return max(versions, key=lambda path: int(path.name), default=None)


def _kept_model(folder):
    """The newest model that a run has kept."""
    phases = [
        path
        for path in (folder / "phases").glob("*/model.keras")
        if path.parent.name.isdecimal()
    ]
    candidates = [
        folder / "model.keras",
        *sorted(phases, key=lambda p: int(p.parent.name), reverse=True),
        # A run that trains longer now sets the model before aside.
        folder / "model-before.keras",
    ]
    for path in candidates:
        if path.is_file():
            return path
    if (folder / "config.json").is_file():
        raise FileNotFoundError(
            f"The run {str(folder)!r} has not ended and keeps no model yet. "
            "Its own command, with the same --run-dir, goes on with it."
        )
    raise FileNotFoundError(
        f"{str(folder)!r} holds no model: neither model.keras, as a run "
        "folder does, nor saved_model.pb."
    )
