"""Which values of an image a logit depends on, by gradients."""

import numpy as np
import tensorflow as tf


def dependence(model):
    """Largest |d logit i / d value j| over some images: (D, D)."""
    size = model.input_dim
    x = (
        np.random.default_rng(0)
        .integers(0, 2, (6, *model.image_shape))
        .astype("float32")
    )
    x = tf.constant(np.repeat(x, size, axis=0))

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            # Copy i of an image answers for logit i.
            logits = tf.reshape(model(x), (6, size, size, -1))
            mine = tf.einsum("niik->nik", logits)
            weights = tf.linspace(1.0, 2.0, mine.shape[2])
            loss = tf.reduce_sum(weights * mine)
        return tape.gradient(loss, x)

    return np.abs(gradient(x)).reshape(6, size, size).max(0)
