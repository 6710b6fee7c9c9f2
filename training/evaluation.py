"""A run as evaluations, samples and exports see it."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training import figures
from training.checkpoints import CheckpointStore
from training.data import as_array
from training.data import load_dataset
from training.data import model_inputs
from training.data.dataset import DataUnavailableError
from training.data.sources import source_from
from training.fitting import prepared
from training.overrides import phases_of
from training.query import sentence_of
from training.recipe import Recipe
from training.resolve import as_kept
from training.resolve import build_model
from training.resolve import resolve
from training.resolve import transformed
from training.run_folder import RunFolder
from training.stages import with_stages


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a recipe's `evaluate` gets.

    Attributes:
        run: `RunFolder`.
        recipe: `Recipe` of the run; of one with phases, that of the last.
        model: the trained model.
        dataset: `Dataset`, transformed as for training.
        ended: bool. If not, the model has its best weights until now, or
            those of its last checkpoint.
        extractor: optional `training.feature_classifier.Extractor`.
        judges: dict of attribute to `Extractor`, which judge what was made of
            captions; or of `"a"` and `"b"`, which judge translations to them.
        limit: optional int. The most examples, samples and steps that a
            report is made of: few where it is only tried.
    """

    run: RunFolder
    recipe: Recipe
    model: keras.Model
    dataset: Any
    ended: bool
    extractor: Any = None
    judges: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    limit: int | None = None

    def paper(self, name):
        """The paper's own number and its source, or two empty strings."""
        return self.recipe.evaluation.paper.get(name, ("", ""))

    def inputs(self, split, limit=None):
        """Model inputs of a split as one array."""
        return as_array(
            model_inputs(self.dataset.splits[split]), self.at_most(limit)
        )

    def labels(self, split, limit=None):
        """Labels of a split as one array, or None where there are none."""
        examples = self.dataset.splits[split]
        if "label" not in examples.element_spec:
            return None
        return as_array(examples.map(lambda e: e["label"]), self.at_most(limit))

    def at_most(self, count):
        """A number of examples, samples or steps, or `limit` if that is less.

        None is all there are.
        """
        counts = [each for each in (count, self.limit) if each is not None]
        return min(counts, default=None)

    def add_part(self, report, name, add, *args):
        """Adds a part to a report: calls `add(report, self, *args)`.

        Its figures are in the run folder when it ends.

        Of the user's own data, a part that cannot be made (of a few examples,
        of one class) is left out, with the reason in the report's notes.

        Args:
            report: `Report`.
            name: str. What the part is called.
            add: callable.
            *args: passed to it.
        """
        print(f"Report: {name}.", flush=True)
        try:
            found = add(report, self, *args)
            report.write_figures(self.run)
            return found
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            if self.recipe.replaced is None:
                raise
            reason = (
                sentence_of(error)
                if isinstance(error, tf.errors.InvalidArgumentError)
                else str(error)
            )
            report.leave_out(name, reason)
            return None

    def sample_grid(self):
        """A grid of samples of the model, the same seeds every time."""
        shown = {} if self.limit is None else {"rows": 1, "columns": 2}
        return figures.sample_grid(
            self.model, image_shape=self.dataset.element_shape, **shown
        )

    @property
    def is_conditional(self):
        """Whether the model is conditional on classes."""
        return figures.num_conditions(self.model) is not None

    def condition(self, split, limit=None):
        """The argument `condition` for a split, as a dict.

        Returns:
            dict of `condition` to the split's labels; empty for a model that
            is not conditional.
        """
        if not self.is_conditional:
            return {}
        return {"condition": self.labels(split, limit).astype("int32")}

    def shown(self, count):
        """Test examples for figures, spread over the split.

        Returns:
            Array of at most `count` examples, and their `condition` as a dict.
        """
        test = self.inputs("test")
        count = self.at_most(count)
        some = slice(None, None, max(1, len(test) // count))
        condition = self.condition("test")
        return (
            test[some][:count],
            {k: v[some][:count] for k, v in condition.items()},
        )

    def sample(self, num_samples, seed=0):
        """Samples of the model, of classes as the training data have them.

        Returns:
            Array of samples, and their `condition` as a dict.
        """
        num_samples = self.at_most(num_samples)
        print(f"Report: drawing {num_samples:,} samples.", flush=True)
        condition = {
            k: v[np.linspace(0, len(v) - 1, num_samples).astype(int)]
            for k, v in self.condition("train").items()
        }
        return (
            np.array(self.model.sample(num_samples, seed=seed, **condition)),
            condition,
        )

    def other_dataset(self, source):
        """Another source's `Dataset`, transformed alike."""
        return transformed(self.recipe, load_dataset(source))

    @property
    def history(self):
        """list of dicts: the metrics of every epoch."""
        rows = self.run.read_metrics()
        return [{k: float(v) for k, v in r.items() if v} for r in rows]


def load_run(run_dir, needs_data=True):
    """Loads a run, whether it has ended or not.

    Args:
        run_dir: path of the run folder.
        needs_data: bool. If not, a run that has ended is loaded without its
            data where they are no longer there, or no longer what they were:
            `dataset` is None.

    Returns:
        `Evaluation`.

    Raises:
        FileNotFoundError: if there is no run, or it has left neither a model
            nor weights yet.
    """
    run = RunFolder(pathlib.Path(run_dir))
    config = run.read_resolved_config()
    ended = run.model.exists()
    newest = run if ended else run.newest_phase
    if not newest.holds_weights:
        raise FileNotFoundError(
            f"{run.path} holds no trained model yet. "
            f"`{config['command']} --run-dir {run.path}` goes on with it."
        )
    phases = phases_of(
        resolve(config["recipe"], config["preset"], config["overrides"])
    )
    recipe = phases[-1 if newest is run else int(newest.path.name) - 1]
    if isinstance(config.get("directory"), str):
        source = source_from(recipe.data.source, config["directory"])
        recipe = recipe.replace(data=source)
    try:
        recipe, dataset = prepared(recipe, load_dataset(recipe.data.source))
    except (OSError, ValueError, DataUnavailableError) as error:
        if needs_data or not newest.model.exists():
            raise
        print(f"Without the data of the run, by its model alone: {error}")
        dataset = None
    words = "its best weights until now"
    if newest.model.exists():
        model = keras.models.load_model(newest.model)
    else:
        made = with_stages(recipe, run)
        model = build_model(made.replace(dtype_policy="float32"), dataset)
        if newest.best_weights.exists():
            model.load_weights(newest.best_weights)
        else:
            step = _restore_last(model, made, dataset, newest)
            words = f"the weights of its last checkpoint, after update {step}"
        model = as_kept(model, recipe, dataset)
    if not ended:
        print(f"{run.path} has not ended: {words}.")
    return Evaluation(run, recipe, model, dataset, ended)


def _restore_last(model, recipe, dataset, run):
    """Gives a model the weights that a run saved last; returns their update.

    Recipes that monitor nothing keep no best weights. What was trained in half
    precision has another state than a model in float32.
    """
    trained = build_model(recipe, dataset)
    store = CheckpointStore(run.checkpoints, trained.training_state)
    progress = store.restore()
    if progress is None:
        raise FileNotFoundError(
            f"{run.checkpoints} holds no sound checkpoint, and the run no "
            "other weights."
        )
    for optimizer, variables in trained.optimizer_groups.values():
        # As where training ends: averages, of optimizers that keep such.
        optimizer.finalize_variable_values(variables)
    model.set_weights(trained.get_weights())
    return progress["step"]
