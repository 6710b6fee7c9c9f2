"""The picture of the study of gradients."""

import numpy as np
from matplotlib import pyplot as plt

_TITLES = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
# Below this a curve would squeeze the others.
_LEAST_SHOWN = 1e-24
# Training that diverges leaves these axes, which are for the one that does not.
_NORM_LIMITS = (1e-2, 1e6)
_LOSS_LIMITS = (0.5, 1e3)


def write_gradient_figure(path, norms, saturations, clipping, clip):
    """Draws norms against lag, saturation of gates, and clipping.

    Args:
        path: where to.
        norms: dict: stage -> cell -> `(time,)` array, lag 0 first.
        saturations: dict: stage -> cell -> gate -> share.
        clipping: dict: label -> what `train_with_clipping` returned.
        clip: float. Norm at which gradients were clipped.
    """
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    _draw_norms(axes[0, 0], norms)
    _draw_saturation(axes[0, 1], saturations)
    _draw_clipping(axes[1], clipping, clip)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_norms(axes, norms):
    styles = dict(zip(norms, (":", "-"), strict=False))
    for stage, cells in norms.items():
        for i, (cell, values) in enumerate(cells.items()):
            shown = np.where(values > _LEAST_SHOWN, values, np.nan)
            axes.semilogy(
                shown,
                styles[stage],
                color=f"C{i}",
                label=f"{_TITLES[cell]}, {stage}",
            )
    axes.set(
        title="How far gradients reach back",
        xlabel="lag, steps",
        ylabel="norm of the gradient of the state",
    )
    axes.legend(fontsize=8, loc="lower left")
    axes.grid(alpha=0.3)


def _draw_saturation(axes, saturations):
    first = next(iter(saturations.values()))
    gates = [(cell, gate) for cell, g in first.items() for gate in g]
    places = np.arange(len(gates))
    height = 0.8 / len(saturations)
    for i, (stage, cells) in enumerate(saturations.items()):
        shares = [cells[cell][gate] for cell, gate in gates]
        axes.barh(places + i * height, shares, height, label=stage)
    axes.set_yticks(
        places + 0.4 - height / 2.0,
        [f"{_TITLES[c]}: {g.replace('_', ' ')}" for c, g in gates],
        fontsize=8,
    )
    axes.invert_yaxis()
    axes.set(
        title="Saturated activations",
        xlabel="share below 0.1 or above 0.9 (tanh: beyond 0.9 in size)",
    )
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3, axis="x")


def _draw_clipping(axes, clipping, clip):
    for i, (label, run) in enumerate(clipping.items()):
        finite = np.isfinite(run["loss"])
        if not finite.all():
            label = f"{label}: diverged at update {finite.argmin()}"
        for each, name in zip(axes, ("norm", "loss"), strict=True):
            values = np.where(np.isfinite(run[name]), run[name], np.nan)
            each.semilogy(values, ".-", lw=1, ms=3, color=f"C{i}", label=label)
    axes[0].axhline(clip, ls="--", lw=1, color="0.3", label=f"norm {clip:g}")
    axes[0].set(
        title="Gradient of all weights, before clipping",
        xlabel="update",
        ylabel="global norm",
        ylim=_NORM_LIMITS,
    )
    axes[1].set(
        title="Loss",
        xlabel="update",
        ylabel="loss of the batch",
        ylim=_LOSS_LIMITS,
    )
    for each in axes:
        each.legend(fontsize=8)
        each.grid(alpha=0.3)
