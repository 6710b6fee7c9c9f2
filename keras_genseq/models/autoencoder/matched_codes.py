"""Codes that are matched with a prior: of images, and drawn in their place."""

import math

from keras import ops

from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_uniform

POSTERIORS = ("deterministic", "gaussian", "universal")
# Streams of a row's seed for the noise of the encoder and the categories.
_POSTERIOR_STREAM = 4
_CATEGORY_STREAM = 5
_INPUT_STREAM = 6
_LOG_VAR_RANGE = (-10.0, 10.0)


class MatchedCodes:
    """What an encoder makes of images, and what is drawn in its place.

    A code is z, matched with a prior. With categories it also holds their
    probabilities, matched with one-hot draws: behind z, or, with heads, as the
    head of a cluster around which z lies.

    Args:
        encoder: Keras model of images, or of `[images, noise]` of a
            `"universal"` posterior, to z and the logits of the categories.
        prior: `CodePrior`.
        image_shape: tuple of ints, (height, width, channels).
        posterior_type: `"deterministic"`, `"gaussian"` or `"universal"`.
        noise_dim: int. Dimensions of the noise of `"universal"`.
        input_noise: float. Deviation of the noise on the pixels, in training.
        num_categories: int, or None.
        heads: built `keras.layers.Dense` of categories to z, or None.
    """

    def __init__(
        self,
        encoder,
        prior,
        *,
        image_shape,
        posterior_type,
        noise_dim,
        input_noise,
        num_categories,
        heads,
    ):
        self.encoder = encoder
        self.prior = prior
        self.image_shape = image_shape
        self.posterior_type = posterior_type
        self.noise_dim = noise_dim
        self.input_noise = input_noise
        self.num_categories = num_categories
        self.heads = heads

    def of_images(self, x, seeds=None, training=False):
        """The parts of the codes of images.

        Args:
            x: `(batch_size, height, width, channels)`.
            seeds: `(batch_size,)` int32 tensor from which the posterior draws,
                or None for its centre.
            training: bool.

        Returns:
            z, `(batch_size, latent_dim)` float32, and the logits of the
            categories, `(batch_size, num_categories)`, or None without any.
        """
        x = ops.convert_to_tensor(x)
        if training and self.input_noise:
            noise = row_normal(
                seeds, math.prod(self.image_shape), stream=_INPUT_STREAM
            )
            x = x + self.input_noise * ops.reshape(noise, ops.shape(x))
        if self.posterior_type == "universal":
            noise = ops.zeros((ops.shape(x)[0], self.noise_dim))
            if seeds is not None:
                noise = row_normal(
                    seeds, self.noise_dim, stream=_POSTERIOR_STREAM
                )
            x = [x, noise]
        z = ops.cast(self.encoder(x, training=training), "float32")
        logits = None
        if self.num_categories:
            logits = z[:, -self.num_categories :]
            z = z[:, : -self.num_categories]
        if self.posterior_type == "gaussian":
            z, z_log_var = ops.split(z, 2, axis=-1)
            z_log_var = ops.clip(z_log_var, *_LOG_VAR_RANGE)
            if seeds is not None:
                z += ops.exp(0.5 * z_log_var) * row_normal(
                    seeds, self.prior.dim, stream=_POSTERIOR_STREAM
                )
        return z, logits

    def of_prior(self, seeds, temperature):
        """Codes that are drawn: `(batch_size, code_dim)` float32.

        Args:
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` float32 tensor that scales z.
        """
        z = temperature[:, None] * self.prior.draw(seeds)
        if not self.num_categories:
            return z
        return self.with_categories(z, self.draw_categories(seeds))

    def draw_categories(self, seeds):
        """One-hot categories, each equally likely."""
        uniform = row_uniform(seeds, 1, stream=_CATEGORY_STREAM)[:, 0]
        drawn = ops.cast(uniform * self.num_categories, "int32")
        return ops.one_hot(drawn, self.num_categories)

    def joined(self, z, logits):
        """The code that z and the logits of the categories, if any, make."""
        if logits is None:
            return z
        return self.with_categories(z, ops.softmax(logits))

    def with_categories(self, z, probabilities):
        """The code that z and probabilities of the categories make."""
        if self.heads is not None:
            return z + self.heads(probabilities)
        return ops.concatenate([z, probabilities], axis=-1)

    def closeness_of_heads(self, distance):
        """What pairs of heads lack of a distance, summed.

        Args:
            distance: float, at least 0.

        Returns:
            float32 scalar; 0 without heads.
        """
        if self.heads is None or not distance:
            return 0.0
        heads = ops.convert_to_tensor(self.heads.kernel)
        difference = heads[:, None] - heads[None, :]
        # The square root has no gradient at 0, the diagonal.
        squares = ops.sum(ops.square(difference), axis=-1) + 1e-12
        lacking = ops.relu(distance - ops.sqrt(squares))
        return ops.sum(ops.triu(lacking, k=1))
