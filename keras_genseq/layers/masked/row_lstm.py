import keras
from keras import ops

from keras_genseq.layers.masked.context_conv import context_conv
from keras_genseq.layers.masked.masked_conv2d import MaskedConv2D
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.lstm_gates import lstm_step
from keras_genseq.ops.scan import scan


@keras.saving.register_keras_serializable(package="keras_genseq")
class RowLSTM(keras.layers.Layer):
    """LSTM that runs down an image, all columns of a row at once.

        gates_r = conv(h_{r-1}) + masked_conv(x_r),  Eq. 3 of the paper

    The convolutions run along the row: an unmasked one over the states of the
    row above, a masked one over the inputs of the row itself. So a pixel sees a
    triangle above it that widens by `kernel_size // 2` a row.

    The image's size is fixed by the first call: the states above the first row
    are learnt, one for each column.

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
        check_counts(filters=filters, num_colors=num_colors)
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
        )
        self.context_conv = context_conv(
            context_filters, 4 * filters, self.dtype_policy
        )

    def build(self, inputs_shape, context_shape=None):
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

    def from_above(self, hidden):
        """What the states of a row add to the gates of the next.

        Args:
            hidden: `(..., width, filters)`.

        Returns:
            Tensor `(..., width, 4 * filters)`.
        """
        reach, width = self.kernel_size // 2, hidden.shape[-2]
        padding = [[0, 0]] * (len(hidden.shape) - 2) + [[reach, reach], [0, 0]]
        padded = ops.pad(hidden, padding)
        windows = ops.concatenate(
            [padded[..., i : i + width, :] for i in range(self.kernel_size)],
            axis=-1,
        )
        return ops.matmul(windows, self.state_kernel)

    def call(self, inputs, context=None):
        gates = ops.cast(self.input_conv(inputs), "float32")
        if self.context_conv is not None:
            gates = gates + ops.cast(self.context_conv(context), "float32")

        def step(states, gates):
            hidden, cell = states
            states = lstm_step(gates + self.from_above(hidden), cell)
            return states, states[0]

        nothing = ops.zeros_like(gates[:, 0, :, : self.filters])
        first = (nothing + self.first_hidden, nothing + self.first_cell)
        _, x = scan(step, first, ops.transpose(gates, (1, 0, 2, 3)))
        x = ops.transpose(x, (1, 0, 2, 3))
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
