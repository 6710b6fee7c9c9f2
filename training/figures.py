"""Figures as arrays: grids of images, curves, scores."""

import inspect
import io
import math
import pathlib

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from keras_genseq.export import atomic

# Beyond this, a legend hides what it explains.
_MOST_NAMES = 8


def as_images(x, image_shape=None):
    """Vectors as images; images as they are.

    Args:
        x: `(batch_size, H * W * C)` or `(batch_size, H, W, C)` array in [0, 1].
        image_shape: optional `(H, W, C)`. Without it, or if vectors are no
            images of that shape, they are laid out as squares, filled up.

    Returns:
        `(batch_size, H, W, C)` array.
    """
    x = np.asarray(x, "float32")
    if x.ndim == 4:
        return x
    if len(image_shape or ()) == 3 and math.prod(image_shape) == x.shape[1]:
        return x.reshape(-1, *image_shape)
    side = math.ceil(math.sqrt(x.shape[1]))
    missing = side * side - x.shape[1]
    x = np.pad(x, ((0, 0), (0, missing)), constant_values=0.5)
    return x.reshape(-1, side, side, 1)


def grid(images, columns, *, border=1, scale=1):
    """Lays images out in rows.

    Args:
        images: `(num_images, H, W, C)` array in [0, 1].
        columns: int.
        border: int. Pixels between images.
        scale: int. Times each pixel is repeated.

    Returns:
        `(height, width, C)` array; what no image fills is mid-grey.
    """
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, channels = images.shape
    rows = math.ceil(count / columns)
    canvas = np.full(
        (
            rows * (height + border) + border,
            columns * (width + border) + border,
            channels,
        ),
        0.5,
        "float32",
    )
    for i, image in enumerate(images):
        top = border + (i // columns) * (height + border)
        left = border + (i % columns) * (width + border)
        canvas[top : top + height, left : left + width] = image
    return canvas


def enlarged_grid(images, columns, side=56):
    """A `grid` of small images, enlarged to at least about `side` pixels."""
    return grid(images, columns, scale=max(1, side // images.shape[1]))


def num_conditions(model):
    """The number of classes that a model samples by, or None."""
    sample = getattr(model, "sample", None)
    if (
        sample is None
        or "condition" not in inspect.signature(sample).parameters
    ):
        return None
    return model.num_classes


def sample_grid(model, rows=6, columns=12, seed=0, image_shape=None):
    """Grid of samples of a model, the same seeds every time.

    Args:
        model: has `sample(num_samples, seed=)`.
        rows: int. Of a conditional model there is a row for each class.
        columns: int.
        seed: int.
        image_shape: as for `as_images`.

    Returns:
        `(height, width, C)` array in [0, 1].
    """
    condition = {}
    num_classes = num_conditions(model)
    if num_classes is not None:
        rows = num_classes
        classes = np.arange(rows, dtype="int32")
        condition = {"condition": np.repeat(classes, columns)}
    samples = model.sample(rows * columns, seed=seed, **condition)
    return enlarged_grid(as_images(samples, image_shape), columns)


def picture(draw, model, dataset):
    """An image of what a model makes.

    Args:
        draw: callable `model -> image`, or of `model` and `dataset`; None
            draws a grid of samples.
        model: what to show.
        dataset: `Dataset`, transformed.

    Returns:
        `(height, width, C)` array in [0, 1].
    """
    if draw is None:
        return sample_grid(model, image_shape=dataset.element_shape)
    if "dataset" in inspect.signature(draw).parameters:
        return draw(model, dataset=dataset)
    return draw(model)


def write_image(path, image):
    """Writes an `(H, W, C)` array in [0, 1]; one channel is grey."""
    if image.shape[-1] == 1:
        image = image.repeat(3, axis=-1)
    content = io.BytesIO()
    plt.imsave(content, np.clip(image, 0.0, 1.0), format="png")
    atomic.write_bytes(str(pathlib.Path(path).absolute()), content.getvalue())


def write_array(path, array):
    """Writes an array as an `.npy` file."""
    content = io.BytesIO()
    np.save(content, array)
    atomic.write_bytes(str(pathlib.Path(path).absolute()), content.getvalue())


def pixels(figure):
    """Draws a Matplotlib figure and closes it.

    Returns:
        `(height, width, 3)` float32 array in [0, 1].
    """
    figure.set_dpi(120)
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())[..., :3] / 255.0
    plt.close(figure)
    return image.astype("float32")


def curves(history, names, *, ylabel, levels=None):
    """Draws metrics over epochs.

    Args:
        history: list of dicts, one an epoch.
        names: metrics to draw.
        ylabel: str. Their unit.
        levels: optional dict: label -> height of a dashed line.
    """
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name in names:
        points = [(h["epoch"] + 1, h[name]) for h in history if name in h]
        # Of one point there is no line.
        marker = "o" if len(points) == 1 else None
        axes.plot(*zip(*points, strict=True), label=name, marker=marker)
    for i, (label, level) in enumerate((levels or {}).items()):
        axes.axhline(level, ls="--", lw=1, color=f"C{i + 2}", label=label)
    axes.set(xlabel="epoch", ylabel=ylabel)
    axes.legend()
    axes.grid(alpha=0.3)
    return pixels(figure)


def score_histogram(scores, *, xlabel):
    """Draws how scores of several data sets are distributed.

    Args:
        scores: dict: label -> array of scores.
        xlabel: str. Their unit.
    """
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    everything = np.concatenate(list(scores.values()))
    low, high = np.percentile(everything, [0.5, 100.0])
    for label, values in scores.items():
        axes.hist(
            np.clip(values, low, high),
            bins=60,
            range=(low, high),
            alpha=0.6,
            density=True,
            label=label,
        )
    axes.set(xlabel=xlabel, ylabel="density")
    axes.legend()
    return pixels(figure)


def sample_lines(model, count=4, length=200, seed=0, dataset=None):
    """Draws samples of a model of series as lines, the same seeds every time.

    Args:
        model: has `sample(num_samples, length=, seed=)`.
        count: int.
        length: int. Steps of each.
        seed: int.
        dataset: optional `Dataset`, of which the columns are named.

    Returns:
        `(height, width, 3)` array in [0, 1].
    """
    x = np.asarray(model.sample(count, length=length, seed=seed))
    figure, axes = plt.subplots(count, 1, figsize=(7, 6), layout="constrained")
    columns = getattr(dataset, "columns", ())
    for line, sample in zip(axes, x, strict=True):
        line.plot(sample, lw=1, label=columns or None)
    if 0 < len(columns) <= _MOST_NAMES:
        axes[0].legend(fontsize=8, ncols=len(columns))
    return pixels(figure)


def forecast(series, origin, quantiles, *, ylabel, times=None):
    """Draws a series and the forecast that begins inside it.

    Args:
        series: `(time,)` array, what happened.
        origin: int. First step of the forecast.
        quantiles: `(low, median, high)`, arrays of `(horizon,)`.
        ylabel: str. What the values are.
        times: optional datetime64 `(time,)` array.
    """
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    low, median, high = quantiles
    times = np.arange(len(series)) if times is None else times
    steps = times[origin : origin + len(median)]
    axes.plot(times, series, label="series", lw=1)
    axes.plot(steps, median, label="median")
    axes.fill_between(steps, low, high, alpha=0.3, color="C1", label="80 %")
    axes.set(ylabel=ylabel)
    if times.dtype.kind == "M":
        axes.tick_params(axis="x", rotation=30)
    else:
        axes.set(xlabel="step")
    axes.legend()
    return pixels(figure)


def attention_maps(maps, columns, rows):
    """Draws matrices of attention side by side.

    Args:
        maps: list of `(queries, keys)` arrays in [0, 1].
        columns: the keys of each map, a list of str.
        rows: the queries of each map, likewise.
    """
    width = 2.0 + 0.3 * max(len(names) for names in columns)
    figure, axes = plt.subplots(
        1,
        len(maps),
        figsize=(width * len(maps), 1.5 + 0.25 * max(map(len, rows))),
        layout="constrained",
        squeeze=False,
    )
    for axis, matrix, across, down in zip(
        axes[0], maps, columns, rows, strict=True
    ):
        axis.imshow(matrix, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
        axis.set_xticks(range(len(across)), across, rotation=90)
        axis.set_yticks(range(len(down)), down)
    return pixels(figure)
