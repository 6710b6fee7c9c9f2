import math

import keras
from keras import ops

from keras_genseq.models.adversarial.adversarial_model import AdversarialModel
from keras_genseq.models.base.own_networks import configs_of
from keras_genseq.models.base.own_networks import with_networks
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate


@keras.saving.register_keras_serializable(package="keras_genseq")
class GAN(AdversarialModel):
    """Generative adversarial nets of images, both of them perceptrons.

    The generator is a stack of ReLU layers with sigmoid outputs; the
    discriminator a stack of maxout layers, each output the largest of several
    linear functions, with dropout before every layer.

    Args:
        image_shape: (height, width, channels).
        latent_dim: int. Dimensions of the noise z.
        generator_units: sequence of ints. Widths of the generator's layers.
        discriminator_units: sequence of ints. Widths of the discriminator's.
        num_pieces: int. Linear functions of a maxout unit.
        dropout: float. Share of hidden units that the discriminator loses in
            training.
        input_dropout: float. Share of pixels that it loses.
        generator: Keras model of the user's own, in place of the one that
            `generator_units` describes: noise (or `[noise, one-hot classes]`)
            to images in [0, 1].
        discriminator: Keras model of the user's own: images (or `[images,
            one-hot classes]`) to `(batch_size, 1)` logits.
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
        ValueError: if a network has another output, or an argument a value
            that is not listed here.

    Example:

    ```python
    images = np.random.rand(8, 8, 8, 1).astype("float32")
    model = models.GAN((8, 8, 1), 4, generator_units=(16,), ema_decay=0.999)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
    )
    model.fit(images, batch_size=4, epochs=1, verbose=0)
    samples = model.sample(2, seed=0)
    realness = model.discriminate(images)["realness"]
    ```

    Differences from the paper:
        The generator's last biases start at 0 unless `adapt` is called, which
        sets them from the data as the authors' code does.

    References:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661)
        - [Maxout: Goodfellow et al., 2013](https://arxiv.org/abs/1302.4389)
    """

    presets = {
        "gan_mnist": Preset(
            config={"image_shape": (28, 28, 1), "latent_dim": 100},
            # 100-1200-1200-784 and, five linear functions to a unit,
            # 784-240-240-1, with biases.
            num_parameters=2_503_984 + 1_231_441,
            source="Goodfellow et al., 2014, MNIST, by the authors' code",
        ),
    }

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        generator_units=(1200, 1200),
        discriminator_units=(240, 240),
        num_pieces=5,
        dropout=0.5,
        input_dropout=0.2,
        generator=None,
        discriminator=None,
        noise="normal",
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, noise=noise, **kwargs)
        self.generator_units = as_counts(generator_units, "generator_units")
        self.discriminator_units = as_counts(
            discriminator_units, "discriminator_units"
        )
        self.num_pieces = check_counts(num_pieces=num_pieces)
        self.dropout = dropout
        self.input_dropout = input_dropout
        self._own_networks = {
            "generator": generator,
            "discriminator": discriminator,
        }
        self.set_networks(
            generator or self._make_generator(),
            discriminator or self._make_discriminator(),
        )

    def adapt(self, data):
        """Sets the generator's last biases: it begins at the mean image.

        Args:
            data: array of images, or `tf.data.Dataset` of batches.
        """
        layer = self.generator.get_layer("pixels")
        mean, count = 0.0, 0
        for batch in [data] if hasattr(data, "shape") else data:
            batch = keras.ops.convert_to_numpy(self.check_inputs(batch))
            count += len(batch)
            mean = mean + (batch.mean(0) - mean) * (len(batch) / count)
        mean = mean.reshape(-1).clip(1e-2, 1.0 - 1e-2)
        bias = ops.log(mean) - ops.log1p(-mean)
        for network in (self.generator, self.averaged_generator):
            if network is not None:
                network.get_layer(layer.name).bias.assign(bias)

    def get_config(self):
        return {
            **super().get_config(),
            "generator_units": list(self.generator_units),
            "discriminator_units": list(self.discriminator_units),
            "num_pieces": self.num_pieces,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
            **configs_of(self._own_networks),
        }

    @classmethod
    def from_config(cls, config):
        return super().from_config(
            with_networks(config, "generator", "discriminator")
        )

    def _make_generator(self):
        dtype = self.dtype_policy
        x = z = keras.Input((self.latent_dim,), dtype="float32", name="z")
        x, inputs = self._with_classes(x, z)
        init = keras.initializers.RandomUniform(-0.05, 0.05)
        for units in self.generator_units:
            x = keras.layers.Dense(
                units,
                activation="relu",
                kernel_initializer=init,
                dtype=dtype,
            )(x)
        x = keras.layers.Dense(
            math.prod(self.image_shape),
            activation="sigmoid",
            kernel_initializer=init,
            dtype=dtype,
            name="pixels",
        )(x)
        x = keras.layers.Reshape(self.image_shape, dtype=dtype)(x)
        return keras.Model(inputs, x, name="generator")

    def _make_discriminator(self):
        dtype = self.dtype_policy
        image = keras.Input(self.image_shape, dtype="float32", name="x")
        x = keras.layers.Flatten(dtype=dtype, data_format="channels_last")(
            image
        )
        x = keras.layers.Dropout(
            as_rate(self.input_dropout, "input_dropout"), dtype=dtype
        )(x)
        x, inputs = self._with_classes(x, image)
        init = keras.initializers.RandomUniform(-0.005, 0.005)
        for units in self.discriminator_units:
            x = keras.layers.Dense(
                units * self.num_pieces, kernel_initializer=init, dtype=dtype
            )(x)
            x = keras.layers.Reshape((units, self.num_pieces), dtype=dtype)(x)
            x = Maxout(dtype=dtype)(x)
            x = keras.layers.Dropout(as_rate(self.dropout), dtype=dtype)(x)
        x = keras.layers.Dense(1, kernel_initializer=init, dtype=dtype)(x)
        return keras.Model(inputs, x, name="discriminator")

    def _with_classes(self, x, inputs):
        """Joins one-hot classes, if any, to vectors."""
        if self.num_classes is None:
            return x, inputs
        one_hot = keras.Input((self.num_classes,), name="one_hot")
        x = keras.layers.Concatenate(dtype=self.dtype_policy)([x, one_hot])
        return x, [inputs, one_hot]


@keras.saving.register_keras_serializable(package="keras_genseq")
class Maxout(keras.layers.Layer):
    """The largest along the last axis."""

    def call(self, inputs):
        return ops.max(inputs, axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]
