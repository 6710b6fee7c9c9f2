"""Models of other recipes that a recipe's model is made of."""

from training.resolve import resolve_run


def stages_of(recipe):
    """The recipes that are trained before a recipe.

    Args:
        recipe: `Recipe`. A stage whose model is given, by the path of another
            run, is none.

    Returns:
        dict: argument of the model -> `Recipe` and the `config` of its run, on
        the same data.
    """
    return {
        name: resolve_run(
            stage, preset, [f"data={recipe.data.source}", *overrides]
        )
        for name, stage, preset, *overrides in recipe.stages
        if recipe.model.arguments.get(name) is None
    }


def with_stages(recipe, run):
    """A recipe whose model is told where those of its stages are.

    Args:
        recipe: `Recipe`.
        run: `RunFolder`, in which the stages have folders.
    """
    model = recipe.model
    for name in stages_of(recipe):
        model = model.replace(name, str(run.stage(name).model))
    return recipe.replace(model=model)
