"""The patches that a strided convolution sees, and their way back.

A convolution is a product of patches and its kernel, a transposed one the sum
of the overlapping patches that such a product makes. On a CPU, products are
fast where TensorFlow's own convolutions are slow: see `prefers_patches`.
"""

import math

import tensorflow as tf
from keras import ops
from tensorflow.python.eager import record
from tensorflow.python.ops import control_flow_util

# Pixels of the smaller maps up to which TensorFlow's own kernels were slower.
_MOST_PIXELS = 16


def prefers_patches(num_pixels):
    """Whether a convolution traced here and now is faster as a product.

    It is on a CPU alone: everywhere under XLA, whose derivatives of strided
    convolutions are loops over single numbers, and else for maps so small
    that TensorFlow's kernels do not fill their registers. Never in a graph
    without gradients: that may be exported, and other devices and converters
    know convolutions best.

    Args:
        num_pixels: int. Pixels of the smaller of the two maps.

    Returns:
        bool.
    """
    devices = tf.config.list_logical_devices()
    if any(device.device_type in ("GPU", "TPU") for device in devices):
        return False
    if _is_compiled_by_xla():
        return True
    stays_here = tf.executing_eagerly() or record.could_possibly_record()
    return stays_here and num_pixels <= _MOST_PIXELS


def strided_conv(x, kernel, strides):
    """A convolution with the padding `"same"`, differentiated by patches.

    Args:
        x: `(batch_size, height, width, channels)` tensor; the sides are
            multiples of the strides.
        kernel: `(kernel_height, kernel_width, channels, filters)`, no smaller
            than the strides, here and below.
        strides: pair of ints.

    Returns:
        `(batch_size, height // strides[0], width // strides[1], filters)`.
    """

    @ops.custom_gradient
    def convolve(x, kernel):
        def gradient(upstream):
            return (
                strided_conv_transpose(upstream, kernel, strides),
                _kernel_gradient(x, upstream, kernel.shape[:2], strides),
            )

        # XLA is slow at the gradients alone.
        if _is_compiled_by_xla():
            y = ops.conv(
                x,
                kernel,
                list(strides),
                padding="same",
                data_format="channels_last",
            )
        else:
            y = _product_of_patches(x, kernel, strides)
        return y, gradient

    return convolve(tf.convert_to_tensor(x), tf.convert_to_tensor(kernel))


def strided_conv_transpose(x, kernel, strides):
    """The transposed convolution, with the padding `"same"`, by patches.

    Args:
        x: `(batch_size, height, width, channels)` tensor.
        kernel: `(kernel_height, kernel_width, filters, channels)`, as Keras
            has it.
        strides: pair of ints.

    Returns:
        `(batch_size, strides[0] * height, strides[1] * width, filters)`.
    """

    @ops.custom_gradient
    def convolve(x, kernel):
        def gradient(upstream):
            return (
                strided_conv(upstream, kernel, strides),
                _kernel_gradient(upstream, x, kernel.shape[:2], strides),
            )

        batch_size, height, width = ops.shape(x)[:3]
        # (B * H * W, C) by (C, KH * KW * F), as Keras's kernel is transposed.
        patches = ops.matmul(_rows(x), ops.transpose(_rows(kernel)))
        # (B, H, W, KH, KW, F)
        patches = ops.reshape(
            patches, (batch_size, height, width, *kernel.shape[:3])
        )
        return add_patches(patches, strides), gradient

    return convolve(tf.convert_to_tensor(x), tf.convert_to_tensor(kernel))


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


def _product_of_patches(x, kernel, strides):
    patches = extract_patches(x, kernel.shape[:2], strides)
    shape = (*ops.shape(patches)[:3], kernel.shape[-1])
    y = ops.matmul(_flat_patches(patches), _rows(kernel))
    return ops.reshape(y, shape)


def _kernel_gradient(x, upstream, kernel_size, strides):
    """The gradient of a kernel between a large map and a small one."""
    patches = extract_patches(x, kernel_size, strides)
    # (KH * KW * C, B * H * W) by (B * H * W, F)
    product = ops.matmul(ops.transpose(_flat_patches(patches)), _rows(upstream))
    return ops.reshape(product, (*kernel_size, x.shape[-1], upstream.shape[-1]))


def _rows(x):
    """A matrix of the last axis: `(all other axes, channels)`."""
    *shape, channels = ops.shape(x)
    return ops.reshape(x, (math.prod(shape), channels))


def _flat_patches(patches):
    """A matrix with a patch in each row."""
    shape = ops.shape(patches)
    return ops.reshape(patches, (math.prod(shape[:3]), math.prod(shape[3:])))


def _taps(x, axis, size, stride):
    """What each tap of a kernel sees along an axis, stacked before channels."""
    before, blocks, outputs = _blocks(x.shape[axis] // stride, size, stride)
    after = blocks * stride - x.shape[axis] - before
    x = ops.pad(x, _padding(x, axis, before, after))
    shape = ops.shape(x)
    # One axis becomes two: blocks of as many pixels as a stride.
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
