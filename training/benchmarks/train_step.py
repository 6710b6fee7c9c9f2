"""One update of a Keras model as a candidate of a benchmark."""

import itertools

import tensorflow as tf


def keras_step(model, x):
    """Callable: one update, through the function that `fit` calls.

    Args:
        model: compiled model.
        x: array, the batch of every update.

    Returns:
        Callable that returns the loss before its update.
    """
    train = model.make_train_function()
    batches = itertools.repeat((tf.constant(x),))
    num_steps, total = 0, 0.0

    def step():
        nonlocal num_steps, total
        num_steps += 1
        # Metrics are means over all steps since they were reset.
        new_total = num_steps * float(train(batches)["loss"])
        loss, total = new_total - total, new_total
        return loss

    return step
