"""Penalties on weights: the `kernel_regularizer` of a user's own network."""

import tensorflow as tf


def with_penalties(grads, variables, scale):
    """Adds the gradients of the regularizers of weights to those of losses.

    The losses that a model reports leave the penalties out: they stay what the
    data cost.

    Args:
        grads: list of gradients of the global batch, one a variable; some None.
        variables: list of the Keras variables.
        scale: float scalar by which the gradients are too large.

    Returns:
        list of gradients.
    """
    if not any(v.regularizer is not None and v.trainable for v in variables):
        return grads
    result = []
    for gradient, variable in zip(grads, variables, strict=True):
        if variable.regularizer is not None and variable.trainable:
            weights = tf.convert_to_tensor(variable.value)
            with tf.GradientTape() as tape:
                tape.watch(weights)
                penalty = variable.regularizer(weights) * scale
            added = tape.gradient(penalty, weights)
            gradient = added if gradient is None else gradient + added
        result.append(gradient)
    return result
