"""Ways from one code to another."""

from keras import ops


def linear_interpolation(start, end, num_steps):
    """Codes on the straight line between two codes.

    Args:
        start: `(batch_size, dim)`.
        end: same shape.
        num_steps: int of at least 2; both ends count.

    Returns:
        float32 tensor `(batch_size, num_steps, dim)`.
    """
    start, end, t = _ends_and_times(start, end, num_steps)
    return (1.0 - t) * start + t * end


def spherical_interpolation(start, end, num_steps):
    """Codes on the arc between two codes: typical lengths on the whole way.

    A normal prior in many dimensions keeps its mass in a thin shell, which the
    straight line leaves.

    Args:
        start: `(batch_size, dim)`.
        end: same shape; not opposite to `start`.
        num_steps: int of at least 2; both ends count.

    Returns:
        float32 tensor `(batch_size, num_steps, dim)`.
    """
    start, end, t = _ends_and_times(start, end, num_steps)
    lengths = ops.norm(start, axis=-1) * ops.norm(end, axis=-1)
    cosine = ops.sum(start * end, axis=-1) / ops.maximum(lengths, 1e-12)
    angle = ops.arccos(ops.clip(cosine, -1.0, 1.0))[..., None]
    sine = ops.sin(angle)
    arc = ops.sin((1.0 - t) * angle) * start + ops.sin(t * angle) * end
    # Of (nearly) parallel codes the arc is the line, and sine a zero.
    is_line = ops.abs(sine) < 1e-4
    arc = arc / ops.where(is_line, 1.0, sine)
    return ops.where(is_line, (1.0 - t) * start + t * end, arc)


def _ends_and_times(start, end, num_steps):
    if num_steps < 2:
        raise ValueError(
            "`num_steps` must be at least 2, for both ends count. "
            f"Received: num_steps={num_steps}"
        )
    start = ops.cast(start, "float32")[:, None]
    end = ops.cast(end, "float32")[:, None]
    t = ops.linspace(0.0, 1.0, num_steps, dtype="float32")[None, :, None]
    return start, end, t
