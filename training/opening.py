"""What a run says of itself before it trains."""

from training.data.notes import counted


def opening(run, recipe, dataset, num_parameters, num_updates, name=None):
    """Lines on a run: its folder, data, model and budget.

    Args:
        run: `RunFolder`.
        recipe: `Recipe`, fitted to its data.
        dataset: `Dataset`.
        num_parameters: int. Weights of the model.
        num_updates: int. All updates that the run is to make.
        name: str, the class of the model, or None: what the recipe makes it
            by.

    Returns:
        list of str.
    """
    schedule = recipe.schedule
    batch = (
        f"{schedule.tokens_per_batch:,} tokens"
        if schedule.tokens_per_batch
        else counted(schedule.global_batch_size, "example")
    )
    budget = f"{counted(num_updates, 'update')} of {batch}"
    # The recipe's own cost is that of its own data and budget.
    if recipe.cost and recipe.replaced is None:
        budget += f"; by its heading: {recipe.cost}"
    target = recipe.model.target
    name = name or getattr(target, "__name__", "model")
    return [
        f"Run     {run.path}",
        f"Data    {dataset.description}",
        f"Model   {name}, {num_parameters:,} parameters",
        f"Budget  {budget}",
    ]
