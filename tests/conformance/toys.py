"""What a system costs: toys on the bases, as a user would write them.

Each is a whole model in few lines (`toys_test.py` counts them), and a row of
the table: it keeps every promise, export included.
"""

import keras
import numpy as np
from keras import ops

from keras_genseq import losses
from keras_genseq import models
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.divergences import normal_kl
from keras_genseq.ops.divergences import normal_log_ratio
from keras_genseq.ops.log_probabilities import bernoulli_log_prob
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_normals
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import all_finite
from tests.conformance.bad_requests import game_requests
from tests.conformance.bad_requests import image_requests
from tests.conformance.bad_requests import vector_requests
from tests.conformance.batches import binary_images
from tests.conformance.batches import categories
from tests.conformance.case import ModelCase


@keras.saving.register_keras_serializable(package="toys")
class ToyDensity(models.CategoricalVectorModel):
    """Logistic regression of each dimension on all earlier ones."""

    def __init__(self, input_dim, *, stddev=0.1, **kwargs):
        super().__init__(input_dim, **kwargs)
        self.stddev = stddev
        self.build((None, input_dim))

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(self.input_dim, self.input_dim),
            initializer=keras.initializers.RandomNormal(stddev=self.stddev),
            dtype="float32",
            autocast=False,
        )
        self.built = True

    def call(self, x):
        # The diagonal is the bias of each dimension.
        x = ops.cast(x, "float32")
        kernel = ops.convert_to_tensor(self.kernel)
        return ops.matmul(x, ops.triu(kernel, 1)) + ops.diagonal(kernel)

    def log_prob_from_logits(self, x, logits):
        return bernoulli_log_prob(x, logits)

    def draw(self, x, mask, seeds, temperature):
        uniforms = row_uniform(seeds, self.input_dim)
        columns = ops.arange(self.input_dim)
        x = ops.where(mask, x, 0.0)
        for d in range(self.input_dim):
            logits = self(x) / ops.maximum(temperature, 1e-6)[:, None]
            drawn = ops.cast(uniforms < ops.sigmoid(logits), "float32")
            x = ops.where((columns == d) & ~mask, drawn, x)
        return x

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}


@keras.saving.register_keras_serializable(package="toys")
class ToyAutoencoder(models.LatentVariableModel):
    """A linear variational autoencoder of Bernoulli pixels."""

    def __init__(self, image_shape, latent_dim, **kwargs):
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.size = int(np.prod(image_shape))
        self.encoder = keras.layers.Dense(2 * latent_dim, dtype="float32")
        self.decoder = keras.layers.Dense(self.size, dtype="float32")
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        self.encoder.build((None, self.size))
        self.decoder.build((None, self.latent_dim))
        super().build(input_shape)

    def posterior(self, x, condition=None, training=False):
        outputs = self.encoder(ops.reshape(x, (-1, self.size)))
        return tuple(ops.split(outputs, 2, axis=-1))

    def sample_posterior(self, posterior, seeds, num_samples, first=0):
        z_mean, z_log_var = (p[:, None] for p in posterior)
        noise = row_normals(seeds, num_samples, self.latent_dim, first=first)
        return z_mean + ops.exp(0.5 * z_log_var) * noise

    def posterior_mode(self, posterior):
        return posterior[0]

    def log_ratio(self, z, posterior):
        return normal_log_ratio(z, *(p[:, None] for p in posterior))

    def kl(self, posterior):
        return normal_kl(*posterior)

    def sample_prior(self, seeds, temperature):
        return temperature[:, None] * row_normal(seeds, self.latent_dim)

    def decoder_output(self, z, condition=None, training=False):
        return ops.reshape(self.decoder(z), (-1, *self.image_shape))

    def log_likelihood(self, x, logits):
        return bernoulli_log_prob(x, logits)

    def likelihood_mean(self, logits):
        return ops.sigmoid(logits)

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_codes(self, z, name="z"):
        return all_finite(as_vectors(z, self.latent_dim, name=name), name=name)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        own = {"image_shape": self.image_shape, "latent_dim": self.latent_dim}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="toys")
class ToyGAN(models.AdversarialModel):
    """One dense layer for each network."""

    def __init__(self, image_shape, latent_dim, **kwargs):
        super().__init__(image_shape, latent_dim, **kwargs)
        options = {"dtype": self.dtype_policy}
        size = int(np.prod(image_shape))
        generator = [
            keras.Input((latent_dim,)),
            keras.layers.Dense(size, activation="sigmoid", **options),
            keras.layers.Reshape(image_shape, **options),
        ]
        discriminator = [
            keras.Input(image_shape),
            keras.layers.Flatten(**options),
            keras.layers.Dense(1, **options),
        ]
        self.set_networks(
            keras.Sequential(generator), keras.Sequential(discriminator)
        )


@keras.saving.register_keras_serializable(package="toys")
class ToyTranslator(models.MultiOptimizerModel):
    """Images of one domain to another, by a discriminator of patches."""

    loss_names = {"discriminator": "d_loss", "generator": "g_loss"}

    def __init__(self, image_shape, *, filters=4, **kwargs):
        super().__init__(**kwargs)
        self.image_shape, self.filters = tuple(image_shape), filters
        self.generator = self._network(image_shape[-1], "sigmoid")
        self.discriminator = self._network(1, None)
        self.make_means("real_accuracy")
        self.build((None, *image_shape))

    def _network(self, channels, activation):
        conv = keras.layers.Conv2D
        options = {"padding": "same", "dtype": self.dtype_policy}
        inner = conv(self.filters, 3, activation="elu", **options)
        outer = conv(channels, 3, activation=activation, **options)
        return keras.Sequential([keras.Input(self.image_shape), inner, outer])

    @property
    def group_networks(self):
        return {n: [getattr(self, n)] for n in ("discriminator", "generator")}

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets("images of two domains"))
        return self.check_inputs(y, "y")

    def batch_of(self, x, y):
        return {"x": x, "real": y}

    def call(self, x, training=False):
        return ops.cast(self.generator(x, training=training), "float32")

    def discriminator_loss(self, batch, training=True):
        real = ops.cast(self.discriminator(batch["real"]), "float32")
        fake = self.discriminator(ops.stop_gradient(self(batch["x"])))
        d_losses = self.loss_pair.discriminator(real, fake)
        terms = {"real_accuracy": losses.per_example(self.is_real(real))}
        return losses.per_example(d_losses), terms

    def generator_loss(self, batch, training=True):
        fake = self.discriminator(self(batch["x"]))
        return losses.per_example(self.loss_pair.generator(fake)), {}

    def translate(self, x, *, batch_size=64):
        return self.ask("translate", x=x, batch_size=batch_size)

    def endpoints(self):
        x = models.tensor_input(self.image_shape, "images", self.check_inputs)
        return {"translate": models.Endpoint(self.call, {"x": x}, "x")}

    def get_config(self):
        own = {"image_shape": self.image_shape, "filters": self.filters}
        return {**super().get_config(), **own}


SHAPE = (4, 8, 1)
TOYS = {
    "ToyDensity": ModelCase(
        make=lambda **kwargs: ToyDensity(6, stddev=0.2, **kwargs),
        batch=lambda size: categories(size, 6, 2),
        bad_requests=vector_requests(6),
    ),
    "ToyAutoencoder": ModelCase(
        make=lambda **kwargs: ToyAutoencoder(SHAPE, 3, seed=5, **kwargs),
        batch=lambda size: binary_images(size, SHAPE),
        bad_requests=image_requests(SHAPE, 3),
        draws_categories=False,
    ),
    "ToyGAN": ModelCase(
        kind="game",
        make=lambda **kwargs: ToyGAN(SHAPE, 3, seed=5, **kwargs),
        batch=lambda size: binary_images(size, SHAPE),
        bad_requests=game_requests(SHAPE),
    ),
    "ToyTranslator": ModelCase(
        kind="game",
        make=lambda **kwargs: ToyTranslator(SHAPE, filters=3, seed=5, **kwargs),
        batch=lambda size: (
            binary_images(size, SHAPE),
            1.0 - binary_images(size, SHAPE)[:, :, ::-1],
        ),
        bad_requests={"translate": image_requests(SHAPE, 3)["encode"]},
        samples=False,
    ),
}
