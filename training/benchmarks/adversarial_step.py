"""One update of all networks of an adversarial model, as a candidate."""

import itertools

import keras
import tensorflow as tf


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
