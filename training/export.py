"""Exports the models of runs for TensorFlow Serving."""

import hashlib
import json
import os
import pathlib

import tensorflow as tf

from keras_genseq.export import publish
from keras_genseq.export import remove_old_versions
from keras_genseq.export import write_server_config
from keras_genseq.export.model_folder import check_model_name
from keras_genseq.export.model_folder import saved_versions
from training.evaluation import load_run
from training.run_folder import RunFolder


def export(
    run_dir,
    output="saved_models",
    name=None,
    max_steps=None,
    keep=None,
    weights="float32",
    runtimes=(),
):
    """Publishes a run's model as the next version of a served model.

    Args:
        run_dir: path of the run folder.
        output: folder of exported models.
        name: optional str; by default the recipe's name.
        max_steps: optional int: the most that a request may ask of one row.
        keep: optional int: how many of the newest versions stay. Labeled
            ones stay, too.
        weights: str, and
        runtimes: sequence of str: as for `write_saved_model`.

    Returns:
        Path of the version.
    """
    if name is not None:
        check_model_name(name)  # Before data and model are loaded.
    _check_keep(keep)
    evaluation = load_run(run_dir, needs_data=False)
    run, recipe = evaluation.run, evaluation.recipe
    config = run.read_config()
    name = config["recipe"] if name is None else name
    metrics = {}
    if run.results.exists():
        metrics = json.loads(run.results.read_text())
    card = {
        "recipe": config["recipe"],
        "preset": config["preset"],
        "command": config["command"],
        "data": getattr(evaluation.dataset, "description", recipe.data.source),
        "metrics": metrics,
        "paper": {
            name: list(entry) for name, entry in recipe.evaluation.paper.items()
        },
    }
    if run.model.exists():
        card["model_sha256"] = _sha256(run.model)
    columns = getattr(evaluation.dataset, "columns", ())
    if columns:
        card["columns"] = list(columns)
    version = publish(
        evaluation.model,
        str(output),
        name,
        card=card,
        max_steps=max_steps,
        weights=weights,
        runtimes=runtimes,
    )
    print(f"Exported: {version}")
    if keep is not None:
        for old in remove_old_versions(output, name, keep):
            print(
                f"Removed: {os.path.join(os.path.dirname(version), str(old))}"
            )
    return version


def export_all(
    runs, output="saved_models", max_steps=None, keep=None, **options
):
    """Publishes the model of every run that has ended, each under its recipe.

    Runs of one recipe become versions in the order in which they ended. A run
    whose model is a version already is passed over, so the same command again
    publishes what is new. One that fails does not stop the others.

    Args:
        runs: path of the folder of run folders.
        output: folder of exported models.
        max_steps: optional int, as for `export`.
        keep: optional int, as for `export`.
        **options: `weights` and `runtimes`, as for `export`.

    Returns:
        list of the paths of new versions.

    Raises:
        FileNotFoundError: if no run in the folder has ended.
        RuntimeError: if a run could not be exported: which, and why.
    """
    _check_keep(keep)
    ended = sorted(
        (
            run
            for run in map(RunFolder, pathlib.Path(runs).glob("*"))
            if run.config.exists() and run.model.exists()
        ),
        key=lambda run: run.model.stat().st_mtime,
    )
    if not ended:
        raise FileNotFoundError(
            f"No run in {runs} has ended: each would be a folder with "
            "config.json and model.keras. `python -m training train RECIPE` "
            "makes one."
        )
    paths, failures = [], []
    for run in ended:
        try:
            known = _version_of(run, output)
            if known is None:
                paths.append(
                    export(run.path, output, None, max_steps, keep, **options)
                )
            else:
                print(f"{run.path} is {known} already.")
        except (ValueError, OSError, RuntimeError, tf.errors.OpError) as error:
            print(f"Failed: {run.path}: {error}")
            failures.append(str(run.path))
    # What a killed export may have left undone.
    if os.path.isdir(output):
        write_server_config(os.path.realpath(output))
    if failures:
        raise RuntimeError(
            f"{len(failures)} of {len(ended)} runs could not be exported "
            f"({', '.join(failures)}): the lines above say why. The others "
            "were."
        )
    return paths


def model_and_version(text):
    """Reads `NAME` or `NAME:VERSION`.

    Raises:
        ValueError: if it is neither.
    """
    name, colon, version = text.partition(":")
    check_model_name(name)
    if colon and not version.isdecimal():
        raise ValueError(
            f"A version is a number: NAME or NAME:VERSION. Received: {text!r}"
        )
    return name, int(version) if colon else None


def _check_keep(keep):
    if keep is not None and keep < 1:
        raise ValueError(f"--keep must be positive. Received: {keep}")


def _version_of(run, output):
    """Path of the version that was made of a run's model, or None."""
    folder = pathlib.Path(output) / run.read_resolved_config()["recipe"]
    digest = _sha256(run.model)
    for version in saved_versions(folder):
        card = folder / str(version) / "assets.extra" / "card.json"
        if card.exists() and digest in card.read_text():
            return folder / str(version)
    return None


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
