import keras
import numpy as np
from keras import ops

from keras_genseq.layers.masked.context_conv import context_conv
from keras_genseq.layers.masked.conv_lstm_scan import check_known
from keras_genseq.layers.masked.conv_lstm_scan import lstm_over_lines
from keras_genseq.layers.masked.masked_conv2d import MaskedConv2D
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.empty_batches import answers_no_rows
from keras_genseq.ops.lstm_gates import lstm_step
from keras_genseq.ops.skew import shift_down
from keras_genseq.ops.skew import skew
from keras_genseq.ops.skew import unskew


@keras.saving.register_keras_serializable(package="keras_genseq")
class DiagonalLSTM(keras.layers.Layer):
    """One direction of `DiagonalBiLSTM`: from the upper left to the right.

    Args:
        filters: int. Channels of the states.
        num_colors: int. Colors of the image.
        context_filters: int, or None. See `DiagonalBiLSTM`.
        kernel_initializer: initializer of both kernels.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.
        context: `(batch_size, height, width, context_filters)`, if any.

    Returns:
        float32 tensor of shape `(batch_size, height, width, filters)`.
    """

    def __init__(
        self,
        filters,
        *,
        num_colors,
        kernel_initializer,
        context_filters=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.num_colors = num_colors
        self.context_filters = context_filters
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_conv = MaskedConv2D(
            4 * filters,
            1,
            mask_type="B",
            num_colors=num_colors,
            num_maps=4,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="input_conv",
            data_format="channels_last",
        )
        self.context_conv = context_conv(
            context_filters, 4 * filters, self.dtype_policy
        )

    def build(self, inputs_shape, context_shape=None):
        check_known(*inputs_shape[1:3])
        self.input_conv.build(inputs_shape)
        if self.context_conv is not None:
            shape = (*inputs_shape[:-1], self.context_filters)
            self.context_conv.build(shape)
        self.state_kernel = self.add_weight(
            name="state_kernel",
            shape=(2 * self.filters, 4 * self.filters),
            initializer=self.kernel_initializer,
            autocast=False,
        )
        self.first_hidden, self.first_cell = (
            self.add_weight(
                name=name,
                shape=(inputs_shape[1], self.filters),
                initializer="zeros",
                autocast=False,
            )
            for name in ("first_hidden", "first_cell")
        )

    def step(self, gates, above, left, cell):
        """States of pixels, given those above them and to their left.

        Args:
            gates: `(..., 4 * filters)`, from the inputs.
            above: `(..., filters)` hidden states of the pixels above.
            left: `(..., filters)` hidden states of those to the left.
            cell: `(..., filters)` cell states of those to the left.

        Returns:
            Pair of `(..., filters)`: hidden and cell states.
        """
        before = ops.concatenate([above, left], axis=-1)
        kernel = ops.cast(self.state_kernel, "float32")
        return lstm_step(gates + ops.matmul(before, kernel), cell)

    @answers_no_rows
    def call(self, inputs, context=None, training=False):
        gates = ops.cast(self.input_conv(inputs), "float32")
        if self.context_conv is not None:
            gates = gates + ops.cast(self.context_conv(context), "float32")
        height, width = gates.shape[1:3]
        diagonals = np.arange(width + height - 1)[:, None]
        # A diagonal a step; in the skewed image, the pixel above lies in the
        # column before, a row higher.
        x = lstm_over_lines(
            # (B, H, W + H - 1, 4F) to (W + H - 1, B, H, 4F)
            ops.transpose(skew(gates), (2, 0, 1, 3)),
            self.state_kernel,
            (self.first_hidden, self.first_cell),
            offsets=(-1, 0),
            begun=diagonals >= np.arange(height),
            training=training,
        )
        # (W + H - 1, B, H, F) to (B, H, W, F)
        return unskew(ops.transpose(x, (1, 2, 0, 3)))

    def compute_output_shape(self, inputs_shape, context_shape=None):
        return (*inputs_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_colors": self.num_colors,
            "context_filters": self.context_filters,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


@keras.saving.register_keras_serializable(package="keras_genseq")
class DiagonalBiLSTM(keras.layers.Layer):
    """Two LSTMs along the diagonals of an image: each sees all pixels before.

    At pixel (r, c) the first knows the states above, at (r-1, c), and to the
    left, at (r, c-1); the second, its mirror image, those above and to the
    right. All pixels of a diagonal are computed in parallel: `height + width -
    1` steps. The second's result is shifted down by a row, for at its own row
    it knows pixels to the right.

    The image's size is fixed by the first call: the states before the first
    pixel of each row are learned.

    Args:
        filters: int. Channels of the states of each direction (the paper's h).
        num_colors: int. Colors of the image.
        context_filters: int, or None. Channels of a map of the image's size
            that all pixels know whole, if there is one: an unmasked 1 x 1
            convolution adds it to the gates, as in multi-scale networks.
        kernel_initializer: initializer of all kernels.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.
        context: `(batch_size, height, width, context_filters)`, if any.

    Returns:
        Tensor of shape `(batch_size, height, width, 2 * filters)`: the hidden
        states of both directions side by side. The recurrence runs in float32
        under every dtype policy.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1601.06759),
          section 3.2
    """

    def __init__(
        self,
        filters,
        *,
        num_colors=1,
        context_filters=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        filters, num_colors = check_counts(
            filters=filters, num_colors=num_colors
        )
        context_filters = as_int(
            context_filters, "context_filters", minimum=1, optional=True
        )
        super().__init__(**kwargs)
        self.filters = filters
        self.num_colors = num_colors
        self.context_filters = context_filters
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.left_to_right, self.right_to_left = (
            DiagonalLSTM(
                filters,
                num_colors=num_colors,
                context_filters=context_filters,
                kernel_initializer=self.kernel_initializer,
                dtype=self.dtype_policy,
                name=name,
            )
            for name in ("left_to_right", "right_to_left")
        )

    def build(self, inputs_shape, context_shape=None):
        self.left_to_right.build(inputs_shape)
        self.right_to_left.build(inputs_shape)

    def call(self, inputs, context=None):
        left = self.left_to_right(inputs, context)
        if context is not None:
            context = ops.flip(context, axis=2)
        right = self.right_to_left(ops.flip(inputs, axis=2), context)
        right = shift_down(ops.flip(right, axis=2))
        x = ops.concatenate([left, right], axis=-1)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, inputs_shape, context_shape=None):
        return (*inputs_shape[:-1], 2 * self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_colors": self.num_colors,
            "context_filters": self.context_filters,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
