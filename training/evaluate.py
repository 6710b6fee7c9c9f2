"""Evaluates a run: loads what it left and lets the recipe say what counts."""

import csv
import dataclasses
import pathlib

import keras
import numpy as np

from training.data import as_array
from training.data import load_dataset
from training.data import model_inputs
from training.recipe import Recipe
from training.run_folder import RunFolder
from training.train import build_model
from training.train import resolve
from training.train import transformed


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a recipe's `evaluate` gets.

    Attributes:
        run: `RunFolder`.
        recipe: `Recipe` of the run.
        model: the trained model.
        dataset: `Dataset`, transformed as for training.
        ended: bool. If not, the model has its best weights until now.
    """

    run: RunFolder
    recipe: Recipe
    model: keras.Model
    dataset: object
    ended: bool

    def inputs(self, split, limit=None):
        """Model inputs of a split as one array."""
        return as_array(model_inputs(self.dataset.splits[split]), limit)

    def other_dataset(self, source):
        """Another source's `Dataset`, transformed alike."""
        return transformed(self.recipe, load_dataset(source))

    @property
    def history(self):
        """list of dicts: the metrics of every epoch."""
        if not self.run.metrics.exists():
            return []
        with open(self.run.metrics) as file:
            rows = list(csv.DictReader(file))
        return [{k: float(v) for k, v in r.items() if v} for r in rows]


def load_run(run_dir):
    """Loads a run, whether it has ended or not.

    Args:
        run_dir: path of the run folder.

    Returns:
        `Evaluation`.

    Raises:
        FileNotFoundError: if there is no run, or it has left neither a model
            nor best weights yet.
    """
    run = RunFolder(pathlib.Path(run_dir))
    config = run.read_config()
    ended = run.model.exists()
    if not ended and not run.best_weights.exists():
        raise FileNotFoundError(
            f"{run.path} holds no trained model yet. "
            f"`{config['command']} --run-dir {run.path}` goes on with it."
        )
    recipe = resolve(config["recipe"], config["preset"], config["overrides"])
    dataset = transformed(recipe, load_dataset(recipe.data))
    if ended:
        model = keras.models.load_model(run.model)
    else:
        print(f"{run.path} has not ended: its best weights until now.")
        in_float32 = dataclasses.replace(recipe, dtype_policy="float32")
        model = build_model(in_float32, dataset)
        model.load_weights(run.best_weights)
    return Evaluation(run, recipe, model, dataset, ended)


def evaluate(run_dir):
    """Evaluates a run and writes its report.

    Args:
        run_dir: path of the run folder.

    Returns:
        dict of results.
    """
    evaluation = load_run(run_dir)
    report = evaluation.recipe.evaluate(evaluation)
    history = evaluation.history
    progress = [evaluation.dataset.description]
    if not evaluation.ended:
        progress.append("**The run has not ended.**")
    monitor = evaluation.recipe.monitor
    if history and monitor is None:
        progress.append(f"{len(history)} epochs; the last weights are kept.")
    elif history:
        best = min(history, key=lambda h: h.get(monitor, np.inf))
        progress.append(
            f"{len(history)} epochs; best `{monitor}` "
            f"{best.get(monitor, np.nan):.4f} in epoch {best['epoch'] + 1:.0f}."
        )
    report.write(evaluation.run, progress)
    print(f"Report: {evaluation.run.report}")
    for quantity, ours, theirs, remark in report.rows:
        paper = f"  (paper: {theirs})" if theirs else ""
        print(f"  {quantity}: {ours}{paper}  {remark}")
    return report.metrics
