"""From logits and given noise to a draw: the same in any execution mode."""

from keras import ops


def categories_from_uniforms(logits, uniforms, temperature):
    """Draws categories by inverting their cumulative distribution.

    Args:
        logits: `(..., num_categories)`.
        uniforms: `(...)` in (0, 1).
        temperature: broadcasts against `uniforms`; 0 takes the mode.

    Returns:
        int32 tensor `(...)`.
    """
    # Temperature 0 is the limit, not a division by zero.
    sharpness = 1.0 / ops.maximum(temperature, 1e-6)
    probabilities = ops.softmax(logits * sharpness[..., None], axis=-1)
    below = ops.cumsum(probabilities, axis=-1)[..., :-1]
    return ops.sum(ops.cast(below < uniforms[..., None], "int32"), axis=-1)


def gumbel_noise(uniforms):
    """Gumbel noise: added to logits, it makes their argmax a draw.

    Args:
        uniforms: tensor of numbers in (0, 1).

    Returns:
        float32 tensor of the same shape.

    References:
        - [Maddison et al., 2014](https://arxiv.org/abs/1411.0030)
    """
    return -ops.log(-ops.log(ops.cast(uniforms, "float32")))
