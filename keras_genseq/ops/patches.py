"""The patches that a strided convolution sees, and their way back.

A convolution is a product of patches and its kernel, a transposed one the sum
of the overlapping patches that such a product makes. On a CPU, products are
fast where TensorFlow's own convolutions are slow: see `prefers_patches`.
"""

import tensorflow as tf
from keras import ops
from tensorflow.python.ops import control_flow_util

# Pixels of the smaller maps up to which TensorFlow's own kernels were slower.
_MOST_PIXELS = 16


def prefers_patches(num_pixels):
    """Whether a convolution traced here and now is faster as a product.

    It is on a CPU alone: everywhere under XLA, whose derivatives of strided
    convolutions are loops over single numbers, and else for maps so small
    that TensorFlow's kernels do not fill their registers.

    Args:
        num_pixels: int. Pixels of the smaller of the two maps.

    Returns:
        bool.
    """
    devices = tf.config.list_logical_devices()
    if any(device.device_type in ("GPU", "TPU") for device in devices):
        return False
    return num_pixels <= _MOST_PIXELS or _is_compiled_by_xla()


def strided_conv(x, kernel, strides):
    """A convolution with the padding `"same"`, as one product of matrices.

    Args:
        x: `(batch_size, height, width, channels)` tensor; the sides are
            multiples of the strides.
        kernel: `(kernel_height, kernel_width, channels, filters)`, no smaller
            than the strides, here and below.
        strides: pair of ints.

    Returns:
        `(batch_size, height // strides[0], width // strides[1], filters)`.
    """
    *kernel_size, channels, filters = kernel.shape
    patches = extract_patches(x, kernel_size, strides)
    batch_size, height, width = ops.shape(patches)[:3]
    length = kernel_size[0] * kernel_size[1] * channels
    y = ops.matmul(
        ops.reshape(patches, (batch_size * height * width, length)),
        ops.reshape(kernel, (length, filters)),
    )
    return ops.reshape(y, (batch_size, height, width, filters))


def strided_conv_transpose(x, kernel, strides):
    """The transposed convolution, with the padding `"same"`, as one product.

    Args:
        x: `(batch_size, height, width, channels)` tensor.
        kernel: `(kernel_height, kernel_width, filters, channels)`, as Keras
            has it.
        strides: pair of ints.

    Returns:
        `(batch_size, strides[0] * height, strides[1] * width, filters)`.
    """
    *kernel_size, filters, channels = kernel.shape
    batch_size, height, width = ops.shape(x)[:3]
    patches = ops.matmul(
        ops.reshape(x, (batch_size * height * width, channels)),
        ops.transpose(ops.reshape(kernel, (-1, channels))),
    )
    patches = ops.reshape(
        patches, (batch_size, height, width, *kernel_size, filters)
    )
    return add_patches(patches, strides)


def extract_patches(x, kernel_size, strides):
    """What each position of a strided kernel sees, with zeros around `x`.

    Args:
        x: `(batch_size, height, width, channels)` tensor; the sides are
            multiples of the strides.
        kernel_size: pair of ints.
        strides: pair of ints.

    Returns:
        Tensor `(batch_size, height // strides[0], width // strides[1],
        kernel_height, kernel_width, channels)`.
    """

    @ops.custom_gradient
    def extract(x):
        patches = _taps(x, 1, kernel_size[0], strides[0])
        patches = _taps(patches, 2, kernel_size[1], strides[1])
        return patches, lambda upstream: add_patches(upstream, strides)

    return extract(tf.convert_to_tensor(x))


def add_patches(patches, strides):
    """The sum of overlapping patches: the transpose of `extract_patches`.

    Args:
        patches: `(batch_size, height, width, kernel_height, kernel_width,
            channels)` tensor.
        strides: pair of ints.

    Returns:
        Tensor `(batch_size, strides[0] * height, strides[1] * width,
        channels)`.
    """
    kernel_size = patches.shape[3:5]

    @ops.custom_gradient
    def add(patches):
        x = _overlap(patches, 1, strides[0])
        x = _overlap(x, 2, strides[1])
        return x, lambda upstream: extract_patches(
            upstream, kernel_size, strides
        )

    return add(tf.convert_to_tensor(patches))


def _taps(x, axis, size, stride):
    """What each tap of a kernel sees along an axis, stacked before channels."""
    before, blocks, outputs = _blocks(x.shape[axis] // stride, size, stride)
    after = blocks * stride - x.shape[axis] - before
    x = ops.pad(x, _padding(x, axis, before, after))
    shape = ops.shape(x)
    x = ops.reshape(x, (*shape[:axis], blocks, stride, *shape[axis + 1 :]))
    lead = (slice(None),) * axis
    taps = [
        x[(*lead, slice(tap // stride, tap // stride + outputs), tap % stride)]
        for tap in range(size)
    ]
    return ops.stack(taps, axis=-2)


def _overlap(patches, axis, stride):
    """Adds the taps of axis 3 along an axis: the transpose of `_taps`."""
    size = patches.shape[3]
    before, blocks, outputs = _blocks(patches.shape[axis], size, stride)
    reach = blocks - outputs
    taps = ops.unstack(patches, axis=3)
    phases = []
    for phase in range(stride):
        parts = [
            ops.pad(taps[tap], _padding(taps[tap], axis, i, reach - i))
            for i, tap in enumerate(range(phase, size, stride))
        ]
        phases.append(sum(parts[1:], parts[0]))
    shape = ops.shape(phases[0])
    x = ops.reshape(
        ops.stack(phases, axis=axis + 1),
        (*shape[:axis], blocks * stride, *shape[axis + 1 :]),
    )
    lead = (slice(None),) * axis
    return x[(*lead, slice(before, before + outputs * stride))]


def _blocks(outputs, size, stride):
    """Zeros before the first pixel, blocks of `stride` pixels, and outputs."""
    # As "same" has it: of an odd number of zeros, the larger half follows.
    return (size - stride) // 2, outputs + (size - 1) // stride, outputs


def _padding(x, axis, before, after):
    widths = [(0, 0)] * len(x.shape)
    widths[axis] = (before, after)
    return widths


def _is_compiled_by_xla():
    graph = tf.compat.v1.get_default_graph()
    return not tf.executing_eagerly() and (
        control_flow_util.GraphOrParentsInXlaContext(graph)
    )
