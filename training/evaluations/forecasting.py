"""Forecasts of series: errors by horizon, compared with naive forecasts."""

import numpy as np

from keras_genseq.models import AutoregressiveModel
from training import figures
from training.data import load_dataset
from training.data.sequences import standardize
from training.markdown import markdown_table
from training.report import Report

_MOST_ORIGINS = 400
_PROBABILISTIC_ORIGINS = 32
_QUANTILES = (0.1, 0.5, 0.9)


def evaluate_forecasts(evaluation):
    """Reports a model of series: one step ahead, and at the recipe's horizons.

    Forecasts start at points spread over the test split and see all that came
    before. Errors over all columns are those of values standardized by the
    training split; a table has those of each column in its own units.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = Report(title=f"{type(evaluation.model).__name__}: forecasts")
    source = load_dataset(evaluation.recipe.data.source)
    dataset = standardize()(source)
    parts = {
        name: np.concatenate([e["x"] for e in split.as_numpy_iterator()])
        for name, split in dataset.splits.items()
    }
    series = np.concatenate([parts[s] for s in ("train", "valid", "test")])
    first = len(series) - len(parts["test"])
    model = _InDeviations(evaluation.model)
    past = evaluation.recipe.evaluation.history or model.least_history
    models = {"": model}
    if evaluation.history:
        linear = AutoregressiveModel(past, channels=series.shape[-1])
        linear.adapt(parts["train"][None])
        models[f"AR({past}), closed form, "] = _InDeviations(linear)
    _one_step(report, models, series, first, past)
    _horizons(report, evaluation, models, source, series, first, past)
    _probabilities(report, evaluation, model, source, series, first, past)
    horizon = max(evaluation.recipe.evaluation.horizons)
    names = ("linear AR", "training mean", "last value", "seasonal naive")
    report.comparison = (
        report.metrics[f"model_mse_{horizon}"],
        f"MSE over {horizon} steps, standardized",
        {
            f"the {name}": report.metrics[key]
            for name in names
            if (key := f"{name.replace(' ', '_')}_mse_{horizon}")
            in report.metrics
        },
    )
    report.add_curves(
        evaluation.history,
        ["nll_per_step", "val_nll_per_step"],
        "NLL per step, nats",
    )
    return report


evaluate_forecasts.kinds = ("series",)


class _InDeviations:
    """A model that takes and gives standardized series, whatever its units.

    Args:
        model: `ForecastingModel`.
    """

    def __init__(self, model):
        self.model = model
        self.least_history = model.least_history
        self.mean = model.data_units.mean
        self.deviation = model.data_units.scale

    def outputs(self, x):
        """Means and logs of standard deviations of one series."""
        outputs = self.model(self._in_units(x)[None])[0].numpy()
        mean, log_scale = np.moveaxis(outputs, -1, 0)
        return self._standardized(mean), log_scale - np.log(self.deviation)

    def forecast(self, history, horizon, **options):
        """As of `ForecastingModel`."""
        history = self._in_units(history)
        answer = self.model.forecast(history, horizon, **options)
        return {k: self._standardized(v.numpy()) for k, v in answer.items()}

    def _in_units(self, x):
        return (x * self.deviation + self.mean).astype("float32")

    def _standardized(self, x):
        return (x - self.mean) / self.deviation


def _one_step(report, models, series, first, past):
    target = series[first:]
    for name, each in models.items():
        outputs = each.outputs(series[first - past :])
        mean, log_scale = (part[past:] for part in outputs)
        error = target - mean
        nats = 0.5 * (error * np.exp(-log_scale)) ** 2 + log_scale
        nats = (nats + 0.5 * np.log(2.0 * np.pi)).sum(1).mean()
        mse, mae = np.mean(error**2), np.mean(np.abs(error))
        ours = f"{mse:.4f}" if name else f"**{mse:.4f}**"
        report.add(
            f"{name}one step ahead, MSE, standardized",
            ours,
            "",
            f"{len(target):,} test steps; MAE {mae:.4f}; "
            f"{nats:.4f} nats per step; {each.model.count_params():,} "
            "parameters",
        )
        key = "linear_" if name else ""
        report.metrics.update(
            {
                f"{key}one_step_mse": float(mse),
                f"{key}one_step_mae": float(mae),
                f"{key}nats_per_step": float(nats),
            }
        )
    for name, forecast in (
        ("last value", series[first - 1 : -1]),
        ("training mean", np.zeros_like(target)),
    ):
        mse = np.mean((target - forecast) ** 2)
        report.add(f"baseline: {name}, one step, MSE", f"{mse:.4f}")


def _horizons(report, evaluation, models, source, series, first, past):
    season = source.season
    horizons = evaluation.recipe.evaluation.horizons
    longest = max(horizons)
    most = evaluation.at_most(_MOST_ORIGINS)
    origins = _origins(first, len(series), longest, most)
    history = np.stack([series[o - past : o] for o in origins])
    future = np.stack([series[o : o + longest] for o in origins])
    forecasts = {
        "linear AR" if name else "model": each.forecast(
            history, longest, num_samples=1, seed=0
        )["point"]
        for name, each in models.items()
    }
    forecasts |= {
        "training mean": np.zeros_like(future),
        "last value": np.stack(
            [np.repeat(series[o - 1 : o], longest, 0) for o in origins]
        ),
    }
    if season and season <= first:
        # Of the season before: as many seasons back as the horizon needs.
        steps = np.arange(longest) % season
        forecasts["seasonal naive"] = np.stack(
            [series[o - season + steps] for o in origins]
        )
    for horizon in horizons:
        words, metrics = [], {}
        for name, forecast in forecasts.items():
            error = (forecast - future)[:, :horizon]
            last = np.mean(error[:, -1] ** 2)
            mse, mae = np.mean(error**2), np.mean(np.abs(error))
            words.append(
                f"{name}: MSE {mse:.4f}, MAE {mae:.4f}, last step {last:.4f}"
            )
            metrics[f"{name.replace(' ', '_')}_mse_{horizon}"] = float(mse)
        paper = evaluation.paper(f"mse_{horizon}")[0]
        report.add(
            f"{_steps(horizon)} ahead, mean MSE, standardized",
            f"{metrics[f'model_mse_{horizon}']:.4f}",
            paper,
            f"{len(origins):,} origins. " + "; ".join(words),
        )
        report.metrics.update(metrics)
    _columns(report, source, horizons, forecasts, future)


def _steps(count):
    return "1 step" if count == 1 else f"{count} steps"


def _columns(report, source, horizons, forecasts, future):
    """Errors of each column, in its units, as a table in the notes."""
    if source.scale is None:
        return
    rows = []
    for i, column in enumerate(source.columns):
        deviation = source.scale.deviation[i]
        for name, forecast in forecasts.items():
            errors = np.abs(forecast - future)[..., i] * deviation
            cells = [f"{errors[:, :h].mean():.4g}" for h in horizons]
            rows.append([column, name, *cells])
            if name == "model":
                report.metrics[f"mae_of_{column}_in_its_units"] = [
                    float(errors[:, :h].mean()) for h in horizons
                ]
    header = ["column", "forecast", *map(_steps, horizons)]
    report.notes.append(
        "Mean absolute errors in the units of the data:\n\n"
        + markdown_table(header, rows, "ll" + "r" * len(horizons))
    )


def _probabilities(report, evaluation, model, source, series, first, past):
    """How often the truth lies between the forecast's quantiles."""
    horizon = min(max(evaluation.recipe.evaluation.horizons), 96)
    most = evaluation.at_most(_PROBABILISTIC_ORIGINS)
    origins = _origins(first, len(series), horizon, most)
    history = np.stack([series[o - past : o] for o in origins])
    future = np.stack([series[o : o + horizon] for o in origins])
    forecast = model.forecast(
        history, horizon, num_samples=200, quantiles=_QUANTILES, seed=0
    )
    low, median, high = np.moveaxis(forecast["quantiles"], 1, 0)
    inside = np.mean((low <= future) & (future <= high))
    report.add(
        f"inside the 80 % interval, {horizon} steps",
        f"{inside:.3f}",
        "",
        f"{len(origins)} origins, 200 sampled paths each; 0.8 is calibrated",
    )
    report.metrics["coverage_80"] = float(inside)
    middle = len(origins) // 2
    origin = origins[middle]
    shown = slice(max(0, origin - horizon), origin + horizon)
    mean, deviation = (part[-1] for part in source.scale)
    column = source.columns[-1]
    report.add_figure(
        "forecast",
        f"Forecast of {column}: median and 80 % interval",
        figures.forecast(
            series[shown, -1] * deviation + mean,
            origin - shown.start,
            [q[middle, :, -1] * deviation + mean for q in (low, median, high)],
            ylabel=column,
            times=None if source.times is None else source.times[shown],
        ),
    )


def _origins(first, end, horizon, most):
    """Points of the test split with a whole horizon after them."""
    if end - horizon < first:
        raise ValueError(
            f"The test split has {end - first} steps, fewer than the horizon "
            f"of {horizon}. Set smaller `horizons`."
        )
    count = end - horizon - first + 1
    return np.unique(
        np.linspace(first, end - horizon, min(most, count)).astype(int)
    )
