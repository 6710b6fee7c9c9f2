import keras
from keras import ops

from keras_genseq.layers.checkpointed_lists import CheckpointedLists
from keras_genseq.layers.convolution.bottleneck_block import BottleneckBlock
from keras_genseq.layers.convolution.bottleneck_block import group_norm
from keras_genseq.layers.convolution.bottleneck_block import standardized_conv
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.empty_batches import answers_no_rows
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class ResidualStem(CheckpointedLists, keras.layers.Layer):
    """The first stages of a residual network, in place of raw pixels.

    A strided convolution and a pooling (the root), then stages of bottleneck
    blocks; each stage but the first halves the sides and doubles the filters.
    Convolutions have standardized weights and are followed by group
    normalizations.

    Args:
        filters: int. Of the root, and inside of the first stage.
        num_blocks: sequence of ints. Blocks of each stage; it may be empty.
        kernel_size: int. Of the root.
        strides: int. Of the root.
        use_pooling: bool. Whether the root ends in a pooling that halves the
            sides.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(batch_size, height, width, channels)`; the sides are multiples of
            `downsampling`.

    Returns:
        `(batch_size, height / downsampling, width / downsampling, channels)`:
        `filters` channels without stages, else 4 times those of the last stage.

    References:
        - [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), 3.1
        - [Kolesnikov et al., 2020](https://arxiv.org/abs/1912.11370)
    """

    def __init__(
        self,
        filters,
        *,
        num_blocks=(),
        kernel_size=7,
        strides=2,
        use_pooling=True,
        **kwargs,
    ):
        filters, kernel_size, strides = check_counts(
            filters=filters, kernel_size=kernel_size, strides=strides
        )
        use_pooling = check_flags(use_pooling=use_pooling)
        super().__init__(**kwargs)
        self.filters = filters
        self.num_blocks = tuple(
            as_int(n, "num_blocks", minimum=1) for n in num_blocks
        )
        self.kernel_size = kernel_size
        self.strides = strides
        self.use_pooling = use_pooling

        dtype = self.dtype_policy
        self.root = standardized_conv(filters, kernel_size, strides, dtype)
        self.root_norm = group_norm(filters, dtype)
        self.pool = keras.layers.MaxPooling2D(
            3,
            strides=2,
            padding="same",
            dtype=dtype,
            data_format="channels_last",
        )
        self.blocks = [
            BottleneckBlock(
                filters * 2**stage,
                strides=2 if stage and not i else 1,
                dtype=dtype,
            )
            for stage, count in enumerate(self.num_blocks)
            for i in range(count)
        ]

    @property
    def downsampling(self):
        """int: pixels of the input for one of the output, along a side."""
        pooling = 2 if self.use_pooling else 1
        return self.strides * pooling * 2 ** max(len(self.num_blocks) - 1, 0)

    @property
    def output_filters(self):
        """int: channels of the output."""
        return self.blocks[-1].output_filters if self.blocks else self.filters

    def build(self, input_shape):
        self.root.build(input_shape)
        self.root_norm.build((None, None, None, self.filters))
        channels = self.filters
        for block in self.blocks:
            block.build((None, None, None, channels))
            channels = block.output_filters
        self.built = True

    @answers_no_rows
    def call(self, x):
        x = ops.relu(self.root_norm(self.root(x)))
        x = self.pool(x) if self.use_pooling else x
        for block in self.blocks:
            x = block(x)
        return x

    def compute_output_shape(self, input_shape):
        rows, *sides, _ = input_shape
        sides = [side and side // self.downsampling for side in sides]
        return (rows, *sides, self.output_filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_blocks": list(self.num_blocks),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "use_pooling": self.use_pooling,
        }
