"""Values of a recipe replaced by name, as a command line gives them."""

import ast
import dataclasses
import inspect
import math
from collections.abc import Mapping

from training.factory import Factory
from training.names import did_you_mean
from training.recipe import PARTS
from training.recipe import PLACES
from training.recipe import Recipe

_RATE = "learning_rate"
# Arguments of `model.compile` that every recipe takes, and their types.
COMPILE_OPTIONS = {
    "gradient_accumulation_steps": int,
    "jit_compile": bool,
    "steps_per_execution": int,
    "run_eagerly": bool,
}


def override(recipe, assignment):
    """Replaces one value of a recipe.

    Args:
        recipe: `Recipe`.
        assignment: str, `path=value`; the path names a value (`epochs`, or in
            full `schedule.epochs`), an argument of a factory (`model.units`)
            or of `model.compile` (`optimizer.learning_rate`), or an element of
            a tuple (`model.hidden_units.0`).

    Returns:
        A new `Recipe`.

    Raises:
        ValueError: if there is no such path, or the value has another type.
    """
    path, separator, text = assignment.partition("=")
    if not separator:
        raise ValueError(
            f"An override reads `path=value`. Received: {assignment!r}"
        )
    path = path.strip()
    names = _full_path(path)
    if names[0] in COMPILE_OPTIONS and names[0] not in recipe.compile:
        # Of its type, against which the value is checked.
        default = COMPILE_OPTIONS[names[0]](1)
        compiled = {**recipe.compile, names[0]: default}
        recipe = recipe.replace(compile=compiled)
    if names[0] in recipe.compile:
        names = ["compile", *names]
    value = _parse(text)
    _check_number(value, path)
    return _replace(recipe, names, value, path)


def given_names(assignments):
    """What assignments replace, by the names that `Recipe.of` has for it.

    Args:
        assignments: sequence of `path=value`.

    Returns:
        tuple of str: `("epochs", "model.units")`.
    """
    short = {place: name for name, place in PLACES.items()}
    names = []
    for assignment in assignments:
        path = _full_path(assignment.partition("=")[0].strip())
        first = short.get(tuple(path[:2]))
        names.append(".".join([first, *path[2:]] if first else path))
    return tuple(names)


def _full_path(path):
    """A path through the parts of a recipe, the short names at full length."""
    names = path.split(".")
    if names == ["data"] or (names[0] in PLACES and names[0] not in PARTS):
        return [*PLACES[names[0]], *names[1:]]
    return names


def phases_of(recipe):
    """The recipes of a recipe's phases, in order.

    Args:
        recipe: `Recipe`.

    Returns:
        list of `Recipe` without phases; the recipe itself where it has none.
    """
    recipes = []
    for assignments in recipe.schedule.phases or ((),):
        phase = recipe.replace(phases=())
        for assignment in assignments:
            phase = override(phase, assignment)
        recipes.append(phase)
    return recipes


def _replace(owner, names, value, path):
    name, *rest = names
    values, rebuild = _children(owner, path)
    if name not in values:
        there_are = sorted(values)
        if isinstance(owner, Recipe):
            there_are = sorted({*values, *owner.compile, *PLACES})
        raise ValueError(
            f"There is no `{name}` in `{path}`.{did_you_mean(name, there_are)}"
            f" There are: {', '.join(there_are)}."
        )
    if rest:
        return rebuild(name, _replace(values[name], rest, value, path))
    if value is None and not _may_be_none(owner, name):
        raise ValueError(
            f"`{path}` cannot be None: it is needed. Leave it as it is, or "
            "give another value."
        )
    return rebuild(name, _typed_like(values[name], value, path))


def _may_be_none(owner, name):
    """Whether None says that a value is off; of numbers a recipe says it."""
    if not dataclasses.is_dataclass(owner):
        return True
    (field,) = (f for f in dataclasses.fields(owner) if f.name == name)
    return field.type is int or "None" in str(field.type)


def _children(owner, path):
    """The named values below an owner, and how to replace one of them."""
    if dataclasses.is_dataclass(owner):
        return (
            {f.name: getattr(owner, f.name) for f in dataclasses.fields(owner)},
            lambda name, value: dataclasses.replace(owner, **{name: value}),
        )
    if isinstance(owner, Factory):
        return {**owner.parameters(), **owner.arguments}, owner.replace
    if isinstance(owner, Mapping):
        return owner, lambda name, value: {**owner, name: value}
    if isinstance(owner, (tuple, list)):
        values = {str(i): value for i, value in enumerate(owner)}
        return values, lambda name, value: tuple(
            {**values, name: value}.values()
        )
    raise ValueError(
        f"`{path}` reaches into a {type(owner).__name__}, which has no parts."
    )


def _parse(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False, "none": None}.get(
            text.lower(), text
        )


def _check_number(value, path):
    """Refuses numbers that no value of a recipe can be."""
    if not isinstance(value, float | int):
        return
    if not math.isfinite(value):
        raise ValueError(f"`{path}` must be finite. Received: {value!r}")
    if value < 0 and path.endswith(_RATE):
        raise ValueError(
            f"`{path}` must be at least 0: a negative rate climbs the loss. "
            f"Received: {value!r}"
        )


def _typed_like(present, value, path):
    """Checks a new value against the type of the one it replaces."""
    if present in (None, inspect.Parameter.empty) or value is None:
        return value
    if isinstance(present, Factory):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        expected = "a number"
    elif isinstance(present, float) and type(value) is int:
        return float(value)
    elif isinstance(value, list) and isinstance(present, tuple):
        return tuple(value)
    elif type(value) is type(present):
        return value
    else:
        expected = f"{type(present).__name__} (as in {present!r})"
    raise ValueError(
        f"`{path}` expects {expected}. "
        f"Received: {value!r} ({type(value).__name__})"
    )
