"""The networks of the key-patch GAN: a doubled U-Net, and its judge."""

import keras

from keras_genseq.layers import StridedConv2D
from keras_genseq.layers import StridedConv2DTranspose
from keras_genseq.models.adversarial.dcgan import normalized
from keras_genseq.models.adversarial.dcgan import num_halvings
from keras_genseq.models.adversarial.dcgan import weights_like_the_papers

# Side of the smallest maps, and of the kernels at full size.
_FIRST_SIDE = 4
_KERNEL = 5
# The widest layer has this many times the channels of the first one.
_MOST = 8
_NEGATIVE_SLOPE = 0.2


class KeyPatchNetworks:
    """Makes the four networks. They see and make images in [0, 1].

    Args:
        image_shape: (height, width, channels).
        filters: int. Channels of the layers next to the image.
        code_dim: int. Numbers that the encoder's last layer makes of a part.
        latent_dim: int. Dimensions of the noise.
        dtype: dtype policy of the layers.

    Raises:
        ValueError: if the side of the images is not 4 times a power of two.
    """

    def __init__(self, image_shape, filters, code_dim, latent_dim, dtype):
        self.image_shape = image_shape
        self.code_dim = code_dim
        self.latent_dim = latent_dim
        self.dtype = dtype
        # From the image inwards.
        self.widths = [
            filters * min(2**i, _MOST) for i in range(num_halvings(image_shape))
        ]

    def encoder(self):
        """From a patch to its maps, the largest first, and its code."""
        inputs = keras.Input(self.image_shape, name="patch")
        maps = self._halved(inputs)
        code = self._leaky(self._first_conv(self.code_dim)(maps[-1]))
        return keras.Model(inputs, [*maps, code], name="encoder")

    def mask_decoder(self):
        """From what the encoder makes to joined maps, the smallest first, and
        the mask."""
        side = self.image_shape[0]
        maps = [
            keras.Input((side >> i, side >> i, width), name=f"map_{i}")
            for i, width in enumerate(self.widths, start=1)
        ]
        code = keras.Input((1, 1, self.code_dim), name="code")
        joined = self._doubled(code, maps[::-1])
        x = self._deconv(1)(joined[-1])
        mask = keras.layers.Activation("sigmoid", dtype="float32")(x)
        return keras.Model([*maps, code], [*joined, mask], name="mask_decoder")

    def image_decoder(self):
        """From joined maps, the smallest first, code and noise to the image."""
        maps = [
            keras.Input((_FIRST_SIDE << i, _FIRST_SIDE << i, 2 * width))
            for i, width in enumerate(self.widths[::-1])
        ]
        code = keras.Input((1, 1, self.code_dim), name="code")
        z = keras.Input((self.latent_dim,), name="z")
        noise = keras.layers.Reshape((1, 1, -1), dtype=self.dtype)(z)
        x = keras.layers.Concatenate(dtype=self.dtype)([code, noise])
        x = self._deconv(self.image_shape[-1])(self._doubled(x, maps)[-1])
        x = keras.layers.Activation("tanh", dtype="float32")(x)
        x = keras.layers.Rescaling(0.5, 0.5, dtype="float32")(x)
        return keras.Model([*maps, code, z], x, name="image_decoder")

    def discriminator(self):
        """From an image to a logit."""
        inputs = keras.Input(self.image_shape, name="x")
        x = self._first_conv(1)(self._halved(inputs)[-1])
        x = keras.layers.Flatten(dtype=self.dtype, data_format="channels_last")(
            x
        )
        x = keras.layers.Activation("linear", dtype="float32")(x)
        return keras.Model(inputs, x, name="discriminator")

    def _halved(self, x):
        """Maps of an image whose sides are halved down to 4x4."""
        x = keras.layers.Rescaling(2.0, -1.0, dtype=self.dtype)(x)
        maps = []
        for i, width in enumerate(self.widths):
            x = self._conv(StridedConv2D, width, _KERNEL, 2)(x)
            x = self._leaky(normalized(x, self.dtype) if i else x)
            maps.append(x)
        return maps

    def _doubled(self, x, maps):
        """A code doubled up from 4x4, each size joined with a map of it."""
        joined = []
        for same_size, width in zip(maps, self.widths[::-1], strict=True):
            make = self._deconv if joined else self._first_deconv
            x = normalized(make(width)(x), self.dtype)
            x = keras.layers.ReLU(dtype=self.dtype)(x)
            x = keras.layers.Concatenate(dtype=self.dtype)([x, same_size])
            joined.append(x)
        return joined

    def _first_conv(self, filters):
        """Makes one pixel of 4x4."""
        return self._conv(keras.layers.Conv2D, filters, _FIRST_SIDE, 1, "valid")

    def _first_deconv(self, filters):
        """Makes 4x4 of one pixel."""
        layer = keras.layers.Conv2DTranspose
        return self._conv(layer, filters, _FIRST_SIDE, 1, "valid")

    def _deconv(self, filters):
        return self._conv(StridedConv2DTranspose, filters, _KERNEL, 2)

    def _conv(self, layer, filters, size, strides, padding="same"):
        return layer(
            filters,
            size,
            strides=strides,
            padding=padding,
            kernel_initializer=weights_like_the_papers(),
            data_format="channels_last",
            dtype=self.dtype,
        )

    def _leaky(self, x):
        return keras.layers.LeakyReLU(_NEGATIVE_SLOPE, dtype=self.dtype)(x)
