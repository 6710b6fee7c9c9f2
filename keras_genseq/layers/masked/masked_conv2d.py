import keras
from keras import ops

from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.empty_batches import answers_no_rows
from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.masks import color_groups
from keras_genseq.ops.masks import raster_mask


@keras.saving.register_keras_serializable(package="keras_genseq")
class MaskedConv2D(keras.layers.Conv2D):
    """2D convolution blind to the pixels that come later in raster order.

    Stacked, these layers make the logits of a pixel a function of the pixels
    before it alone, so that one pass scores a whole image. With colors, the
    channels of every layer fall in as many groups, and a group sees its own
    color and the ones before it at the pixel itself.

    Args:
        filters: int. Channels of the output.
        kernel_size: odd int, or pair of odd ints.
        mask_type: `"A"` (first layer) hides the color being predicted, `"B"`
            (every later layer) shows it.
        num_colors: int. Colors of the image.
        num_maps: int. Maps of which the output consists, side by side, such
            as the gates of an LSTM: each falls into colors of its own.
        **kwargs: passed to `keras.layers.Conv2D`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of shape `(batch_size, height, width, filters)`.

    Attributes:
        mask: `(height, width, channels, filters)` array of zeros and ones,
            once the layer is built.

    Raises:
        ValueError: if `mask_type` is neither `"A"` nor `"B"`, a size of the
            kernel is even, or there are `groups`.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1601.06759)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        *,
        mask_type,
        num_colors=1,
        num_maps=1,
        padding="same",
        **kwargs,
    ):
        if mask_type not in ("A", "B"):
            raise ValueError(
                '`mask_type` must be "A" (hides the pixel being predicted) or '
                f'"B" (shows it). Received: mask_type={mask_type!r}'
            )
        filters, num_colors, num_maps = check_counts(
            filters=filters, num_colors=num_colors, num_maps=num_maps
        )
        if filters % num_maps:
            raise ValueError(
                "`filters` must be a multiple of `num_maps`. Received: "
                f"filters={filters}, num_maps={num_maps}"
            )
        sizes = {"filters": filters, "kernel_size": kernel_size}
        super().__init__(**for_keras({**sizes, "padding": padding, **kwargs}))
        if self.groups > 1:
            raise ValueError(
                "`groups` must be 1: the mask already says which channels are "
                f"seen. Received: groups={self.groups}"
            )
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(
                "`kernel_size` must be odd: an even kernel has no center. "
                f"Received: kernel_size={kernel_size}"
            )
        self.mask_type = mask_type
        self.num_colors = num_colors
        self.num_maps = num_maps

    def build(self, input_shape):
        super().build(input_shape)
        axis = 1 if self.data_format == "channels_first" else -1
        self.mask = raster_mask(
            self.kernel_size,
            self.mask_type,
            color_groups(input_shape[axis], self.num_colors),
            color_groups(self.filters, self.num_colors, self.num_maps),
        )

    @property
    def masked_kernel(self):
        """The kernel as it is used, `(height, width, channels, filters)`."""
        kernel = ops.convert_to_tensor(self.kernel)
        return kernel * ops.cast(self.mask, kernel.dtype)

    @answers_no_rows
    def convolution_op(self, inputs, kernel):
        return super().convolution_op(
            ops.cast(inputs, self.compute_dtype),
            kernel * ops.cast(self.mask, kernel.dtype),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "mask_type": self.mask_type,
            "num_colors": self.num_colors,
            "num_maps": self.num_maps,
        }
