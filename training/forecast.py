"""Continues the user's own table by the model of a run."""

import csv
import io
import pathlib

import numpy as np

from keras_genseq.export import atomic
from keras_genseq.models.density.forecasting_model import ForecastingModel
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
    if not isinstance(model, ForecastingModel):
        raise ValueError(
            f"A {type(model).__name__} does not continue tables. Runs of "
            "ar_series and latent_ar do."
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
    rows = table.values.astype("float32")[None]
    found = model.forecast(rows, steps, seed, quantiles=QUANTILES)
    output = pathlib.Path(output or evaluation.run.path / "forecast.csv")
    text = _as_csv(table.columns, found["point"][0], found["quantiles"][0])
    atomic.write_text(str(output.absolute()), text)
    print(f"{text}\n{steps} steps after {len(table.values):,} rows: {output}")
    return output


def _as_csv(columns, point, quantiles):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["", *(f" {quantile}" for quantile in QUANTILES)]
    writer.writerow(["step", *(f"{c}{n}" for c in columns for n in names)])
    # (1 + quantiles, steps, columns) to a line a step, column after column.
    together = np.concatenate([point[None], quantiles]).transpose(1, 2, 0)
    for step, values in enumerate(together, start=1):
        writer.writerow([step, *(f"{value:.6g}" for value in values.flat)])
    return text.getvalue()
