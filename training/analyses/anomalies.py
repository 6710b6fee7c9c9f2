"""Likelihood as an alarm: two data sets, each told from the other.

A density of each set scores test examples of both. In one direction scores may
tell the other set almost without fail; in the other one they may take it for
more likely than what the model has learnt. Both directions are trained, scored
and printed, and beside the log-likelihood a test of two sides: how far a score
is from the mean score of the training data.

Run       python -m training study anomalies
Measured  docs/results.md
"""

import json
import pathlib

import numpy as np
from sklearn.metrics import roc_auc_score

from training import figures
from training.data import as_array
from training.data import model_inputs
from training.evaluation import load_run
from training.markdown import markdown_table
from training.report import command_line
from training.resolve import resolve_run
from training.train import train

# Training examples whose mean score is what a typical one has.
_TYPICAL_EXAMPLES = 5000


def study(
    output,
    *,
    recipe="made",
    epochs=5,
    pair=("tfds:mnist", "tfds:fashion_mnist"),
    seed=0,
):
    """Runs the study and writes its figures and numbers.

    Args:
        output: path of a folder; runs in it that have ended are not repeated.
        recipe: str. A recipe of an exact density, whose demo preset is taken.
        epochs: int.
        pair: two sources of data that the recipe's transforms take.
        seed: int. Of weights and the order of the data.

    Returns:
        list of the paths of the files: two figures, JSON and Markdown.
    """
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    directions, paths = [], []
    for number, inside in enumerate(pair):
        outside = pair[1 - number]
        run_dir = output / f"model-{number + 1}"
        settings = (
            f"data={inside}",
            f"out_of_distribution={outside}",
            f"epochs={epochs}",
            f"seed={seed}",
        )
        resolved, config = resolve_run(recipe, "demo", settings)
        train(resolved, run_dir, config=config, strategy="one_device")
        scores, ink = _scores(load_run(run_dir), outside)
        paths.append(output / f"scores-{number + 1}.png")
        figures.write_image(
            paths[-1],
            figures.score_histogram(
                {inside: scores["inside"], outside: scores["outside"]},
                xlabel=f"log-likelihood under the model of {inside}, nats",
            ),
        )
        directions.append(
            {
                "model_of": inside,
                "against": outside,
                **alarms(scores["train"], scores["inside"], scores["outside"]),
                "mean_inside": float(scores["inside"].mean()),
                "mean_outside": float(scores["outside"].mean()),
                "ink_inside": ink["inside"],
                "ink_outside": ink["outside"],
            }
        )
    words = ["study", "anomalies", "--recipe", recipe, "--epochs", str(epochs)]
    words += ["--pair", *pair, "--seed", str(seed)]
    results = {"command": command_line(words), "directions": directions}
    numbers, text = output / "anomalies.json", output / "anomalies.md"
    numbers.write_text(json.dumps(results, indent=1) + "\n")
    text.write_text(_markdown(results, paths))
    print(text.read_text())
    return [*paths, numbers, text]


def alarms(train, inside, outside):
    """How well scores tell examples from outside: AUROCs, 0.5 is chance.

    Args:
        train: `(num_examples,)` log-likelihoods of training examples.
        inside: of test examples of the same data.
        outside: of examples of the other data.

    Returns:
        dict: `auroc`, where low scores raise the alarm, and
        `auroc_two_sided`, where scores far from the mean of `train` do.
    """
    is_outside = np.concatenate([np.zeros(len(inside)), np.ones(len(outside))])
    scores = np.concatenate([inside, outside])
    distance = np.abs(scores - np.mean(train))
    return {
        "auroc": float(roc_auc_score(is_outside, -scores)),
        "auroc_two_sided": float(roc_auc_score(is_outside, distance)),
    }


def _scores(evaluation, outside):
    other = evaluation.other_dataset(outside).splits["test"]
    examples = {
        "train": evaluation.inputs("train", _TYPICAL_EXAMPLES),
        "inside": evaluation.inputs("test"),
        "outside": as_array(model_inputs(other)),
    }
    scores = {
        name: evaluation.model.log_prob(x).numpy()
        for name, x in examples.items()
    }
    return scores, {name: float(x.mean()) for name, x in examples.items()}


def _markdown(results, paths):
    lines = ["# Likelihood as an alarm", "", f"`{results['command']}`", ""]
    header = ["model of", "against", "AUROC, low likelihood"]
    header += ["AUROC, two-sided", "nats inside", "nats outside"]
    header += ["mean pixel inside", "mean pixel outside"]
    rows = [
        [
            f"`{row['model_of']}`",
            f"`{row['against']}`",
            f"{row['auroc']:.4f}",
            f"{row['auroc_two_sided']:.4f}",
            f"{row['mean_inside']:.2f}",
            f"{row['mean_outside']:.2f}",
            f"{row['ink_inside']:.3f}",
            f"{row['ink_outside']:.3f}",
        ]
        for row in results["directions"]
    ]
    lines.append(markdown_table(header, rows, "llrrrrrr"))
    lines += [
        "",
        "An AUROC of 0.5 is chance; one below it means that the model holds "
        "the other data for likelier than its own.",
    ]
    for path in paths:
        lines += ["", f"![Scores]({path.name})"]
    return "\n".join(lines) + "\n"
