"""Penalties of a user's own network: on its weights, and on its outputs.

The losses that a model reports leave both out: they stay what the data cost.
"""

import contextlib
import threading

import tensorflow as tf


def with_penalties(grads, variables, scale):
    """Adds the gradients of the regularizers of weights to those of losses.

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


@contextlib.contextmanager
def added_losses(layers):
    """Keeps what layers add to the losses within: `add_loss`, activities.

    Keras forgets what a network added when it is called again, and shares the
    lists among the replicas.

    Args:
        layers: Keras layers; what others add does not count.

    Yields:
        list of scalar float32 tensors, complete at the end.
    """
    before = getattr(_collected, "found", None)
    _collected.found = []
    for layer in layers:
        if not isinstance(layer._losses, _AddedLosses):
            # Past Keras's tracking of attributes.
            vars(layer)["_losses"] = _AddedLosses(layer._losses)
    found = []
    try:
        yield found
        names = {id(layer._losses): layer.name for layer in layers}
        for losses, loss in _collected.found:
            if id(losses) in names:
                _check_in_scope(loss, names[id(losses)])
                found.append(tf.cast(tf.reduce_sum(loss), tf.float32))
    finally:
        _collected.found = before


# Of each thread, as replicas are traced by threads that take turns.
_collected = threading.local()


class _AddedLosses(list):
    """The list that a layer adds its losses to."""

    def extend(self, losses):
        losses = list(losses)
        found = getattr(_collected, "found", None)
        if found is not None:
            found += [(self, loss) for loss in losses]
        super().extend(losses)


def _check_in_scope(loss, name):
    """Refuses what was added inside a loop, and is not known outside of it."""
    if tf.executing_eagerly():
        return
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        if graph is getattr(loss, "graph", graph):
            return
        graph = getattr(graph, "outer_graph", None)
    raise ValueError(
        f"The layer {name!r} adds a loss, or regularizes its activity, "
        "inside a loop over steps, where training cannot reach it. Let the "
        "layer around the loop add it."
    )
