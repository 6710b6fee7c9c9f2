"""What gates are functions of: inputs and states by their kernels."""

from keras import ops


def gate_products(values, kernel, num_gates, masks=None):
    """`values @ kernel`, as one tensor for each gate.

    Args:
        values: `(batch_size, dim)` tensor.
        kernel: `(dim, num_gates * units)`.
        num_gates: int.
        masks: dropout masks of `values`: None, one for all gates, or a list
            with one for each gate.

    Returns:
        List of `(batch_size, units)` tensors.
    """
    if isinstance(masks, (list, tuple)):
        kernels = ops.split(kernel, num_gates, axis=1)
        return [
            ops.matmul(values * mask, part)
            for mask, part in zip(masks, kernels, strict=True)
        ]
    if masks is not None:
        values = values * masks
    return ops.split(ops.matmul(values, kernel), num_gates, axis=1)


def add_biases(parts, bias):
    """Adds each gate's share of a bias; None adds nothing."""
    if bias is None:
        return parts
    biases = ops.split(bias, len(parts), axis=0)
    return [part + b for part, b in zip(parts, biases, strict=True)]
