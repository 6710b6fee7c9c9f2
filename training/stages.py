"""Models of other recipes that a recipe's model is made of, or starts from."""

from training.resolve import resolve_run

_START = "init_from"


def stages_of(recipe):
    """The recipes that are trained before a recipe.

    Args:
        recipe: `Recipe`. A stage whose model is given, by the path of another
            run, is none.

    Returns:
        dict: argument of the model, or `init_from` -> `Recipe` and the `config`
        of its run, on the same data.
    """
    given = {**recipe.model.arguments, _START: recipe.init_from}
    return {
        name: resolve_run(
            stage, preset, [f"data={recipe.data.source}", *overrides]
        )
        for name, stage, preset, *overrides in recipe.stages
        if given.get(name) is None
    }


def with_stages(recipe, run, at=str):
    """A recipe that is told where the models of its stages are.

    Args:
        recipe: `Recipe`.
        run: `RunFolder`, in which the stages have folders.
        at: function of a path of a model there to where it is on this host.
            A model that training starts from is read by the chief alone.
    """
    model, start = recipe.model, recipe.init_from
    for name, (_, config) in stages_of(recipe).items():
        path = str(run.stage(config["recipe"]).model)
        if name == _START:
            start = path
        else:
            model = model.replace(name, at(path))
    return recipe.replace(model=model, init_from=start)
