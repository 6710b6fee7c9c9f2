import keras
import numpy as np
from keras import ops

from keras_genseq.models.autoregressive.pixel_blocks import centered
from keras_genseq.models.autoregressive.pixel_network import PixelNetworkModel
from keras_genseq.models.autoregressive.pixel_rnn import PixelRNN
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import path_seeds
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class MultiScalePixelRNN(PixelNetworkModel):
    """PixelRNN that draws a small image first, and the large one around it.

    The small image is every `scale`-th pixel of every `scale`-th row. A
    `PixelRNN` models it; a second one models the other pixels, in raster
    order. Deconvolutions lift the small image to a map of the large one's
    size, which every block of the second network is told:

        p(x) = p(small) prod_i p(x_i | x_<i, small),  i not in small

    So the first strokes drawn see the whole image in outline.

    Args:
        image_shape: (height, width, channels); `scale` divides both sides.
        scale: int, at least 2.
        map_filters: int. Channels of the map.
        variant: blocks of both networks: `"pixel_cnn"`, `"row_lstm"` or
            `"diagonal_bilstm"`.
        filters: int. Half the channels between the blocks of both.
        num_layers: int. Blocks of each.
        head_filters: int. Channels of the two 1 x 1 layers of each.
        num_categories: int. Levels of a pixel.
        position_bias: bool. As for `PixelRNN`, in both.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats, whole multiples of
            `1 / (num_categories - 1)`.

    Returns:
        float32 logits like those of `PixelRNN`. Those of a pixel of the small
        image depend on the small image's pixels before it; those of another
        on the whole small image and on all pixels before.

    Raises:
        ValueError: if `scale` does not divide the image, or an argument is not
            what `PixelRNN` takes.

    Example:

    ```python
    images = np.random.randint(0, 2, (4, 6, 6, 1)).astype("float32")
    model = models.MultiScalePixelRNN(
        (6, 6, 1), scale=2, filters=2, num_layers=1, head_filters=4
    )
    model.compile("adam")
    model.fit(images, verbose=0)
    log_prob = model.log_prob(images)
    ```

    Differences from the paper: pixels of the small image are kept, not drawn
    again by the second network, so that the density is exact. Two layers lift
    the small image: a deconvolution and a 3 x 3 convolution; the paper counts
    none. With `"pixel_cnn"`, which the paper does not combine with scales, the
    map is added to the 3 x 3 convolutions.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1601.06759)
    """

    def __init__(
        self,
        image_shape,
        *,
        scale=2,
        map_filters=16,
        variant="row_lstm",
        filters=16,
        num_layers=7,
        head_filters=32,
        num_categories=2,
        position_bias=False,
        **kwargs,
    ):
        scale, map_filters = check_counts(scale=scale, map_filters=map_filters)
        sizes = {
            "variant": variant,
            "filters": filters,
            "num_layers": num_layers,
            "head_filters": head_filters,
            "num_categories": num_categories,
            "position_bias": position_bias,
        }
        position_bias = check_flags(position_bias=position_bias)
        super().__init__(image_shape, **sizes, **kwargs)
        height, width, channels = self.image_shape
        if scale < 2 or height % scale or width % scale:
            raise ValueError(
                "`scale` must be at least 2 and divide the height and the "
                f"width of `image_shape`. Received: scale={scale}, "
                f"image_shape={self.image_shape}"
            )
        self.scale = scale
        self.map_filters = map_filters
        dtype = self.dtype_policy
        self.small = PixelRNN(
            (height // scale, width // scale, channels),
            **sizes,
            dtype=dtype,
            name="small",
        )
        self.lift = keras.layers.Conv2DTranspose(
            map_filters,
            2 * scale,
            strides=scale,
            padding="same",
            activation="relu",
            dtype=dtype,
            name="lift",
            data_format="channels_last",
        )
        self.smooth = keras.layers.Conv2D(
            map_filters,
            3,
            padding="same",
            activation="relu",
            dtype=dtype,
            name="smooth",
            data_format="channels_last",
        )
        self.make_network(context_filters=map_filters)
        on_grid = np.zeros((height, width, 1), bool)
        on_grid[::scale, ::scale] = True
        self._on_grid = on_grid
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        self.lift.build((None, *self.small.image_shape))
        self.smooth.build((*input_shape[:-1], self.map_filters))
        super().build(input_shape)

    def call(self, x):
        small = self._subsampled(x)
        logits = self.network_logits(x, self._map(small))
        on_grid = (
            self._on_grid
            if logits.shape.rank == 4
            else (self._on_grid[..., None])
        )
        return ops.where(on_grid, self._spread(self.small(small)), logits)

    def incremental(self, condition=None):
        return self.incremental_network(self._map(condition))

    def draw(self, x, mask, seeds, temperature):
        x, mask, small = self._with_small(
            self.small.draw, x, mask, seeds, temperature
        )
        return super().draw(x, mask, seeds, temperature, small)

    def draw_by_whole_passes(self, x, mask, seeds, temperature):
        x, mask, _ = self._with_small(
            self.small.draw_by_whole_passes, x, mask, seeds, temperature
        )
        return super().draw_by_whole_passes(x, mask, seeds, temperature)

    def _with_small(self, draw, x, mask, seeds, temperature):
        """The request of the large image when the small one is drawn."""
        small = draw(
            self._subsampled(x),
            self._subsampled(mask),
            # Noise of its own.
            path_seeds(seeds, 1)[:, 0],
            temperature,
        )
        x = ops.where(self._on_grid, self._spread(small), x)
        return x, ops.logical_or(mask, self._on_grid), small

    def _subsampled(self, x):
        return x[:, :: self.scale, :: self.scale]

    def _spread(self, small):
        """Each pixel over the square that it begins."""
        small = ops.repeat(small, self.scale, axis=1)
        return ops.repeat(small, self.scale, axis=2)

    def _map(self, small):
        return self.smooth(self.lift(centered(small)))

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "map_filters": self.map_filters,
        }
