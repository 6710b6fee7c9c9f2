"""The network of PixelRNN, as its models share it."""

import keras

from keras_genseq.layers.masked.cached_sampling.cached_sampling import AddedRows
from keras_genseq.layers.masked.cached_sampling.cached_sampling import Chain
from keras_genseq.layers.masked.cached_sampling.cached_sampling import (
    IncrementalConv,
)
from keras_genseq.layers.masked.masked_conv2d import MaskedConv2D
from keras_genseq.models.autoregressive.pixel_blocks import BLOCKS
from keras_genseq.models.autoregressive.pixel_blocks import RELU
from keras_genseq.models.autoregressive.pixel_blocks import centered
from keras_genseq.models.density.image_likelihood_model import (
    ImageLikelihoodModel,
)
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_flags


class PixelNetworkModel(ImageLikelihoodModel):
    """A first masked convolution, blocks, two 1 x 1 layers and the logits.

    A subclass calls `make_network`, then `build`.

    Args:
        image_shape: (height, width, channels).
        variant: `"pixel_cnn"`, `"row_lstm"` or `"diagonal_bilstm"`.
        filters: int. Half the channels between the blocks.
        num_layers: int. Blocks.
        head_filters: int. Channels of the two 1 x 1 layers.
        num_categories: int. Levels of a pixel.
        position_bias: bool. See `PixelRNN`.
        **kwargs: passed to `keras.Model`.
    """

    def __init__(
        self,
        image_shape,
        *,
        variant="row_lstm",
        filters=16,
        num_layers=7,
        head_filters=32,
        num_categories=2,
        position_bias=False,
        **kwargs,
    ):
        if variant not in BLOCKS:
            raise ValueError(
                f"`variant` must be one of {tuple(BLOCKS)}. "
                f"Received: variant={variant!r}"
            )
        filters, num_layers, head_filters = check_counts(
            filters=filters, num_layers=num_layers, head_filters=head_filters
        )
        position_bias = check_flags(position_bias=position_bias)
        super().__init__(image_shape, num_categories, **kwargs)
        self.variant = variant
        self.filters = filters
        self.num_layers = num_layers
        self.head_filters = head_filters
        self.position_bias = position_bias

    def make_network(self, context_filters=None):
        """Makes the layers.

        Args:
            context_filters: int, or None. Channels of a map of the image's
                size that all blocks are told, if there is one.
        """
        num_colors = self.image_shape[2]
        masked = {"num_colors": num_colors, "dtype": self.dtype_policy}
        self.stem = MaskedConv2D(
            2 * self.filters,
            7,
            mask_type="A",
            name="stem",
            **masked,
            data_format="channels_last",
        )
        self.blocks = [
            BLOCKS[self.variant](
                self.filters,
                num_colors,
                context_filters,
                dtype=self.dtype_policy,
                name=f"block_{i}",
            )
            for i in range(1, self.num_layers + 1)
        ]
        self.head = [
            MaskedConv2D(
                width,
                1,
                mask_type="B",
                name=name,
                **masked,
                data_format="channels_last",
            )
            for width, name in (
                (self.head_filters, "head_1"),
                (self.head_filters, "head_2"),
                (self.num_logits, "logits"),
            )
        ]

    def build(self, input_shape):
        self.stem.build(input_shape)
        shape = (*input_shape[:-1], 2 * self.filters)
        if self.position_bias:
            self.bias_map = self.add_weight(
                name="bias_map", shape=shape[1:], initializer="zeros"
            )
        for block in self.blocks:
            block.build(shape)
        for conv in self.head:
            conv.build(shape)
            shape = (*shape[:-1], conv.filters)
        self.built = True

    def network_logits(self, x, context=None):
        """Logits of images, of which `context` is known whole."""
        x = self.stem(centered(x))
        if self.position_bias:
            x = x + keras.ops.cast(self.bias_map, x.dtype)
        for block in self.blocks:
            x = block(x, context)
        for conv in self.head:
            x = conv(keras.ops.relu(x))
        return self.pixel_logits(x)

    def incremental_network(self, context=None):
        """The network as a sampler runs it: see `incremental`."""
        width = self.image_shape[1]
        parts = [IncrementalConv(self.stem, width)]
        if self.position_bias:
            bias_map = keras.ops.convert_to_tensor(self.bias_map)
            parts.append(
                AddedRows(keras.ops.cast(bias_map, "float32")[:, :, None])
            )
        parts += [block.incremental(width, context) for block in self.blocks]
        for conv in self.head:
            parts += [RELU, IncrementalConv(conv, width)]
        return Chain(parts, prepare=centered)

    def compute_output_shape(self, input_shape):
        levels = () if self.num_categories == 2 else (self.num_categories,)
        return (*input_shape, *levels)

    def get_config(self):
        return {
            **super().get_config(),
            "variant": self.variant,
            "filters": self.filters,
            "num_layers": self.num_layers,
            "head_filters": self.head_filters,
            "position_bias": self.position_bias,
        }
