import keras

from keras_genseq.layers.masked.cached_sampling.cached_gated import (
    IncrementalGatedStack,
)
from keras_genseq.layers.masked.cached_sampling.cached_sampling import Chain
from keras_genseq.layers.masked.cached_sampling.cached_sampling import (
    IncrementalConv,
)
from keras_genseq.layers.masked.gated_masked_block import GatedMaskedBlock
from keras_genseq.layers.masked.masked_conv2d import MaskedConv2D
from keras_genseq.models.autoregressive.pixel_blocks import RELU
from keras_genseq.models.autoregressive.pixel_blocks import centered
from keras_genseq.models.density.image_likelihood_model import (
    ImageLikelihoodModel,
)
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts


@keras.saving.register_keras_serializable(package="keras_genseq")
class GatedPixelCNN(ImageLikelihoodModel):
    """PixelCNN of two stacks with gates, which has no blind spot.

    Args:
        image_shape: (height, width, channels).
        filters: int. Channels of both stacks (the paper's p).
        num_layers: int. Blocks, the first one included.
        kernel_size: odd int. Of all blocks but the first.
        first_kernel_size: odd int. Of the first block.
        head_filters: int. Channels of the two 1 x 1 layers.
        num_categories: int. Levels of a pixel: 2 (a coin each) or, up to 256,
            a softmax.
        num_classes: int, or None. With classes the model is conditional,
            p(x | class): a class adds biases of its own inside every gate.
            It trains on `(x, class)`.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats, whole multiples of
            `1 / (num_categories - 1)`.
        condition: `(batch_size,)` int32 classes of a conditional model.

    Returns:
        float32 logits: `(batch_size, height, width, channels)` of binary
        pixels, else `(..., num_categories)`. Those of a color depend on the
        pixels before and the earlier colors of the same pixel alone.

    Raises:
        ValueError: if a number is not positive.

    Example:

    ```python
    images = np.random.randint(0, 2, (4, 5, 5, 1)).astype("float32")
    labels = np.array([0, 1, 1, 0])
    model = models.GatedPixelCNN(
        (5, 5, 1), filters=2, num_layers=2, head_filters=4, num_classes=2
    )
    model.compile("adam")
    model.fit(images, labels, verbose=0)
    log_prob = model.log_prob(images, condition=labels)
    ```

    Differences from the paper: conditions are classes; a condition on a map of
    places is left out. The horizontal stack takes the vertical one's
    pre-activations from the row above, as in its Fig. 2.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1606.05328)
    """

    def __init__(
        self,
        image_shape,
        *,
        filters=32,
        num_layers=8,
        kernel_size=3,
        first_kernel_size=7,
        head_filters=64,
        num_categories=2,
        num_classes=None,
        **kwargs,
    ):
        filters, num_layers, head_filters = check_counts(
            filters=filters, num_layers=num_layers, head_filters=head_filters
        )
        num_classes = as_int(
            num_classes, "num_classes", minimum=1, optional=True
        )
        kernel_size, first_kernel_size = check_counts(
            kernel_size=kernel_size, first_kernel_size=first_kernel_size
        )
        for name, size in (
            ("kernel_size", kernel_size),
            ("first_kernel_size", first_kernel_size),
        ):
            if size % 2 == 0:
                raise ValueError(f"`{name}` must be odd. Received: {size}")
        super().__init__(image_shape, num_categories, **kwargs)
        self.filters = filters
        self.num_layers = num_layers
        self.kernel_size = kernel_size
        self.first_kernel_size = first_kernel_size
        self.head_filters = head_filters
        self.num_classes = num_classes

        masked = {
            "num_colors": self.image_shape[2],
            "dtype": self.dtype_policy,
        }
        self.blocks = [
            GatedMaskedBlock(
                filters,
                kernel_size=kernel_size if i else first_kernel_size,
                mask_type="B" if i else "A",
                condition_dim=num_classes,
                name=f"block_{i + 1}",
                **masked,
            )
            for i in range(num_layers)
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
                (head_filters, "head_1"),
                (head_filters, "head_2"),
                (self.num_logits, "logits"),
            )
        ]
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        shape = input_shape
        for block in self.blocks:
            block.build(shape, shape)
            shape = (*shape[:-1], self.filters)
        for conv in self.head:
            conv.build(shape)
            shape = (*shape[:-1], conv.filters)
        self.built = True

    def call(self, x, condition=None):
        condition = self._one_hot(condition)
        vertical = horizontal = centered(x)
        for block in self.blocks:
            vertical, horizontal = block(vertical, horizontal, condition)
        x = horizontal
        for conv in self.head:
            x = conv(keras.ops.relu(x))
        return self.pixel_logits(x)

    def incremental(self, condition=None):
        width = self.image_shape[1]
        condition = self._one_hot(condition)
        parts = [IncrementalGatedStack(self.blocks, width, condition)]
        for conv in self.head:
            parts += [RELU, IncrementalConv(conv, width)]
        return Chain(parts, prepare=centered)

    def _one_hot(self, condition):
        if condition is None:
            return None
        return keras.ops.one_hot(condition, self.num_classes, dtype="float32")

    def compute_output_shape(self, x_shape, condition_shape=None):
        levels = () if self.num_categories == 2 else (self.num_categories,)
        return (*x_shape, *levels)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_layers": self.num_layers,
            "kernel_size": self.kernel_size,
            "first_kernel_size": self.first_kernel_size,
            "num_classes": self.num_classes,
            "head_filters": self.head_filters,
        }
