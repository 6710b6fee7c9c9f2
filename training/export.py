"""Exports the model of a run for TensorFlow Serving."""

import json

from keras_genseq.export import publish
from keras_genseq.export.version_folder import check_model_name
from training.evaluation import load_run


def export(run_dir, output="saved_models", name=None, max_steps=None):
    """Publishes a run's model as the next version of a served model.

    Args:
        run_dir: path of the run folder.
        output: folder of exported models.
        name: optional str; by default the recipe's name.
        max_steps: optional int: the most that a request may ask of one row.

    Returns:
        Path of the version.
    """
    if name is not None:
        check_model_name(name)  # Before data and model are loaded.
    evaluation = load_run(run_dir, needs_data=False)
    run, recipe = evaluation.run, evaluation.recipe
    config = run.read_config()
    metrics = {}
    if run.results.exists():
        metrics = json.loads(run.results.read_text())
    card = {
        "recipe": config["recipe"],
        "preset": config["preset"],
        "command": config["command"],
        "data": getattr(evaluation.dataset, "description", recipe.data.source),
        "metrics": metrics,
        "paper": {
            name: list(entry) for name, entry in recipe.evaluation.paper.items()
        },
    }
    columns = getattr(evaluation.dataset, "columns", ())
    if columns:
        card["columns"] = list(columns)
    version = publish(
        evaluation.model,
        str(output),
        config["recipe"] if name is None else name,
        card=card,
        max_steps=max_steps,
    )
    print(f"Exported: {version}")
    return version
