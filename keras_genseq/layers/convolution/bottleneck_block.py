"""The residual block of `ResidualStem`."""

import math

import keras
from keras import ops

from keras_genseq.layers.checkpointed_lists import CheckpointedLists
from keras_genseq.layers.convolution.weight_standardized_conv2d import (
    WeightStandardizedConv2D,
)

# Outputs are this many times as wide as the inside.
EXPANSION = 4


def standardized_conv(filters, kernel_size, strides, dtype):
    """A convolution with standardized weights, without a bias."""
    return WeightStandardizedConv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        dtype=dtype,
        data_format="channels_last",
    )


def group_norm(filters, dtype):
    """A normalization of up to 32 groups."""
    return keras.layers.GroupNormalization(
        math.gcd(32, filters), epsilon=1e-6, dtype=dtype
    )


class BottleneckBlock(CheckpointedLists, keras.layers.Layer):
    """Three convolutions, narrow inside, around a shortcut.

    Args:
        filters: int. Inside; outputs have four times as many.
        strides: int.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(batch_size, height, width, channels)`.

    Returns:
        `(batch_size, height / strides, width / strides, 4 * filters)`.
    """

    def __init__(self, filters, *, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.strides = strides
        self.output_filters = EXPANSION * filters
        dtype = self.dtype_policy
        widths = (filters, filters, self.output_filters)
        self.convs = [
            standardized_conv(width, kernel_size, stride, dtype)
            for width, kernel_size, stride in zip(
                widths, (1, 3, 1), (1, strides, 1), strict=True
            )
        ]
        self.norms = [group_norm(width, dtype) for width in widths]
        self.shortcut = standardized_conv(
            self.output_filters, 1, strides, dtype
        )
        self.shortcut_norm = group_norm(self.output_filters, dtype)

    def build(self, input_shape):
        # The shortcut is a convolution only where it changes the shape.
        self.changes_shape = (
            self.strides != 1 or input_shape[-1] != self.output_filters
        )
        shape = tuple(input_shape)
        if self.changes_shape:
            self.shortcut.build(shape)
            self.shortcut_norm.build((*shape[:-1], self.output_filters))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            conv.build(shape)
            shape = (*shape[:-1], conv.filters)
            norm.build(shape)
        self.built = True

    def call(self, x):
        shortcut = x
        if self.changes_shape:
            shortcut = self.shortcut_norm(self.shortcut(x))
        for i, (conv, norm) in enumerate(
            zip(self.convs, self.norms, strict=True)
        ):
            x = norm(conv(x if i == 0 else ops.relu(x)))
        return ops.relu(x + shortcut)
