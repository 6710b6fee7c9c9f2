"""The binary sets of the UCI repository that NADE and MADE are compared on."""

import dataclasses
import pathlib

from training.evaluations.density import evaluate_density

ADULT = "npz:binary_uci/adult.npz"
# File name -> nats of NADE in a fixed ordering, of MADE with one mask.
PAPER_NLL = {
    "adult": {"NADE": 13.19, "MADE": 13.12},
    "connect4": {"NADE": 11.99, "MADE": 11.90},
    "dna": {"NADE": 84.81, "MADE": 83.63},
    "mushrooms": {"NADE": 9.81, "MADE": 9.68},
    "nips": {"NADE": 273.08, "MADE": 280.25},
    "ocr_letters": {"NADE": 27.22, "MADE": 28.34},
    "web_w8a": {"NADE": 28.39, "MADE": 28.53},
}
_SOURCE = "Paper: Germain et al., 2015, table 2."


def evaluate_binary_uci(evaluation):
    """`evaluate_density`, beside what the paper has for this very set.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    recipe = evaluation.recipe
    model = type(evaluation.model).__name__
    recipe = recipe.replace(paper=paper_nll(recipe.data.source, model))
    return evaluate_density(dataclasses.replace(evaluation, recipe=recipe))


evaluate_binary_uci.kinds = ("images", "vectors")


def paper_nll(source, model):
    """What the paper reports for a set and a model.

    Args:
        source: str. A source of data, as `--data` takes it.
        model: str. `"NADE"` or `"MADE"`.

    Returns:
        dict of `nll` to the number and its source; empty for other sets.
    """
    kind, _, path = source.partition(":")
    name = pathlib.Path(path).stem
    if kind != "npz" or name not in PAPER_NLL:
        return {}
    return {"nll": (PAPER_NLL[name][model], _SOURCE)}
