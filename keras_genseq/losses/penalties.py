"""What a discriminator pays for being steep, or for drifting away."""

import tensorflow as tf
from keras import ops


def gradient_penalty(critic, real, fake, mixing, target=1.0):
    """How far the slope of the critic between reals and fakes is from a target.

        (|grad critic(m x + (1 - m) G(z))| - target)^2 / target^2

    Args:
        critic: callable `x -> (batch_size,)` logits, row by row: batch
            statistics would mix the slopes of examples.
        real: `(batch_size, ...)`.
        fake: same shape.
        mixing: `(batch_size,)` shares of the real, uniform in (0, 1).
        target: float. The slope that costs nothing.

    Returns:
        `(batch_size,)` float32 tensor.

    References:
        - [Gulrajani et al., 2017](https://arxiv.org/abs/1704.00028), eq. 3
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196), appendix A.1
    """
    shape = (-1,) + (1,) * (len(real.shape) - 1)
    mixing = ops.reshape(mixing, shape)
    between = mixing * real + (1.0 - mixing) * fake
    # The root has an infinite slope at 0.
    norm = ops.sqrt(_squared_slopes(critic, between) + 1e-12)
    return ops.square(norm - target) / target**2


def r1_penalty(critic, real):
    """Squared slope of the critic at real examples, halved.

    Args:
        critic: as for `gradient_penalty`.
        real: `(batch_size, ...)`.

    Returns:
        `(batch_size,)` float32 tensor.

    References:
        - [Mescheder et al., 2018](https://arxiv.org/abs/1801.04406), eq. 9
    """
    return 0.5 * _squared_slopes(critic, real)


def drift_penalty(real_logits):
    """Squared real logit: keeps a critic, free up to a constant, near 0.

    References:
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196), appendix A.1
    """
    return ops.square(ops.cast(real_logits, "float32"))


def _squared_slopes(critic, x):
    x = ops.cast(x, "float32")
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        logits = ops.cast(critic(x), "float32")
    slopes = ops.cast(tape.gradient(logits, x), "float32")
    return ops.sum(ops.square(slopes), axis=tuple(range(1, len(x.shape))))
