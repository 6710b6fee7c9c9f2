"""Figures of what codes mean: reconstructions, interpolations, maps."""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.decomposition import PCA

from keras_genseq.ops.interpolation import linear_interpolation
from keras_genseq.ops.interpolation import spherical_interpolation
from training import figures


def reconstruction_grid(model, examples, condition=None, columns=12):
    """Examples, each followed by its reconstruction.

    Args:
        model: has `reconstruct(x)`.
        examples: `(num_examples, H, W, C)` array.
        condition: optional dict of further arguments of `reconstruct`.
        columns: int. Images in a row, two to an example.

    Returns:
        `(height, width, C)` array in [0, 1].
    """
    again = model.reconstruct(examples, **(condition or {}))
    pairs = np.stack([examples, again], axis=1)
    return figures.enlarged_grid(
        pairs.reshape(-1, *examples.shape[1:]), columns
    )


def interpolation_grid(model, examples, num_steps=10):
    """Ways from example 0 to 1, from 2 to 3, and so on, decoded.

    Args:
        model: as for `codes_of`, and has `decode(z)`.
        examples: `(num_examples, H, W, C)` array, an even number of them.
        num_steps: int. Images along a way.

    Returns:
        `(height, width, C)` array: two rows to a pair, first on the straight
        line, then on the arc.
    """
    z = codes_of(model, examples)
    ways = [
        interpolate(z[::2], z[1::2], num_steps)
        for interpolate in (linear_interpolation, spherical_interpolation)
    ]
    z = np.stack(ways, axis=1).reshape(-1, z.shape[1])
    return figures.enlarged_grid(model.decode(z).numpy(), num_steps)


def traversal_grid(
    model, example, relevance, num_rows=10, num_steps=11, extent=3.0
):
    """One latent dimension after the other, all others held at an example's.

    Args:
        model: as for `codes_of`, and has `decode(z)`.
        example: `(1, H, W, C)` array.
        relevance: `(latent_dim,)` array; the most relevant dimension is first.
        num_rows: int. Dimensions shown.
        num_steps: int. Images in a row.
        extent: float. A row goes from minus this to this.

    Returns:
        `(height, width, C)` array in [0, 1].
    """
    z = codes_of(model, example)[0]
    rows = []
    for dimension in np.argsort(-relevance)[:num_rows]:
        row = np.tile(z, (num_steps, 1))
        row[:, dimension] = np.linspace(-extent, extent, num_steps)
        rows.append(row)
    return figures.enlarged_grid(
        model.decode(np.concatenate(rows)).numpy(), num_steps
    )


def arithmetic_grid(model, data, labels):
    """Examples with the mean code of their class exchanged for another's.

    Args:
        model: as for `codes_of`, and has `decode(z)`.
        data: `(num_examples, H, W, C)` array.
        labels: `(num_examples,)` ints.

    Returns:
        `(height, width, C)` array in [0, 1]: a row for the first example of
        each class, the example itself first, then a column for each class:
        `z - mean code of its class + mean code of that class`, decoded.
    """
    z = codes_of(model, data)
    classes, first = np.unique(labels, return_index=True)
    means = np.stack([z[labels == k].mean(0) for k in classes])
    moved = z[first][:, None] - means[:, None] + means[None, :]
    images = model.decode(moved.reshape(-1, z.shape[1])).numpy()
    images = images.reshape(*moved.shape[:2], *data.shape[1:])
    images = np.concatenate([data[first][:, None], images], axis=1)
    return figures.enlarged_grid(
        images.reshape(-1, *data.shape[1:]), images.shape[1]
    )


def codes_of(model, x):
    """The code that stands for each example.

    Args:
        model: has `encode(x)`.
        x: `(num_examples, H, W, C)` array.

    Returns:
        `(num_examples, latent_dim)` array.
    """
    answer = model.encode(x)
    return np.array(answer["z"] if isinstance(answer, dict) else answer)


def units(kl, variance, is_active):
    """Draws KL and aggregate variance of each latent dimension, sorted by KL.

    Args:
        kl: `(latent_dim,)` array, mean over the data.
        variance: `(latent_dim,)` array, of the aggregate posterior.
        is_active: `(latent_dim,)` booleans.
    """
    order = np.argsort(-kl)
    colors = np.where(is_active[order], "C0", "C7")
    places = np.arange(len(kl))
    figure, axes = plt.subplots(2, 1, figsize=(7, 5), layout="constrained")
    axes[0].bar(places, kl[order], color=colors)
    axes[0].set(ylabel="KL, nats (grey: collapsed)")
    axes[1].bar(places, variance[order], color=colors)
    axes[1].axhline(1.0, ls="--", lw=1, color="C3", label="prior")
    axes[1].set(xlabel="latent dimension, by KL", ylabel="aggregate variance")
    axes[1].legend()
    return figures.pixels(figure)


def latent_map(z, labels, class_names=()):
    """Draws codes on their two principal axes, coloured by class.

    Args:
        z: `(num_examples, latent_dim)` array; one or two dimensions are drawn
            as they are.
        labels: `(num_examples,)` ints.
        class_names: list of str, or empty where classes have numbers alone.
    """
    axes_names = "latent dimension"
    if z.shape[1] > 2:
        z = PCA(2).fit_transform(z)
        axes_names = "principal axis"
    if z.shape[1] == 1:
        z = np.concatenate([z, np.zeros_like(z)], axis=1)
    figure, axes = plt.subplots(figsize=(7, 6), layout="constrained")
    for i, label in enumerate(np.unique(labels)):
        points = z[labels == label].T
        name = class_names[label] if class_names else label
        axes.scatter(*points, s=4, color=plt.cm.tab10(i % 10), label=name)
    axes.set(xlabel=f"{axes_names} 1", ylabel=f"{axes_names} 2")
    axes.legend(markerscale=4, fontsize=8)
    return figures.pixels(figure)
