"""Vanishing and exploding gradients of SimpleRNN, LSTM and GRU.

The three cells have the same width and read the adding problem. Before and
after a short training on it, how does the gradient of the last output decay
with the lag, and which activations are saturated? And what does clipping do to
a vanilla RNN whose gradients explode?
"""

import csv
import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_genseq.models import SequenceForecaster
from training.analyses.gradient_figure import write_gradient_figure
from training.analyses.gradient_flow import contraction
from training.analyses.gradient_flow import saturation
from training.analyses.gradient_flow import state_gradient_norms
from training.analyses.gradient_flow import train_with_clipping
from training.data import load_dataset
from training.data import model_examples
from training.data import training_batches
from training.markdown import markdown_table
from training.report import command_line

CELLS = ("simple_rnn", "lstm", "gru")
_BATCH_SIZE = 100
_LEARNING_RATE = 0.002
_CLIP = 1.0
# Times an orthogonal matrix: recurrent weights under which gradients grow.
_EXPLODING_GAIN = 1.5
_CLIPPING_RATE = 0.05
_CLIPPING_UPDATES = 300


def study(output, *, length=100, units=64, updates=1500, seed=0):
    """Runs the study and writes its figure and numbers.

    Args:
        output: path of a folder.
        length: int. Steps of the adding problem, at least 12.
        units: int. Width of each cell.
        updates: int. Of the short training.
        seed: int. Of weights, order of the data and directions.

    Returns:
        list of the paths of the files: figure, two CSVs, JSON and Markdown.
    """
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    # Exploding gradients are chaos: a last bit that differs makes another run.
    tf.config.experimental.enable_op_determinism()
    examples = model_examples(load_dataset(f"adding:{length}").splits["train"])
    batches = training_batches(examples, batch_size=_BATCH_SIZE, seed=seed)
    x = next(iter(batches))[0].numpy()
    direction = np.random.default_rng(seed).normal(size=units)
    direction = (direction / np.linalg.norm(direction)).astype("float32")
    after = f"after {updates} updates"
    norms = {"at initialisation": {}, after: {}}
    saturations = {stage: {} for stage in norms}
    losses = {}
    for cell in CELLS:
        keras.utils.set_random_seed(seed)
        model = _model(cell, units)
        layer = model.encoder.layers[0]
        for stage in norms:
            if stage == after:
                losses[cell] = _train(model, batches, updates)
            norms[stage][cell] = state_gradient_norms(layer, x, direction)
            saturations[stage][cell] = saturation(layer, x)
    clipping = {
        "clipped" if clip else "not clipped": _clipping_run(
            batches, units, clip, min(updates, _CLIPPING_UPDATES), seed
        )
        for clip in (None, _CLIP)
    }
    words = ["study", "gradients", "--length", length, "--units", units]
    words += ["--updates", updates, "--seed", seed]
    results = {
        "command": command_line(list(map(str, words))),
        "contraction": _map(norms, contraction),
        "norm_at_longest_lag": _map(norms, lambda n: float(n[-1])),
        "training_mse": losses,
        "saturation": saturations,
        "clipping": {label: _summary(run) for label, run in clipping.items()},
    }
    figure, table, numbers, text = (
        output / f"gradients.{suffix}"
        for suffix in ("png", "csv", "json", "md")
    )
    write_gradient_figure(figure, norms, saturations, clipping, _CLIP)
    _write_norms(table, norms)
    _write_clipping(output / "clipping.csv", clipping)
    numbers.write_text(json.dumps(results, indent=1) + "\n")
    text.write_text(_markdown(results))
    return [figure, table, output / "clipping.csv", numbers, text]


def _model(cell, units):
    return SequenceForecaster(
        1, units, channels=2, num_targets=1, fixed_scale=1.0, cell=cell
    )


def _train(model, batches, updates):
    """Trains shortly; returns the mean squared error of the last tenth."""
    model.compile(keras.optimizers.Adam(_LEARNING_RATE, global_clipnorm=_CLIP))
    tenth = max(1, updates // 10)
    options = {"epochs": 1, "shuffle": False, "verbose": 0}
    data = batches.take(updates)
    if updates > tenth:
        head = data.take(updates - tenth)
        model.fit(head, steps_per_epoch=updates - tenth, **options)
    tail = data.skip(updates - tenth)
    history = model.fit(tail, steps_per_epoch=tenth, **options)
    return float(history.history["mse"][-1])


def _clipping_run(batches, units, clip, updates, seed):
    keras.utils.set_random_seed(seed)
    model = _model("simple_rnn", units)
    kernel = model.encoder.layers[0].cell.recurrent_kernel
    kernel.assign(keras.initializers.Orthogonal(_EXPLODING_GAIN)(kernel.shape))
    return train_with_clipping(
        model, batches.take(updates), clip=clip, learning_rate=_CLIPPING_RATE
    )


def _summary(run):
    """Numbers of a run of `train_with_clipping`; None for what diverged."""
    finite = np.isfinite(run["loss"]) & np.isfinite(run["norm"])
    diverged = not finite.all()
    return {
        "first_norm": float(run["norm"][0]),
        "largest_applied_norm": float(run["applied_norm"][finite].max()),
        "share_beyond_clip": float(np.mean(run["norm"][finite] > _CLIP)),
        "diverged_at_update": int(finite.argmin()) if diverged else None,
        "last_losses": None if diverged else float(run["loss"][-50:].mean()),
    }


def _map(norms, function):
    return {
        stage: {cell: function(values) for cell, values in cells.items()}
        for stage, cells in norms.items()
    }


def _write_norms(path, norms):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["stage", "cell", "lag", "norm"])
        for stage, cells in norms.items():
            for cell, values in cells.items():
                for lag, norm in enumerate(values):
                    writer.writerow([stage, cell, lag, f"{norm:.6e}"])


def _write_clipping(path, clipping):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "update", "loss", "norm", "applied_norm"])
        for label, run in clipping.items():
            columns = (run["loss"], run["norm"], run["applied_norm"])
            for update, values in enumerate(zip(*columns, strict=True)):
                writer.writerow([label, update, *(f"{v:.6e}" for v in values)])


def _markdown(results):
    stages = list(results["contraction"])
    lines = ["# Gradients through time", "", f"`{results['command']}`", ""]
    header = [f"{what}, {s}" for s in stages for what in ("factor", "norm")]
    rows = []
    for cell in CELLS:
        row = [cell]
        for stage in stages:
            row.append(f"{results['contraction'][stage][cell]:.4f}")
            row.append(f"{results['norm_at_longest_lag'][stage][cell]:.2e}")
        rows.append([*row, f"{results['training_mse'][cell]:.4f}"])
    lines.append(markdown_table(["cell", *header, "training MSE"], rows))
    lines += [
        "",
        "`factor`: what the norm of the gradient of the state is multiplied by "
        "from one lag to the next, fitted from lag 10 on; `norm`: what is left "
        "of 1 at the longest lag. Always saying 1 has an MSE of 0.1667.",
        "",
    ]
    rows = [
        [
            f"{cell}, {gate.replace('_', ' ')}",
            *(f"{results['saturation'][s][cell][gate]:.3f}" for s in stages),
        ]
        for cell, gates in results["saturation"][stages[0]].items()
        for gate in gates
    ]
    lines.append(markdown_table(["saturated", *stages], rows))
    lines += [
        "",
        f"A SimpleRNN with recurrent weights {_EXPLODING_GAIN:g} times an "
        f"orthogonal matrix, by plain gradient descent at {_CLIPPING_RATE:g}, "
        f"with and without clipping the global norm at {_CLIP:g}:",
        "",
    ]
    rows = []
    for label, run in results["clipping"].items():
        end, losses = run["diverged_at_update"], run["last_losses"]
        rows.append(
            [
                label,
                f"{run['first_norm']:.3g}",
                f"{run['largest_applied_norm']:.3g}",
                f"{run['share_beyond_clip']:.2f}",
                "never" if end is None else end,
                "not finite" if losses is None else f"{losses:.4f}",
            ]
        )
    header = ["", "first norm", "largest applied", "beyond the limit"]
    header += ["diverged at update", "mean of the last 50 losses"]
    lines.append(markdown_table(header, rows))
    lines += ["", "![Gradients](gradients.png)", ""]
    return "\n".join(lines)
