"""Evaluates a run: loads what it left and lets the recipe say what counts."""

import dataclasses

import numpy as np

from training.evaluation import load_run
from training.feature_classifier import feature_classifier


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
    report = recipe_evaluation(evaluation)
    history = evaluation.history
    progress = [evaluation.dataset.description]
    if not evaluation.ended:
        progress.append("**The run has not ended.**")
    monitor = evaluation.recipe.schedule.monitor
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
