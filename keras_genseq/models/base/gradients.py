"""Gradients of the losses of a batch: in parts, and over replicas."""

import itertools

import keras
import tensorflow as tf

from keras_genseq.models.base.regularizers import added_losses


def batch_size_of(batch):
    """Rows of a structure of tensors, of which some may be None."""
    leaves = [x for x in keras.tree.flatten(batch) if x is not None]
    return tf.shape(leaves[0])[0]


def accumulate_gradients(
    loss_fn, batch, variables, *, num_parts, scale, row_scale, layers
):
    """Sums scaled gradients over the parts of a batch.

    Args:
        loss_fn: callable `batch -> (losses, terms)`, as for
            `BaseModel.minimize`.
        batch: structure of tensors with a leading batch dimension.
        variables: list of Keras variables.
        num_parts: int. Parts that are worked off one after the other.
        scale: float scalar that losses are multiplied by.
        row_scale: the same of what layers add, for each row.
        layers: list of layers whose added losses count.

    Returns:
        list of gradients, None where there is none; `(batch_size,)` losses;
        dict of `(batch_size,)` terms.
    """
    total, losses, terms = None, [], []
    for part in _split(batch, num_parts):
        # A part starts when the one before it is done, or all parts'
        # activations would be alive together.
        with tf.control_dependencies(_present(total)):
            part = _map(tf.identity, part)
        with tf.GradientTape() as tape:
            with added_losses(layers) as added:
                part_losses, part_terms = loss_fn(part)
            part_losses = tf.cast(part_losses, tf.float32)
            if part_losses.shape.rank == 0:
                part_losses = tf.fill([batch_size_of(part)], part_losses)
            loss = tf.reduce_sum(part_losses) * scale
            if added:
                # Means over the rows, as Keras takes them.
                share = tf.cast(batch_size_of(part), tf.float32) * row_scale
                loss += tf.math.multiply_no_nan(tf.add_n(added), share)
        grads = [_dense(g) for g in tape.gradient(loss, variables)]
        total = (
            grads
            if total is None
            else [_add(a, b) for a, b in zip(total, grads, strict=True)]
        )
        losses.append(part_losses)
        terms.append(part_terms)
    if len(losses) == 1:
        return total, losses[0], terms[0]
    concatenated = {
        name: tf.concat([t[name] for t in terms], 0) for name in terms[0]
    }
    return total, tf.concat(losses, 0), concatenated


def sum_over_replicas(context, gradients):
    """Gradients of the global batch; None stays None.

    Args:
        context: `tf.distribute.ReplicaContext`.
        gradients: list of tensors, or None.
    """
    reduced = iter(
        context.all_reduce(tf.distribute.ReduceOp.SUM, _present(gradients))
    )
    return [None if g is None else next(reduced) for g in gradients]


def _map(function, batch):
    """Applies a function to the tensors of a batch; absent parts stay None."""
    return keras.tree.map_structure(
        lambda x: None if x is None else function(x), batch
    )


def _split(batch, num_parts):
    """Cuts every tensor of a batch into `num_parts` runs of rows."""
    if num_parts == 1:
        return [batch]
    leaves = [x for x in keras.tree.flatten(batch) if x is not None]
    size = leaves[0].shape[0]
    if size is None:
        size = tf.shape(leaves[0])[0]
    else:
        # Parts without rows would be traced, and add nothing.
        num_parts = max(1, min(num_parts, size))
    starts = [size * i // num_parts for i in range(num_parts + 1)]
    return [
        _map(lambda x, s=start, e=end: x[s:e], batch)
        for start, end in itertools.pairwise(starts)
    ]


def _dense(gradient):
    if isinstance(gradient, tf.IndexedSlices):
        return tf.convert_to_tensor(gradient)
    return gradient


def _present(gradients):
    return [g for g in gradients or [] if g is not None]


def _add(a, b):
    if a is None or b is None:
        return a if b is None else b
    return a + b
