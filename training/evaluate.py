"""Evaluates a run: loads what it left and lets the recipe say what counts."""

import dataclasses

import numpy as np

from keras_genseq.models.density.forecasting_model import ForecastingModel
from training.evaluation import load_run
from training.feature_classifier import caption_judges
from training.feature_classifier import domain_judges
from training.feature_classifier import feature_classifier
from training.report import LEFT_OUT
from training.verdict import Comparison
from training.verdict import longer_command
from training.verdict import next_steps
from training.verdict import verdict


def evaluate(run_dir):
    """Evaluates a run and writes its report.

    Args:
        run_dir: path of the run folder.

    Returns:
        dict of results.
    """
    evaluation = load_run(run_dir)
    recipe_evaluation = evaluation.recipe.evaluation.evaluate
    if getattr(recipe_evaluation, "needs_extractor", False):
        evaluation = dataclasses.replace(
            evaluation, extractor=feature_classifier(evaluation)
        )
    for need, judges in (
        ("needs_judges", caption_judges),
        ("needs_domain_judges", domain_judges),
    ):
        if getattr(recipe_evaluation, need, False):
            evaluation = dataclasses.replace(
                evaluation, judges=judges(evaluation)
            )
    report = recipe_evaluation(evaluation)
    history = evaluation.history
    progress = [evaluation.dataset.description]
    if not evaluation.ended:
        progress.append("**The run has not ended.**")
    monitor = evaluation.recipe.schedule.monitor
    epochs = "1 epoch" if len(history) == 1 else f"{len(history)} epochs"
    if history and monitor is None:
        progress.append(f"{epochs}; the last weights are kept.")
    elif history:
        best = min(history, key=lambda h: h.get(monitor, np.inf))
        progress.append(
            f"{epochs}; best `{monitor}` "
            f"{best.get(monitor, np.nan):.4f} in epoch {best['epoch'] + 1:.0f}."
        )
    progress += [f"- {note}" for note in evaluation.dataset.notes]
    worth = _verdict(report, evaluation)
    if worth:
        progress += ["", f"**{worth}**"]
    report.write(evaluation.run, progress)
    for quantity, ours, theirs, remark in report.rows:
        paper = f"  (paper: {theirs})" if theirs else ""
        print(f"  {quantity}: {ours}{paper}  {remark}")
    for note in report.notes:
        if note.startswith(LEFT_OUT):
            print(f"  {note}")
    if worth:
        print(f"\n{worth}")
    model = evaluation.model
    print()
    for line in next_steps(
        evaluation.run,
        can_sample=any(
            hasattr(model, name) for name in ("sample", "translate", "generate")
        ),
        prompt=report.prompt,
        can_forecast=isinstance(model, ForecastingModel),
    ):
        print(line)
    return report.metrics


def _verdict(report, evaluation):
    """What the result is worth, or an empty string without baselines."""
    if report.comparison is None:
        return ""
    run, recipe = evaluation.run, evaluation.recipe
    return verdict(
        Comparison(*report.comparison),
        evaluation.history,
        recipe.schedule.monitor,
        longer_command(run.read_config(), run.path, recipe),
    )
