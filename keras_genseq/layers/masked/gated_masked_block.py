import keras
from keras import ops

from keras_genseq.layers.masked.masked_conv2d import MaskedConv2D
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.empty_batches import answers_no_rows
from keras_genseq.ops.skew import shift_down


@keras.saving.register_keras_serializable(package="keras_genseq")
class GatedMaskedBlock(keras.layers.Layer):
    """Layer of Gated PixelCNN: two stacks that leave no blind spot.

    The vertical stack sees all rows up to its own, whole. The horizontal one
    sees its row to the left, and the vertical stack a row higher:

        v' = gate(conv(v)),  u' = u + conv(gate(masked_conv(u) + conv(v_above)))
        gate([a, b]) = tanh(a) * sigmoid(b)

    A condition, such as a class as a one-hot vector, adds its own biases inside
    the gates, the same at every pixel:

        gate([a, b]) = tanh(a + V_a.T @ condition) * sigmoid(b + ...),  Eq. 4

    Args:
        filters: int. Channels of both outputs (the paper's p).
        kernel_size: odd int.
        mask_type: `"A"` for the first block, whose inputs are the image itself
            and which has no residual connection; `"B"` for the others.
        num_colors: int. Colors of the image.
        condition_dim: int, or None. Length of the condition, if any.
        kernel_initializer: initializer of all kernels.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        vertical: `(batch_size, height, width, channels)`.
        horizontal: the same shape; `filters` channels unless in a first block.
        condition: `(batch_size, condition_dim)`, if there is any.

    Returns:
        Pair of tensors `(batch_size, height, width, filters)`.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1606.05328),
          Fig. 2
    """

    def __init__(
        self,
        filters,
        *,
        kernel_size=3,
        mask_type="B",
        num_colors=1,
        condition_dim=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        filters, kernel_size, num_colors = check_counts(
            filters=filters, kernel_size=kernel_size, num_colors=num_colors
        )
        condition_dim = as_int(
            condition_dim, "condition_dim", minimum=1, optional=True
        )
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.mask_type = mask_type
        self.num_colors = num_colors
        self.condition_dim = condition_dim
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        options = {
            "kernel_initializer": self.kernel_initializer,
            "dtype": self.dtype_policy,
        }
        masked = {"num_colors": num_colors, **options}
        self.vertical_conv = keras.layers.Conv2D(
            2 * filters,
            (kernel_size // 2 + 1, kernel_size),
            name="vertical_conv",
            **options,
            data_format="channels_last",
        )
        self.link = keras.layers.Conv2D(
            2 * filters, 1, name="link", **options, data_format="channels_last"
        )
        self.horizontal_conv = MaskedConv2D(
            2 * filters,
            (1, kernel_size),
            mask_type=mask_type,
            num_maps=2,
            name="horizontal_conv",
            **masked,
            data_format="channels_last",
        )
        self.output_conv = MaskedConv2D(
            filters,
            1,
            mask_type="B",
            name="output_conv",
            **masked,
            data_format="channels_last",
        )
        self.vertical_condition = self.horizontal_condition = None
        if condition_dim is not None:
            self.vertical_condition, self.horizontal_condition = (
                keras.layers.Dense(
                    2 * filters, use_bias=False, name=name, **options
                )
                for name in ("vertical_condition", "horizontal_condition")
            )

    def build(self, vertical_shape, horizontal_shape, condition_shape=None):
        batch_size, height, width, channels = vertical_shape
        reach = self.kernel_size // 2
        self.vertical_conv.build(
            (
                batch_size,
                None if height is None else height + reach,
                None if width is None else width + 2 * reach,
                channels,
            )
        )
        self.link.build((*vertical_shape[:-1], 2 * self.filters))
        self.horizontal_conv.build(horizontal_shape)
        self.output_conv.build((*horizontal_shape[:-1], self.filters))
        if self.condition_dim is not None:
            shape = (batch_size, self.condition_dim)
            self.vertical_condition.build(shape)
            self.horizontal_condition.build(shape)

    @answers_no_rows
    def call(self, vertical, horizontal, condition=None):
        reach = self.kernel_size // 2
        vertical = ops.cast(vertical, self.compute_dtype)
        padded = ops.pad(vertical, [[0, 0], [reach, 0], [reach, reach], [0, 0]])
        v = self.vertical_conv(padded)
        u = self.horizontal_conv(horizontal)
        if self.condition_dim is not None:
            v = v + self.vertical_condition(condition)[:, None, None]
            u = u + self.horizontal_condition(condition)[:, None, None]
        u = u + self.link(shift_down(v))
        u = self.output_conv(gate(u))
        return gate(v), u if self.mask_type == "A" else horizontal + u

    def compute_output_shape(
        self, vertical_shape, horizontal_shape, condition_shape=None
    ):
        return (
            (*vertical_shape[:-1], self.filters),
            (*horizontal_shape[:-1], self.filters),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "mask_type": self.mask_type,
            "num_colors": self.num_colors,
            "condition_dim": self.condition_dim,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


def gate(x):
    """`tanh` of the first half of the channels times `sigmoid` of the other."""
    a, b = ops.split(x, 2, axis=-1)
    return ops.tanh(a) * ops.sigmoid(b)
