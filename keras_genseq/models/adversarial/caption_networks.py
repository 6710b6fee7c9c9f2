"""Networks between captions and images, of a text-to-image GAN."""

import keras

from keras_genseq.layers import StridedConv2D
from keras_genseq.layers import StridedConv2DTranspose
from keras_genseq.models.adversarial.dcgan import ConstantMaps
from keras_genseq.models.adversarial.dcgan import normalized
from keras_genseq.models.adversarial.dcgan import num_halvings
from keras_genseq.models.adversarial.dcgan import weights_like_the_papers

# Side of the maps that images grow from, and where a caption meets an image.
_FIRST_SIDE = 4
# By the batch, or each image, and each text, by itself.
NORMALIZATIONS = ("batch", "layer")
# Stages of the generator that end in a residual block.
_RESIDUAL_STAGES = 2


class CaptionNetworks:
    """Makes the networks: the layers of Reed et al., for any size.

    Args:
        image_shape: (height, width, channels).
        text_dim: int. Dimensions of a caption's embedding.
        text_units: int. Width to which both networks project it.
        residual: bool. Whether there are residual blocks.
        dtype: dtype policy.
        normalization: one of `NORMALIZATIONS`. Without the batch's, kernels of
            convolutions begin with He's deviations, not the paper's.
    """

    def __init__(
        self,
        image_shape,
        text_dim,
        text_units,
        residual,
        dtype,
        normalization="batch",
    ):
        self.image_shape = image_shape
        self.text_dim = text_dim
        self.text_units = text_units
        self.residual = residual
        self.dtype = dtype
        self.normalization = normalization
        self.num_stages = num_halvings(image_shape)

    def generator(self, filters, latent_dim):
        """Noise and an embedding to an image in [0, 1].

        Args:
            filters: int. Channels next to the image; each stage farther inside
                has twice as many.
            latent_dim: int.
        """
        z = keras.Input((latent_dim,), name="z")
        text = keras.Input((self.text_dim,), name="text")
        x = self._leaky(self._projection(text))
        x = keras.layers.Concatenate(dtype=self.dtype)([z, x])
        x = keras.layers.Reshape((1, 1, -1), dtype=self.dtype)(x)
        for i, width in enumerate(self._widths(filters)[::-1]):
            if i == 0:
                x = self._first_maps(width)(x)
            else:
                x = self._doubled(width)(x)
            x = self._normalized(x)
            if i < _RESIDUAL_STAGES:
                x = self._with_residual(x, width, self._relu)
            x = self._relu(x)
        x = self._doubled(self.image_shape[-1])(x)
        x = keras.layers.Activation("tanh", dtype="float32")(x)
        x = keras.layers.Rescaling(0.5, 0.5, dtype="float32")(x)
        return keras.Model([z, text], x, name="generator")

    def discriminator(self, filters):
        """An image in [0, 1] and an embedding to a logit.

        Args:
            filters: int. Channels next to the image.
        """
        image = keras.Input(self.image_shape, name="x")
        text = keras.Input((self.text_dim,), name="text")
        x = self._halved(image, filters)
        h = self._leaky(self._normalized(self._projection(text)))
        maps = ConstantMaps((_FIRST_SIDE, _FIRST_SIDE), dtype=self.dtype)(h)
        width = x.shape[-1]
        x = keras.layers.Concatenate(dtype=self.dtype)([x, maps])
        x = self._leaky(self._normalized(self._convolution(width, 1)(x)))
        x = self._convolution(1, _FIRST_SIDE, padding="valid")(x)
        x = keras.layers.Flatten(dtype=self.dtype, data_format="channels_last")(
            x
        )
        return keras.Model([image, text], x, name="discriminator")

    def style_encoder(self, filters, latent_dim):
        """An image in [0, 1] to the noise that it was made of.

        Args:
            filters: int. Channels next to the image.
            latent_dim: int.
        """
        image = keras.Input(self.image_shape, name="x")
        x = self._halved(image, filters)
        x = keras.layers.Flatten(dtype=self.dtype, data_format="channels_last")(
            x
        )
        x = keras.layers.Dense(latent_dim, dtype=self.dtype)(x)
        return keras.Model(image, x, name="style_encoder")

    def _halved(self, image, filters):
        """Maps of 4x4 of an image."""
        x = keras.layers.Rescaling(2.0, -1.0, dtype=self.dtype)(image)
        for i, width in enumerate(self._widths(filters)):
            x = self._convolution(width, 4, strides=2)(x)
            if i > 0:
                x = self._normalized(x)
            if i == self.num_stages - 1:
                x = self._with_residual(x, width, self._leaky)
            x = self._leaky(x)
        return x

    def _widths(self, filters):
        return [filters * 2**i for i in range(self.num_stages)]

    def _with_residual(self, x, width, activation):
        """Adds what three convolutions make of maps, the last of them wide."""
        if not self.residual:
            return x
        narrow = max(1, width // 4)
        y = activation(self._normalized(self._convolution(narrow, 1)(x)))
        y = activation(self._normalized(self._convolution(narrow, 3)(y)))
        y = self._normalized(self._convolution(width, 3)(y))
        return keras.layers.Add(dtype=self.dtype)([x, y])

    def _projection(self, text):
        return keras.layers.Dense(self.text_units, dtype=self.dtype)(text)

    def _first_maps(self, width):
        return keras.layers.Conv2DTranspose(
            width,
            _FIRST_SIDE,
            kernel_initializer=weights_like_the_papers(),
            dtype=self.dtype,
            data_format="channels_last",
        )

    def _doubled(self, width):
        return StridedConv2DTranspose(
            width,
            4,
            strides=2,
            padding="same",
            kernel_initializer=weights_like_the_papers(),
            dtype=self.dtype,
            data_format="channels_last",
        )

    def _convolution(self, width, size, strides=1, padding="same"):
        return StridedConv2D(
            width,
            size,
            strides=strides,
            padding=padding,
            kernel_initializer=(
                weights_like_the_papers()
                if self.normalization == "batch"
                else keras.initializers.HeNormal()
            ),
            dtype=self.dtype,
            data_format="channels_last",
        )

    def _normalized(self, x):
        if self.normalization == "batch":
            return normalized(x, self.dtype)
        return keras.layers.GroupNormalization(
            groups=1, epsilon=1e-5, dtype=self.dtype
        )(x)

    def _relu(self, x):
        return keras.layers.ReLU(dtype=self.dtype)(x)

    def _leaky(self, x):
        return keras.layers.LeakyReLU(0.2, dtype=self.dtype)(x)
