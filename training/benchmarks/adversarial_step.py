"""One update of all networks of an adversarial model, as a candidate."""

import itertools

import keras
import tensorflow as tf

from training.benchmarks.agreement import check_equal
from training.benchmarks.environment import has_torch
from training.benchmarks.table import timing_table
from training.benchmarks.timing import measure
from training.benchmarks.workers import Workers

OURS = "ours"
# Untimed steps, on which all candidates must agree, with the same noise.
NUM_CHECKED = 2
TOLERANCE = 1e-2


def timed_systems(systems, makers, sizes, repeats, threads, remark=""):
    """Times a training step of each of some systems, beside PyTorch.

    Args:
        systems: iterable of tuples: title, description, tuple of what the
            makers take after the sizes, and examples of a batch.
        makers: triple of functions: our steps and PyTorch's, each a dict of
            name to callable, and what PyTorch's take before the sizes.
        sizes: what the makers take.
        repeats: int. Timings of which the median counts.
        threads: int. Threads of each framework.
        remark: str, a sentence that ends the introduction.

    Returns:
        str, the Markdown below the section's title.

    Raises:
        RuntimeError: if the candidates do not compute the same.
    """
    training_steps, torch_steps, shared_values = makers
    introduction = (
        "A step updates both players by Adam, through the function that `fit` "
        "calls for every batch, noise and metrics included; float32, without "
        "XLA, as the recipes train, and without averages of weights. Both "
        f"losses of the first {NUM_CHECKED} steps, of the same weights and "
        f"noise, agree to {TOLERANCE:.0%}. {remark}"
    )
    parts = [introduction.strip()]
    if not has_torch():
        parts.append("PyTorch is left out: it is not installed.")
    for title, text, system, batch_size in systems:
        with Workers(threads) as workers:
            steps = workers.build("tensorflow", training_steps, sizes, *system)
            if has_torch():
                shared = shared_values(sizes, *system)
                steps |= workers.build(
                    "torch", torch_steps, *shared, sizes, *system
                )
            timings = measure(steps, repeats, check=check_losses)
        table = timing_table(timings, OURS, work=batch_size, unit="images")
        parts += [f"### {title}", text, table]
    return "\n\n".join(parts)


def check_losses(results):
    """Checks that all candidates had the same losses: see `check_equal`."""
    check_equal(results, TOLERANCE)


def smooth_images(rng, batch_size, shape):
    """Random float32 images in [0, 1], smooth along their rows."""
    x = rng.random((batch_size, *shape)).cumsum(2)
    return (x / x.max()).astype("float32")


def joint_step(model, batch, jit_compile, **adam):
    """Callable: one step, through the function that `fit` calls.

    Args:
        model: `MultiOptimizerModel`, not compiled.
        batch: what a step takes, a tuple of structures of arrays.
        jit_compile: bool.
        **adam: of every group's optimizer.

    Returns:
        Callable that returns the losses of both players before the step.
    """
    model.compile(
        **{
            f"{group}_optimizer": keras.optimizers.Adam(**adam)
            for group in model.group_networks
        },
        jit_compile=jit_compile,
    )
    train = model.make_train_function()
    batches = itertools.repeat(tf.nest.map_structure(tf.constant, batch))

    def step():
        # Metrics are means over all steps since they were reset.
        model.reset_metrics()
        logs = train(batches)
        return [float(logs["d_loss"]), float(logs["g_loss"])]

    return step
