"""A report tried on a few examples, before a model is trained for it."""

import contextlib
import dataclasses
import io
import pathlib
import tempfile

import tensorflow as tf

from training.data import model_inputs
from training.evaluation import Evaluation
from training.factory import make
from training.query import sentence_of
from training.resolve import as_kept
from training.resolve import build_model
from training.run_folder import RunFolder

_EXAMPLES = 16


def rehearse(recipe, dataset):
    """Makes every part of a report of an untrained model and few examples.

    What can never work is refused here, and not after an hour of training.

    Args:
        recipe: `Recipe`, fitted to the data.
        dataset: `Dataset`, transformed.

    Raises:
        ValueError: if there can be no report of these data.
    """
    print("Trying every part of the report on a few examples.", flush=True)
    splits = {
        name: split.shard(max(1, dataset.size(name) // _EXAMPLES), 0)
        for name, split in dataset.splits.items()
    }
    few = dataclasses.replace(dataset, splits=splits)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.redirect_stdout(io.StringIO()),
        ):
            model = build_model(recipe, dataset)
            if recipe.schedule.adapt is not None:
                inputs = model_inputs(splits["train"])
                model.adapt(
                    inputs.batch(recipe.schedule.global_batch_size),
                    **make(recipe.schedule.adapt),
                )
            model = as_kept(model, recipe, dataset)
            recipe.evaluation.evaluate(
                Evaluation(
                    RunFolder(pathlib.Path(folder)),
                    recipe,
                    model,
                    few,
                    ended=False,
                    limit=_EXAMPLES,
                )
            )
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(_refusal(sentence_of(error), dataset)) from error
    except ValueError as error:
        raise ValueError(_refusal(str(error), dataset)) from error


def _refusal(sentence, dataset):
    return (
        f"No report can be made of {dataset.name!r}, so that nothing was "
        f"trained: {sentence}"
    )
