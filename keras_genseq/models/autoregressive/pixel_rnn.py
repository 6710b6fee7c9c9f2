import keras

from keras_genseq.models.autoregressive.pixel_network import PixelNetworkModel
from keras_genseq.models.base.presets import Preset


def _preset(variant, num_parameters, num_layers=None):
    """MNIST's sizes, or, with a number of layers, CIFAR-10's."""
    config = {
        "image_shape": (28, 28, 1),
        "filters": 16,
        "num_layers": 7,
        "head_filters": 32,
    }
    if num_layers:
        config = {
            "image_shape": (32, 32, 3),
            "filters": 128,
            "num_layers": num_layers,
            "head_filters": 1024,
            "num_categories": 256,
        }
    return Preset(
        config={"variant": variant, **config},
        num_parameters=num_parameters,
        source="van den Oord et al., 2016, section 5: layers and widths; the "
        "count is ours",
    )


@keras.saving.register_keras_serializable(package="keras_genseq")
class PixelRNN(PixelNetworkModel):
    """Models an image pixel by pixel, in raster order, red before green before
    blue.

    A first masked convolution, 7 x 7, hides the pixel that is predicted; blocks
    with residual connections follow, then two 1 x 1 layers and the logits.
    Scores take one pass. A sample takes a step for every pixel, which computes
    only what that pixel changes.

    Args:
        image_shape: (height, width, channels).
        variant: `"pixel_cnn"` (3 x 3 convolutions, with a blind spot to the
            upper right), `"row_lstm"` (sees a triangle above) or
            `"diagonal_bilstm"` (sees all pixels before).
        filters: int. Channels of an LSTM's states or of the 3 x 3 convolution
            (the paper's h); between the blocks there are twice as many.
        num_layers: int. Blocks.
        head_filters: int. Channels of the two 1 x 1 layers.
        num_categories: int. Levels of a pixel: 2 (a coin each) or, up to 256,
            a softmax.
        position_bias: bool. Whether a bias for every place of the image is
            learnt and added behind the first convolution. A PixelCNN that is
            not deep enough to see the borders does not know, without it, where
            in the image a pixel is.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats, whole multiples of
            `1 / (num_categories - 1)`.

    Returns:
        float32 logits: `(batch_size, height, width, channels)` of binary
        pixels, else `(..., num_categories)`. Those of a color depend on the
        pixels before and the earlier colors of the same pixel alone.

    Raises:
        ValueError: if `variant` is none of the three, or a number is not
            positive.

    Example:

    ```python
    images = np.random.randint(0, 2, (4, 5, 5, 1)).astype("float32")
    model = models.PixelRNN(
        (5, 5, 1), variant="row_lstm", filters=2, num_layers=1, head_filters=4
    )
    model.compile("rmsprop")
    model.fit(images, verbose=0)
    log_prob = model.log_prob(images)
    ```

    Differences from the paper: no skip connections from every layer to the
    output; multi-scale networks are `MultiScalePixelRNN`. Learnt first states
    are, where the paper does not say, one for each column (Row LSTM) or row
    (Diagonal BiLSTM). `position_bias` is not in the paper. The paper counts
    layers; here each is a block, behind the first convolution. It states no
    parameter counts: those of the presets are added up by us, from the sizes of
    its Table 1 and of its sections 5.3 and 5.4.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1601.06759)
    """

    presets = {
        "pixel_cnn_mnist": _preset("pixel_cnn", 27_489),
        "row_lstm_mnist": _preset("row_lstm", 78_785),
        "diagonal_bilstm_mnist": _preset("diagonal_bilstm", 82_145),
        "pixel_cnn_cifar10": _preset("pixel_cnn", 5_340_416, num_layers=15),
        "row_lstm_cifar10": _preset("row_lstm", 9_716_480, num_layers=12),
        "diagonal_bilstm_cifar10": _preset(
            "diagonal_bilstm", 9_430_784, num_layers=12
        ),
    }

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
        super().__init__(
            image_shape,
            variant=variant,
            filters=filters,
            num_layers=num_layers,
            head_filters=head_filters,
            num_categories=num_categories,
            position_bias=position_bias,
            **kwargs,
        )
        self.make_network()
        self.build((None, *self.image_shape))

    def call(self, x):
        return self.network_logits(x)

    def incremental(self, condition=None):
        return self.incremental_network()
