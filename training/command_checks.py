"""What a command names, checked before TensorFlow is imported."""

import pathlib

from training.names import check_name
from training.names import did_you_mean
from training.recipe import PARTS
from training.recipe import PLACES
from training.recipe import Recipe
from training.recipes import PRESETS
from training.recipes import RECIPES

# What `training.data.sources` loads: names alone, and kinds before a colon.
EMBEDDED = (
    "digits",
    "captioned_digits",
    "photographs",
    "python_docs",
    "dates",
    "noisy_sine",
    "cadences",
)
KINDS = (
    "tfds",
    "images",
    "domains",
    "captions",
    "pairs",
    "parallel",
    "text",
    "idx",
    "npz",
    "series",
    "chorales",
    "captioned_digits",
    "adding",
    "copy",
)
# Of `model.compile`, beside optimizers, whose names are the model's.
_COMPILE = ("jit_compile", "steps_per_execution", "run_eagerly")
_COMPILE += ("gradient_accumulation_steps", "weighted_metrics")


def check_train(recipe, preset, overrides):
    """Checks what `train` was given, as far as names tell.

    Args:
        recipe: str. Name of a recipe.
        preset: str.
        overrides: list of `path=value`.

    Raises:
        ValueError: if there is no such recipe, value or source of data.
    """
    check_name(recipe, RECIPES, "recipe")
    check_name(preset, PRESETS, "preset")
    fields = {*Recipe.__dataclass_fields__, *PARTS, *PLACES, *_COMPILE}
    fields.remove("replaced")  # By the source, and not by its name.
    for assignment in overrides:
        path, _, value = assignment.partition("=")
        first = path.strip().partition(".")[0]
        if not first.endswith("optimizer"):
            check_name(first, sorted(fields), "value")
        if path.strip() in ("data", "data.source"):
            check_source(value)


def check_source(source):
    """Checks the kind of a source of data, not what it holds."""
    kind, colon, _ = source.partition(":")
    if source not in EMBEDDED and not (colon and kind in KINDS):
        raise ValueError(
            f"A data source must be one of {', '.join(EMBEDDED)}, or begin "
            f"with {', '.join(f'{kind}:' for kind in KINDS)}."
            f"{did_you_mean(kind, (*EMBEDDED, *KINDS))} Received: {source!r}"
        )


def check_run(run_dir):
    """Checks that there is a run in a folder."""
    if not (pathlib.Path(run_dir) / "config.json").exists():
        beside = pathlib.Path(run_dir).absolute().parent.glob("*/config.json")
        near = did_you_mean(
            pathlib.Path(run_dir).name, [path.parent.name for path in beside]
        )
        raise FileNotFoundError(
            f"{run_dir} is no run folder: it has no config.json.{near} "
            "`python -m training train RECIPE --run-dir DIR` makes one."
        )
