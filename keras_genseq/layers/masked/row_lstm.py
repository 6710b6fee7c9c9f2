import keras
from keras import ops

from keras_genseq.layers.masked.context_conv import context_conv
from keras_genseq.layers.masked.conv_lstm_scan import check_known
from keras_genseq.layers.masked.conv_lstm_scan import lstm_over_lines
from keras_genseq.layers.masked.masked_conv2d import MaskedConv2D
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.conv_lstm_step import NeighbourLSTMStep
from keras_genseq.ops.empty_batches import answers_no_rows


@keras.saving.register_keras_serializable(package="keras_genseq")
class RowLSTM(keras.layers.Layer):
    """LSTM that runs down an image, all columns of a row in parallel.

        gates_r = conv(h_{r-1}) + masked_conv(x_r),  Eq. 3 of the paper

    The convolutions run along the row: an unmasked one over the states of the
    row above, a masked one over the inputs of the row itself. So a pixel sees a
    triangle above it that widens by `kernel_size // 2` a row.

    The image's size is fixed by the first call: the states above the first row
    are learned, one for each column.

    Args:
        filters: int. Channels of the states (the paper's h).
        kernel_size: odd int. Width of both convolutions.
        num_colors: int. Colors of the image.
        context_filters: int, or None. Channels of a map of the image's size
            that all pixels know whole, if there is one: an unmasked 1 x 1
            convolution adds it to the gates, as in multi-scale networks.
        kernel_initializer: initializer of both kernels.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.
        context: `(batch_size, height, width, context_filters)`, if any.

    Returns:
        Tensor of shape `(batch_size, height, width, filters)`: hidden states.
        The recurrence runs in float32 under every dtype policy.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1601.06759),
          section 3.1
    """

    def __init__(
        self,
        filters,
        *,
        kernel_size=3,
        num_colors=1,
        context_filters=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        filters, kernel_size, num_colors = check_counts(
            filters=filters, kernel_size=kernel_size, num_colors=num_colors
        )
        context_filters = as_int(
            context_filters, "context_filters", minimum=1, optional=True
        )
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.num_colors = num_colors
        self.context_filters = context_filters
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_conv = MaskedConv2D(
            4 * filters,
            (1, kernel_size),
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
        check_known(inputs_shape[2])
        self.input_conv.build(inputs_shape)
        if self.context_conv is not None:
            shape = (*inputs_shape[:-1], self.context_filters)
            self.context_conv.build(shape)
        self.state_kernel = self.add_weight(
            name="state_kernel",
            shape=(self.kernel_size * self.filters, 4 * self.filters),
            initializer=self.kernel_initializer,
            autocast=False,
        )
        self.first_hidden, self.first_cell = (
            self.add_weight(
                name=name,
                shape=(inputs_shape[2], self.filters),
                initializer="zeros",
                autocast=False,
            )
            for name in ("first_hidden", "first_cell")
        )

    @property
    def offsets(self):
        """The pixels of the row above that a pixel reads, besides its own."""
        reach = self.kernel_size // 2
        return tuple(range(-reach, reach + 1))

    def from_above(self, hidden):
        """What the states of a row add to the gates of the next.

        Args:
            hidden: `(batch_size, width, filters)`.

        Returns:
            Tensor `(batch_size, width, 4 * filters)`.
        """
        width, filters = hidden.shape[1:]
        step = NeighbourLSTMStep(self.offsets, width)
        # (B, W, F) to (B * W, F) to (B * W, len(offsets) * F)
        read = step.neighbors(ops.reshape(hidden, (-1, filters)))
        gates = ops.matmul(read, ops.cast(self.state_kernel, "float32"))
        return ops.reshape(gates, (-1, width, 4 * filters))

    @answers_no_rows
    def call(self, inputs, context=None, training=False):
        gates = ops.cast(self.input_conv(inputs), "float32")
        if self.context_conv is not None:
            gates = gates + ops.cast(self.context_conv(context), "float32")
        x = lstm_over_lines(
            # (B, H, W, 4F) to (H, B, W, 4F)
            ops.transpose(gates, (1, 0, 2, 3)),
            self.state_kernel,
            (self.first_hidden, self.first_cell),
            self.offsets,
            training=training,
        )
        x = ops.transpose(x, (1, 0, 2, 3))  # (B, H, W, F)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, inputs_shape, context_shape=None):
        return (*inputs_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "num_colors": self.num_colors,
            "context_filters": self.context_filters,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
