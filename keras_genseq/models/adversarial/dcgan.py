import math

import keras
from keras import ops

from keras_genseq.layers import StridedConv2D
from keras_genseq.layers import StridedConv2DTranspose
from keras_genseq.models.adversarial.adversarial_model import AdversarialModel
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import check_counts

# Side of the images that the generator's projection makes of noise.
_FIRST_SIDE = 4


@keras.saving.register_keras_serializable(package="keras_genseq")
class DCGAN(AdversarialModel):
    """Deep convolutional generative adversarial nets.

    The generator projects noise to 4x4 maps and doubles their sides by
    transposed convolutions; the discriminator halves them again by strided
    ones. Every layer is normalized by its batch but the generator's last and
    the discriminator's first; nothing is pooled, and no hidden layer is dense.

    Args:
        image_shape: (height, width, channels). Height and width are 4 times
            one power of two, from 8 on; so that 64x64 takes four layers.
        latent_dim: int. Dimensions of the noise z.
        filters: int. Channels of the layers next to the image; those farther
            inside have 2, 4, 8, ... times as many.
        kernel_size: int. Side of all kernels.
        negative_slope: float. Of the discriminator's LeakyReLU.
        noise: distribution of z: `"normal"`, or `"uniform"` in (-1, 1).
        **kwargs: `num_classes`, `adversarial_loss`, `gradient_penalty_weight`,
            `r1_weight`, `drift_weight`, `discriminator_updates`,
            `augmentations`, `ema_decay` and `seed`, as for `AdversarialModel`;
            and what `keras.Model` takes.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        condition: `(batch_size,)` int32 classes of a conditional model.

    Returns:
        `(batch_size,)` float32 logits: positive for what is held real.

    Raises:
        ValueError: if the image's sides are of no such size, or an argument
            has a value that is not listed here.

    Example:

    ```python
    images = np.random.rand(8, 8, 8, 1).astype("float32")
    model = models.DCGAN((8, 8, 1), 4, filters=4, ema_decay=0.999)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
    )
    model.fit(images, batch_size=4, epochs=1, verbose=0)
    samples = model.sample(2, seed=0)
    realness = model.discriminate(images)["realness"]
    ```

    Differences from the paper:
        Images are in [0, 1] outside; tanh's [-1, 1] stays inside the networks.
        The convolutions before a normalization have no biases, as in the
        authors' code; those of the two outer layers have none either, but the
        final logit has. Classes join the noise and, as constant maps, the
        image alone; the authors' conditional nets repeat them in every layer.

    References:
        - [Radford et al., 2016](https://arxiv.org/abs/1511.06434)
    """

    presets = {
        "dcgan_64": Preset(
            config={"image_shape": (64, 64, 3), "latent_dim": 100},
            # Generator and discriminator, gammas and betas counted. The last
            # is the bias of the logit.
            num_parameters=18_855_040 + 17_232_768 + 1,
            source="Radford et al., 2016, figure 1; widths by their code",
        ),
    }

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        filters=128,
        kernel_size=5,
        negative_slope=0.2,
        noise="uniform",
        **kwargs,
    ):
        num_layers = num_halvings(image_shape)
        filters, kernel_size = check_counts(
            filters=filters, kernel_size=kernel_size
        )
        super().__init__(image_shape, latent_dim, noise=noise, **kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.negative_slope = negative_slope
        widths = [filters * 2**i for i in range(num_layers)]
        self.set_networks(
            self._make_generator(widths[::-1]), self._make_discriminator(widths)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "negative_slope": self.negative_slope,
        }

    def _make_generator(self, widths):
        dtype = self.dtype_policy
        x = inputs = keras.Input((self.latent_dim,), name="z")
        if self.num_classes is not None:
            one_hot = keras.Input((self.num_classes,), name="one_hot")
            x = keras.layers.Concatenate(dtype=dtype)([x, one_hot])
            inputs = [inputs, one_hot]
        shape = (_FIRST_SIDE, _FIRST_SIDE, widths[0])
        x = keras.layers.Dense(
            math.prod(shape),
            use_bias=False,
            kernel_initializer=weights_like_the_papers(),
            dtype=dtype,
        )(x)
        x = keras.layers.Reshape(shape, dtype=dtype)(x)
        x = normalized(x, dtype)
        x = keras.layers.ReLU(dtype=dtype)(x)
        for width in widths[1:]:
            x = self._convolution(StridedConv2DTranspose, width)(x)
            x = normalized(x, dtype)
            x = keras.layers.ReLU(dtype=dtype)(x)
        x = self._convolution(StridedConv2DTranspose, self.image_shape[-1])(x)
        x = keras.layers.Activation("tanh", dtype="float32")(x)
        x = keras.layers.Rescaling(0.5, 0.5, dtype="float32")(x)
        return keras.Model(inputs, x, name="generator")

    def _make_discriminator(self, widths):
        dtype = self.dtype_policy
        inputs = keras.Input(self.image_shape, name="x")
        x = keras.layers.Rescaling(2.0, -1.0, dtype=dtype)(inputs)
        if self.num_classes is not None:
            one_hot = keras.Input((self.num_classes,), name="one_hot")
            maps = ConstantMaps(self.image_shape[:2], dtype=dtype)(one_hot)
            x = keras.layers.Concatenate(dtype=dtype)([x, maps])
            inputs = [inputs, one_hot]
        for i, width in enumerate(widths):
            x = self._convolution(StridedConv2D, width)(x)
            if i > 0:
                x = normalized(x, dtype)
            x = keras.layers.LeakyReLU(self.negative_slope, dtype=dtype)(x)
        x = keras.layers.Flatten(dtype=dtype, data_format="channels_last")(x)
        x = keras.layers.Dense(
            1, kernel_initializer=weights_like_the_papers(), dtype=dtype
        )(x)
        return keras.Model(inputs, x, name="discriminator")

    def _convolution(self, layer_class, width):
        return layer_class(
            width,
            self.kernel_size,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=weights_like_the_papers(),
            data_format="channels_last",
            dtype=self.dtype_policy,
        )


@keras.saving.register_keras_serializable(package="keras_genseq")
class ConstantMaps(keras.layers.Layer):
    """Spreads every entry of a vector over a map of its own.

    Args:
        size: (height, width) of a map.
        **kwargs: passed to `keras.layers.Layer`.
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = tuple(size)

    def call(self, inputs):
        ones = ops.ones((1, *self.size, 1), self.compute_dtype)
        return inputs[:, None, None, :] * ones

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.size, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "size": list(self.size)}


def weights_like_the_papers():
    """Initializer of all kernels: normal, deviation 0.02."""
    return keras.initializers.RandomNormal(0.0, 0.02)


def normalized(x, dtype):
    """Batch normalization whose scales begin around 1, deviation 0.02."""
    return keras.layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02),
        dtype=dtype,
    )(x)


def num_halvings(image_shape):
    """How often a square image is halved down to 4x4.

    Raises:
        ValueError: if its side is not 4 times a power of two, from 8 on.
    """
    height, width, _ = as_image_shape(image_shape)
    doublings = math.log2(height / _FIRST_SIDE) if height > 0 else 0.0
    if height != width or doublings < 1 or doublings != int(doublings):
        raise ValueError(
            "Images must be square, with a side of 4 times a power of two: 8, "
            "16, 32, 64, ... Resize or pad them. "
            f"Received: image_shape={tuple(image_shape)}"
        )
    return int(doublings)
