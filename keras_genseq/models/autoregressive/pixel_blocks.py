"""Residual blocks of PixelRNN, Fig. 5 of the paper.

All map `2 * filters` channels to as many; `filters` is the paper's h.
"""

import keras

from keras_genseq.layers.masked.cached_sampling.cached_lstm import (
    IncrementalDiagonalBiLSTM,
)
from keras_genseq.layers.masked.cached_sampling.cached_lstm import (
    IncrementalRowLSTM,
)
from keras_genseq.layers.masked.cached_sampling.cached_sampling import AddedRows
from keras_genseq.layers.masked.cached_sampling.cached_sampling import Chain
from keras_genseq.layers.masked.cached_sampling.cached_sampling import (
    IncrementalConv,
)
from keras_genseq.layers.masked.cached_sampling.cached_sampling import Pointwise
from keras_genseq.layers.masked.cached_sampling.cached_sampling import (
    context_rows,
)
from keras_genseq.layers.masked.context_conv import context_conv
from keras_genseq.layers.masked.diagonal_bilstm import DiagonalBiLSTM
from keras_genseq.layers.masked.masked_conv2d import MaskedConv2D
from keras_genseq.layers.masked.row_lstm import RowLSTM

RELU = Pointwise(keras.ops.relu)


class PixelBlock(keras.layers.Layer):
    """A block: its core, and what it takes to run it incrementally.

    Args:
        filters: int.
        num_colors: int.
        context_filters: int, or None. Channels of a map that is known whole
            and added to what the core makes of its inputs, if there is one.
        **kwargs: passed to `keras.layers.Layer`.
    """

    def __init__(self, filters, num_colors, context_filters=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.num_colors = num_colors
        self.context_filters = context_filters

    def conv(self, filters, kernel_size, name):
        return MaskedConv2D(
            filters,
            kernel_size,
            mask_type="B",
            num_colors=self.num_colors,
            dtype=self.dtype_policy,
            name=name,
            data_format="channels_last",
        )

    def incremental(self, width, context=None):
        """The block as a sampler runs it, for images of that width."""
        raise NotImplementedError

    def compute_output_shape(self, inputs_shape, context_shape=None):
        return inputs_shape


class ConvBlock(PixelBlock):
    """PixelCNN's: ReLU, 1 x 1, ReLU, 3 x 3, ReLU, 1 x 1."""

    def __init__(self, filters, num_colors, context_filters=None, **kwargs):
        super().__init__(filters, num_colors, context_filters, **kwargs)
        self.convs = [
            self.conv(filters, 1, "reduce"),
            self.conv(filters, 3, "conv"),
            self.conv(2 * filters, 1, "expand"),
        ]
        self.context_conv = context_conv(
            context_filters, filters, self.dtype_policy
        )

    def build(self, inputs_shape, context_shape=None):
        if self.context_conv is not None:
            shape = (*inputs_shape[:-1], self.context_filters)
            self.context_conv.build(shape)
        for conv in self.convs:
            conv.build(inputs_shape)
            inputs_shape = (*inputs_shape[:-1], conv.filters)

    def call(self, inputs, context=None):
        reduce, conv, expand = self.convs
        x = conv(keras.ops.relu(reduce(keras.ops.relu(inputs))))
        if self.context_conv is not None:
            x = x + self.context_conv(context)
        return inputs + expand(keras.ops.relu(x))

    def incremental(self, width, context=None):
        reduce, conv, expand = (IncrementalConv(c, width) for c in self.convs)
        parts = [RELU, reduce, RELU, conv]
        if self.context_conv is not None:
            parts.append(AddedRows(context_rows(self, context)))
        return Chain([*parts, RELU, expand], residual=True)


class RowBlock(PixelBlock):
    """Row LSTM's: the LSTM, then 1 x 1."""

    def __init__(self, filters, num_colors, context_filters=None, **kwargs):
        super().__init__(filters, num_colors, context_filters, **kwargs)
        self.lstm = RowLSTM(
            filters,
            num_colors=num_colors,
            context_filters=context_filters,
            dtype=self.dtype_policy,
            name="lstm",
        )
        self.expand = self.conv(2 * filters, 1, "expand")

    def build(self, inputs_shape, context_shape=None):
        self.lstm.build(inputs_shape)
        self.expand.build((*inputs_shape[:-1], self.filters))

    def call(self, inputs, context=None):
        return inputs + self.expand(self.lstm(inputs, context))

    def incremental(self, width, context=None):
        parts = [
            IncrementalRowLSTM(self.lstm, width, context),
            IncrementalConv(self.expand, width),
        ]
        return Chain(parts, residual=True)


class DiagonalBlock(PixelBlock):
    """Diagonal BiLSTM's: both LSTMs, then 1 x 1 for each direction.

    The right direction's is shifted down before it is expanded.
    """

    def __init__(self, filters, num_colors, context_filters=None, **kwargs):
        super().__init__(filters, num_colors, context_filters, **kwargs)
        self.lstm = DiagonalBiLSTM(
            filters,
            num_colors=num_colors,
            context_filters=context_filters,
            dtype=self.dtype_policy,
            name="lstm",
        )
        self.expand_left = self.conv(2 * filters, 1, "expand_left")
        self.expand_right = self.conv(2 * filters, 1, "expand_right")

    def build(self, inputs_shape, context_shape=None):
        self.lstm.build(inputs_shape)
        shape = (*inputs_shape[:-1], self.filters)
        self.expand_left.build(shape)
        self.expand_right.build(shape)

    def call(self, inputs, context=None):
        left, right = keras.ops.split(self.lstm(inputs, context), 2, axis=-1)
        return inputs + self.expand_left(left) + self.expand_right(right)

    def incremental(self, width, context=None):
        left = IncrementalConv(self.expand_left, width)
        right = IncrementalConv(self.expand_right, width)

        def expand(x):
            a, b = keras.ops.split(x, 2, axis=-1)
            return left.at_pixel(a, {}, 0)[0] + right.at_pixel(b, {}, 0)[0]

        parts = [
            IncrementalDiagonalBiLSTM(self.lstm, width, context),
            Pointwise(expand),
        ]
        return Chain(parts, residual=True)


BLOCKS = {
    "pixel_cnn": ConvBlock,
    "row_lstm": RowBlock,
    "diagonal_bilstm": DiagonalBlock,
}


def centered(x):
    """From [0, 1], as images come, to [-1, 1], as networks like them."""
    return 2.0 * x - 1.0
