"""The networks of translators: from images to images, and judges of patches."""

import keras

from keras_genseq.layers import InstanceNormalization
from keras_genseq.layers import ReflectionPadding2D
from keras_genseq.layers import StridedConv2D
from keras_genseq.layers import StridedConv2DTranspose

# Side of the patch that a discriminator judges -> its strided convolutions.
RECEPTIVE_FIELDS = {1: 0, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}
# The widest layer has this many times the channels of the first one.
_MOST = 8


class TranslationNetworks:
    """Makes generators and discriminators for images of any size.

    They see and make images in [0, 1]; [-1, 1] stays inside.

    Args:
        affine: bool. Whether instance normalizations learn factors and
            offsets.
        dtype: dtype policy of the layers.
    """

    # Side of the kernels that halve and double the maps of `resnet`.
    strided_size = 3
    use_bias = True
    negative_slope = 0.2

    def __init__(self, affine, dtype):
        self.affine = affine
        self.dtype = dtype

    def resnet(self, channels, filters, num_blocks, name):
        """The generator of Johnson et al., 2016: a quarter of each side, and
        residual blocks there.

        Args:
            channels: (int, int). Channels of what it sees, and of what it
                makes.
            filters: int. Channels of the first layer.
            num_blocks: int. Residual blocks.
            name: str.
        """
        inputs, x = self._inputs(channels[0])
        x = self._resnet(x, channels[1], filters, num_blocks)
        return keras.Model(inputs, x, name=name)

    def unet(self, channels, filters, num_blocks, name):
        """The generator of Isola et al., 2017: halved down to few pixels and
        doubled again, each size joined with that of the way down.

        Args:
            channels: as for `resnet`.
            filters: as for `resnet`.
            num_blocks: int. How many times the sides are halved.
            name: str.
        """
        widths = [filters * min(2**i, _MOST) for i in range(num_blocks)]
        inputs, x = self._inputs(channels[0])
        kept = []
        for i, width in enumerate(widths):
            x = self._leaky(x) if i else x
            x = self._convolution(StridedConv2D, width, 4)(x)
            # The smallest maps may be single pixels, whose variance is 0.
            x = self._normalized(x) if 0 < i < num_blocks - 1 else x
            kept.append(x)
        for width, same_size in zip(widths[-2::-1], kept[-2::-1], strict=True):
            x = self._convolution(StridedConv2DTranspose, width, 4)(
                self._relu(x)
            )
            x = keras.layers.Concatenate(dtype=self.dtype)(
                [same_size, self._normalized(x)]
            )
        x = self._relu(x)
        x = self._convolution(StridedConv2DTranspose, channels[1], 4)(x)
        return keras.Model(inputs, self._image(x), name=name)

    def discriminator(self, channels, filters, receptive_field, name):
        """A judge of overlapping patches: one logit for each.

        Args:
            channels: int. Of the images.
            filters: int. Channels of the first layer.
            receptive_field: a key of `RECEPTIVE_FIELDS`: side of a patch.
            name: str.
        """
        num_strided = RECEPTIVE_FIELDS[receptive_field]
        # A patch of one pixel sees nothing beside it.
        size = 4 if num_strided else 1
        strides = [2] * num_strided + [1] if num_strided else [1, 1]
        inputs, x = self._inputs(channels)
        for i, stride in enumerate(strides):
            x = self._patch_conv(x, filters * min(2**i, _MOST), size, stride)
            x = self._leaky(self._normalized(x) if i else x)
        x = self._patch_conv(x, 1, size, 1)
        x = keras.layers.Activation("linear", dtype="float32")(x)
        return keras.Model(inputs, x, name=name)

    def _inputs(self, channels):
        inputs = keras.Input((None, None, channels), name="x")
        rescaling = keras.layers.Rescaling(2.0, -1.0, dtype=self.dtype)
        return inputs, rescaling(inputs)

    def _resnet(self, x, channels, filters, num_blocks):
        x = self._relu(self._normalized(self._padded_conv(x, filters, 7)))
        for width in (2 * filters, 4 * filters):
            x = self._convolution(StridedConv2D, width, self.strided_size)(x)
            x = self._relu(self._normalized(x))
        for _ in range(num_blocks):
            x = self._residual(x, 4 * filters)
        for width in (2 * filters, filters):
            x = self._convolution(
                StridedConv2DTranspose, width, self.strided_size
            )(x)
            x = self._relu(self._normalized(x))
        return self._image(self._padded_conv(x, channels, 7))

    def _image(self, x):
        x = keras.layers.Activation("tanh", dtype="float32")(x)
        return keras.layers.Rescaling(0.5, 0.5, dtype="float32")(x)

    def _residual(self, x, filters):
        y = self._relu(self._normalized(self._padded_conv(x, filters, 3)))
        y = self._normalized(self._padded_conv(y, filters, 3))
        return keras.layers.Add(dtype=self.dtype)([x, y])

    def _padded_conv(self, x, filters, size):
        """A convolution that keeps the sides, of an image without borders."""
        x = ReflectionPadding2D(
            size // 2, dtype=self.dtype, data_format="channels_last"
        )(x)
        return self._conv(filters, size)(x)

    def _patch_conv(self, x, filters, size, stride):
        """One border of zeros, whatever the stride: a patch has one place."""
        if size > 1:
            x = keras.layers.ZeroPadding2D(
                1, dtype=self.dtype, data_format="channels_last"
            )(x)
        return self._conv(filters, size, strides=stride)(x)

    def _conv(self, filters, size, strides=1, padding="valid"):
        return keras.layers.Conv2D(
            filters,
            size,
            strides=strides,
            padding=padding,
            use_bias=self.use_bias,
            kernel_initializer=self._initializer(),
            dtype=self.dtype,
            data_format="channels_last",
        )

    def _convolution(self, layer_class, filters, size, use_bias=None):
        """A convolution that halves the sides, or one that doubles them."""
        return layer_class(
            filters,
            size,
            strides=2,
            padding="same",
            use_bias=self.use_bias if use_bias is None else use_bias,
            kernel_initializer=self._initializer(),
            data_format="channels_last",
            dtype=self.dtype,
        )

    def _initializer(self):
        return keras.initializers.RandomNormal(0.0, 0.02)

    def _normalized(self, x):
        return InstanceNormalization(
            center=self.affine, scale=self.affine, dtype=self.dtype
        )(x)

    def _relu(self, x):
        return keras.layers.ReLU(dtype=self.dtype)(x)

    def _leaky(self, x):
        return keras.layers.LeakyReLU(self.negative_slope, dtype=self.dtype)(x)


def least_size(receptive_field):
    """The smallest side of images that a discriminator of patches takes."""
    # After the halvings two more convolutions take one pixel each.
    return (
        1
        if receptive_field == 1
        else 3 * 2 ** RECEPTIVE_FIELDS[receptive_field]
    )
