"""Continues the user's own table by the model of a run."""

import csv
import io
import pathlib

import numpy as np

from keras_genseq.export import atomic
from keras_genseq.ops.checks import as_int
from training.data.time_series import read_series
from training.evaluation import load_run

QUANTILES = (0.1, 0.5, 0.9)


def forecast(run_dir, history, steps, gaps="refuse", seed=0, output=None):
    """Writes what may come after a table, and prints it.

    Args:
        run_dir: path of the run folder; its data may have moved since.
        history: path of a table with the columns that the run was trained on,
            in their units.
        steps: int. Rows to come.
        gaps: as for `load_time_series`.
        seed: int, of the continuations that quantiles are of.
        output: optional path, `.csv`; by default `forecast.csv` in the run
            folder.

    Returns:
        Path of the file: a line for each step, with each column's point
        forecast and its quantiles.

    Raises:
        ValueError: if the run's model does not forecast so, or the table is
            none of its kind.
    """
    steps = as_int(steps, "steps", minimum=1)
    if output is not None and pathlib.Path(output).suffix != ".csv":
        raise ValueError(f"`output` must end in .csv. Received: {output}")
    evaluation = load_run(run_dir, needs_data=False)
    model = evaluation.model
    if not hasattr(model, "forecast"):
        raise ValueError(
            f"A {type(model).__name__} does not forecast. Runs of ar_series "
            "and latent_ar do."
        )
    table, notes = read_series(history, gaps)
    for note in notes:
        print(note)
    trained = getattr(evaluation.dataset, "columns", None)
    if trained and list(trained) != list(table.columns):
        raise ValueError(
            f"The run was trained on the columns {', '.join(trained)}. "
            f"{history} has {', '.join(table.columns)}"
        )
    found = _forecast(model, table.values.astype("float32")[None], steps, seed)
    output = pathlib.Path(output or evaluation.run.path / "forecast.csv")
    text = _as_csv(table.columns, found)
    atomic.write_text(str(output.absolute()), text)
    print(f"{text}\n{steps} steps after {len(table.values):,} rows: {output}")
    return output


def _forecast(model, history, steps, seed):
    """`(steps, 1 + quantiles, columns)` array: the point comes first."""
    horizon = getattr(model, "horizon", None)
    if horizon is None:
        found = model.forecast(history, steps, seed, quantiles=QUANTILES)
    elif steps <= horizon:
        found = model.forecast(history, quantiles=QUANTILES)
    else:
        raise ValueError(
            f"The model forecasts {horizon} steps. Received: steps={steps}"
        )
    point, quantiles = (np.array(found[k])[0] for k in ("point", "quantiles"))
    together = np.concatenate([point[None], quantiles])[:, :steps]
    return np.moveaxis(together, 0, 1).reshape(steps, len(together), -1)


def _as_csv(columns, found):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["", *(f" {quantile}" for quantile in QUANTILES)]
    writer.writerow(["step", *(f"{c}{n}" for c in columns for n in names)])
    for step, values in enumerate(found, start=1):
        writer.writerow([step, *(f"{value:.6g}" for value in values.T.flat)])
    return text.getvalue()
