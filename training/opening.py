"""What a run says of itself before it trains."""


def opening(run, recipe, dataset, num_parameters, num_updates):
    """Lines on a run: its folder, data, model and budget.

    Args:
        run: `RunFolder`.
        recipe: `Recipe`, fitted to its data.
        dataset: `Dataset`.
        num_parameters: int. Weights of the model.
        num_updates: int. All updates that the run is to make.

    Returns:
        list of str.
    """
    schedule = recipe.schedule
    batch = (
        f"{schedule.tokens_per_batch:,} tokens"
        if schedule.tokens_per_batch
        else f"{schedule.global_batch_size:,} examples"
    )
    budget = f"{num_updates:,} updates of {batch}"
    # The recipe's own cost is that of its own data and budget.
    if recipe.cost and recipe.replaced is None:
        budget += f"; by its heading: {recipe.cost}"
    name = getattr(recipe.model.target, "__name__", "model")
    return [
        f"Run     {run.path}",
        f"Data    {dataset.description}",
        f"Model   {name}, {num_parameters:,} parameters",
        f"Budget  {budget}",
    ]
