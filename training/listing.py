"""What a recipe can be told: its presets, and all that `--set` reaches."""

import inspect

from training.factory import Factory
from training.factory import describe
from training.recipes import PRESETS
from training.recipes import RECIPES
from training.recipes import find_recipe

_LONGEST = 60


def list_recipe(name):
    """Describes a recipe.

    Args:
        name: str. A key of `RECIPES`.

    Returns:
        list of lines.
    """
    recipes = {preset: find_recipe(name, preset) for preset in PRESETS}
    lines = [f"{name}: {RECIPES[name]}", ""]
    for preset, recipe in recipes.items():
        lines.append(
            f"  --preset {preset:6} {recipe.data.source:24} {recipe.cost}"
        )
    model = recipes["demo"].model.target
    presets = getattr(model, "presets", {})
    if presets:
        lines += ["", f"Configurations of {model.__name__}.from_preset:"]
    for preset, entry in presets.items():
        lines.append(
            f"  {preset:24} {entry.num_parameters:>13,} parameters  "
            f"{entry.source}"
        )
    lines += ["", "`--set NAME=VALUE` reaches (demo, paper where it differs):"]
    demo, paper = (dict(settable(recipe)) for recipe in recipes.values())
    for path in demo | paper:
        values = [
            _short(values[path]) for values in (demo, paper) if path in values
        ]
        other = f"  (paper: {values[-1]})" if values[0] != values[-1] else ""
        lines.append(f"  {path} = {values[0]}{other}")
    return lines


def settable(recipe):
    """Pairs of a path that an override takes and the value that it replaces.

    Args:
        recipe: `Recipe`.
    """
    values = recipe.values()
    for name in ("model", "compile", "data", "global_batch_size", "epochs"):
        yield from _below(name, values.pop(name))
    for name, value in values.items():
        if name not in ("evaluate", "picture", "paper", "cost", "replaced"):
            yield from _below(name, value)


def _below(path, value):
    """The value itself, or those inside a factory, a dict or a tuple."""
    if isinstance(value, Factory):
        parameters = value.parameters() | value.arguments
        inner = parameters.items()
    elif isinstance(value, dict):
        # What `compile` holds is named without it.
        path, inner = "", value.items()
    elif isinstance(value, tuple) and Factory in map(type, value):
        inner = ((str(i), each) for i, each in enumerate(value))
    else:
        yield path, value
        return
    for name, each in inner:
        yield from _below(f"{path}.{name}" if path else name, each)


def _short(value):
    if value is inspect.Parameter.empty:
        return "(from the data)"
    text = str(describe(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."
