"""Vision Transformers: what they say of images, and where they look."""

import numpy as np
from matplotlib import pyplot as plt

from keras_genseq.ops.attention_analysis import mean_attention_distance
from keras_genseq.ops.attention_analysis import position_similarity
from training import figures
from training.evaluations.classifier import evaluate_classifier

# Attention weights grow with the square of the patches.
_NUM_EXAMPLES = 64
_NUM_SHOWN = 12


def evaluate_vision_transformer(evaluation):
    """Reports accuracy, calibration and attention.

    Args:
        evaluation: `training.evaluation.Evaluation`.

    Returns:
        `Report`.
    """
    report = evaluate_classifier(evaluation)
    evaluation.add_part(report, "attention", _attention)
    return report


evaluate_vision_transformer.kinds = ("images",)


def _attention(report, evaluation):
    model = evaluation.model
    x, _ = evaluation.shown(_NUM_EXAMPLES)
    distances = attention_distances(model, x)
    report.add(
        "mean attention distance, pixels",
        f"{distances[0].mean():.2f}",
        "",
        f"in the first block (heads {distances[0].min():.2f} to "
        f"{distances[0].max():.2f}); in the last {distances[-1].mean():.2f}",
    )
    report.metrics["mean_attention_distances"] = distances.tolist()
    report.add_figure(
        "attention_distance",
        "How far from itself a patch looks, in each head",
        _distances(distances),
    )
    report.add_figure(
        "rollout",
        "Test images, and the share of each patch in the prediction",
        _rollouts(model, x[:: max(1, len(x) // _NUM_SHOWN)][:_NUM_SHOWN]),
    )
    report.add_figure(
        "positions",
        "Cosine of each position with all others",
        _similarities(model),
    )


def attention_distances(model, x):
    """Mean attention distance of each head, in pixels.

    Args:
        model: `VisionTransformer`.
        x: array of images.

    Returns:
        `(num_layers, num_heads)` array.
    """
    weights = model.attention_maps(x)
    num_prefix = model.positions.num_prefix_tokens
    return mean_attention_distance(
        weights[..., num_prefix:, num_prefix:],
        model.positions.grid_shape,
        model.stride,
    ).numpy()


def _distances(distances):
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    blocks = np.arange(1, len(distances) + 1)
    for head in distances.T:
        axes.scatter(blocks, head)
    axes.set(xlabel="block", ylabel="pixels", xticks=blocks, ylim=(0.0, None))
    axes.grid(alpha=0.3)
    return figures.pixels(figure)


def _rollouts(model, x):
    """Images above, rollouts below, each as bright as its largest share."""
    shares = model.rollout(x).numpy()
    height, width = model.stride
    shares = shares.repeat(height, axis=1).repeat(width, axis=2)
    shares = shares / shares.max(axis=(1, 2), keepdims=True)
    maps = np.repeat(shares[..., None], x.shape[-1], axis=-1)
    return figures.enlarged_grid(np.concatenate([x, maps]), len(x))


def _similarities(model):
    """A grid of grids: a small one for each position, thinned where many."""
    similarity = position_similarity(model.positions.grid()).numpy()
    steps = [max(1, side // 8) for side in similarity.shape[:2]]
    shown = similarity[:: steps[0], :: steps[1]]
    rows, columns = shown.shape[:2]
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(0.8 * columns + 0.6, 0.8 * rows),
        layout="constrained",
        squeeze=False,
    )
    for row in range(rows):
        for column in range(columns):
            axis = axes[row, column]
            image = axis.imshow(shown[row, column], vmin=-1.0, vmax=1.0)
            axis.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=axes)
    return figures.pixels(figure)
