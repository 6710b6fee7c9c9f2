"""What a result is worth beside its baselines, and what to do next."""

import shlex
from typing import NamedTuple

from training.report import command_line

# A best epoch among the last ones: a longer run would have gone further.
_STILL_LEARNING = 0.9
_LONGER = 3
# A part of the way to the floor that is as good as none.
_HARDLY = 0.01


class Comparison(NamedTuple):
    """A result and what needs no training to be reached; lower is better.

    Attributes:
        ours: float.
        unit: str. `"nats"`, `"MSE"`.
        baselines: dict: name -> float.
        floor: optional pair of a name and a float. What no model goes below.
    """

    ours: float
    unit: str
    baselines: dict
    floor: tuple | None = None


def verdict(comparison, history, monitor, command):
    """Says in one sentence or two what a result is worth.

    Args:
        comparison: `Comparison`.
        history: list of dicts, the metrics of every epoch.
        monitor: optional str. The metric whose lowest value is best.
        command: str. What trains the run for longer.

    Returns:
        str.
    """
    name, best = min(comparison.baselines.items(), key=lambda item: item[1])
    ours = f"{comparison.ours:.4g} {comparison.unit}"
    floor = ""
    if comparison.floor is not None:
        floor = ", {} {:.4g}".format(*comparison.floor)
    way = _way(comparison, best)
    if comparison.ours < best and (way is None or way >= _HARDLY):
        beside = f"the best baseline, {name}, has {best:.4g}{floor}"
        said = f"{ours}; {beside}: learned"
        if way is not None:
            said += f", {way:.0%} of the way from the one to the other"
        return f"{said}."
    beside = f"{ours}; {name} has {best:.4g}{floor}"
    if comparison.ours == best:
        return f"{beside}: as good as that, not better."
    epochs = [h for h in history if monitor in h]
    if not epochs:
        degree = "hardly" if comparison.ours < best else "no"
        said = f"{beside}: {degree} better than that."
        if comparison.floor is None:
            return said
        return f"{said} Unless an alarm says otherwise, go on with `{command}`."
    lowest = min(range(len(epochs)), key=lambda i: epochs[i][monitor])
    if lowest + 1 >= _STILL_LEARNING * len(epochs):
        return f"{beside}: undertrained. Go on with `{command}`."
    return (
        f"{beside}: it learned nothing more after epoch {lowest + 1} of "
        f"{len(epochs)}. A smaller model, more dropout or more data may help; "
        "longer training will not."
    )


def _way(comparison, best):
    """How far a result has come from its best baseline to the floor.

    Returns:
        float, or None where there is no floor, or nothing below the baseline.
    """
    if comparison.floor is None or comparison.ours >= best:
        return None
    _, lowest = comparison.floor
    # Of few examples the floor may lie above a baseline, or the result.
    return (best - comparison.ours) / (best - min(lowest, comparison.ours))


def longer_command(config, run_dir, recipe):
    """The command that goes on with a run, for longer.

    Args:
        config: what the run folder's `config.json` holds.
        run_dir: path of the run folder.
        recipe: `Recipe` of the run, fitted to its data.

    Returns:
        str.
    """
    words = ["train", config["recipe"], "--preset", config["preset"]]
    for assignment in config["overrides"]:
        if assignment.partition("=")[0] not in ("epochs", "steps"):
            words += ["--set", assignment]
    schedule = recipe.schedule
    if schedule.steps:
        budget = ["--steps", str(_LONGER * schedule.steps)]
    else:
        # A budget may only grow, and that of the description was not fitted.
        described = config["recipe_values"]["epochs"]
        epochs = max(_LONGER * schedule.epochs, described + 1)
        budget = ["--epochs", str(epochs)]
    return command_line([*words, *budget, "--run-dir", str(run_dir)])


def next_steps(run, can_sample, prompt=None, can_forecast=False):
    """What one does with a run: a line for each, of two columns.

    Args:
        run: `RunFolder`.
        can_sample: bool. Whether its model draws samples.
        prompt: optional str. What it can be told to draw, or to go on with.
        can_forecast: bool. Whether its model continues tables.

    Returns:
        list of str.
    """
    path = shlex.quote(str(run.path))
    lines = [("Report", str(run.report))]
    if can_sample:
        words = f"python -m training sample {path}"
        if prompt is not None:
            words += f" --prompt {shlex.quote(prompt)}"
        lines.append(("Samples", words))
    lines += [
        ("Export", f"python -m training export {path}"),
        ("TensorBoard", f"tensorboard --logdir {shlex.quote(str(run.logs))}"),
    ]
    use = ""
    if can_forecast:
        words = f"forecast {path} --history FILE.csv --steps 7"
        lines.insert(1, ("Forecast", f"python -m training {words}"))
        use = ".forecast(history, 7)"
    if run.model.exists():
        lines.append(("Python", f'keras_genseq.load("{run.path}"){use}'))
    return [f"{name:12}{words}" for name, words in lines]
