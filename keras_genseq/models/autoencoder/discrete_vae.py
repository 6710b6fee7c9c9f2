import math

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import CodebookUsage
from keras_genseq.models.autoencoder.latent_variable_model import (
    LatentVariableModel,
)
from keras_genseq.models.autoencoder.pixel_likelihoods import LIKELIHOODS
from keras_genseq.models.autoencoder.token_networks import make_token_decoder
from keras_genseq.models.autoencoder.token_networks import make_token_encoder
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_token_grids
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.random import row_uniforms
from keras_genseq.ops.sampling import categories_from_uniforms
from keras_genseq.ops.sampling import gumbel_noise
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class DiscreteVAE(LatentVariableModel):
    """Autoencoder of images whose codes are grids of tokens: DALL-E's stage 1.

        p(z) uniform over the codebook,  p(x | z): pixels given the decoder
        q(z | x) = softmax(encoder(x)), for each place of the grid

    Training relaxes the draw of a token: `softmax((logits + g) / tau)` with
    Gumbel noise g, whose temperature tau falls, weighs the vectors of the
    codebook. Everything else, validation included, draws or takes tokens; so
    the likelihood bounds are true ones, of the model that is used afterwards.

    Args:
        image_shape: (height, width, channels).
        num_tokens: int. Size of the codebook.
        filters: sequence of ints. Channels of the groups of residual blocks,
            multiples of 4; between two groups the grid is halved.
        embedding_dim: int. Length of a codebook vector.
        strided: bool. Whether convolutions of 4 x 4 halve and double the grid.
            The paper takes the largest of 2 x 2 values, and repeats values:
            narrow networks draw no detail inside of a token by that.
        likelihood: `"logit_laplace"` (the paper's) or another of
            `keras_genseq.models.VAE`.
        relaxation_temperature: (first, last) temperature tau.
        relaxation_steps: int. Updates over which it falls from the first to
            the last one, along half a cosine.
        beta: float. Weight of the KL term, summed over the grid, beside the
            log-likelihood, summed over pixels and channels.
        kl_annealing_steps: int. Updates over which it rises from 0 to `beta`,
            along half a cosine.
        first_beta: optional float. The weight from which it falls to `beta`
            over these updates instead, geometrically. So tokens come into use
            one after the other; where nothing holds them in use at first, a
            few tokens soon serve for most of what rare patches show.
        **kwargs: passed to `LatentVariableModel`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].

    Returns:
        float32 tensor of the shape of `x`: its reconstruction through its
        likeliest tokens.

    Raises:
        ValueError: if the image cannot be halved often enough, or an argument
            has a value that is not listed here.

    Example:

    ```python
    images = np.random.rand(4, 8, 8, 1).astype("float32")
    model = models.DiscreteVAE((8, 8, 1), 6, filters=(4, 4), embedding_dim=3)
    model.compile("adam")
    model.fit(images, verbose=0)
    tokens = model.encode_tokens(images)
    images = model.decode_tokens(tokens)
    ```

    Differences from the paper: the loss is not divided by the number of pixels,
    which changes nothing but the weight of Adam's epsilon; scales of pixels are
    at least exp(-5); `log_prob` counts the constant log-slope of the paper's
    map of [0, 1] to [0.1, 0.9], so that it is a density of the pixels. Strided
    convolutions, and a weight of the KL term that falls, are not the paper's.

    References:
        - [Ramesh et al., 2021](https://arxiv.org/abs/2102.12092), section 2.1
          and appendix A
        - [Jang et al., 2017](https://arxiv.org/abs/1611.01144)
    """

    presets = {
        "dall_e_dvae": Preset(
            config={"image_shape": (256, 256, 3), "num_tokens": 8192},
            # Encoder 53,786,240, decoder with its codebook 43,829,766.
            num_parameters=97_616_006,
            source="Ramesh et al., 2021, appendix A, and the released model",
        ),
    }
    # A code is a grid, and what is decoded from it an image: few at once.
    codes_at_once = 4

    def __init__(
        self,
        image_shape,
        num_tokens,
        *,
        filters=(256, 512, 1024, 2048),
        embedding_dim=128,
        strided=False,
        likelihood="logit_laplace",
        relaxation_temperature=(1.0, 1.0 / 16.0),
        relaxation_steps=150_000,
        beta=6.6,
        kl_annealing_steps=5_000,
        first_beta=None,
        **kwargs,
    ):
        if likelihood not in LIKELIHOODS:
            raise ValueError(
                f"`likelihood` must be one of {tuple(LIKELIHOODS)}. "
                f"Received: likelihood={likelihood!r}"
            )
        image_shape = as_image_shape(image_shape)
        num_tokens, embedding_dim, relaxation_steps = check_counts(
            num_tokens=num_tokens,
            embedding_dim=embedding_dim,
            relaxation_steps=relaxation_steps,
        )
        height, width, channels = image_shape
        shrinking = 2 ** (len(filters) - 1)
        if not filters or height % shrinking or width % shrinking:
            raise ValueError(
                f"{len(filters)} groups of blocks halve height and width to a "
                f"{shrinking}th: both must be multiples of {shrinking}. Give "
                "other `filters`, or pad the images. Received: "
                f"image_shape={tuple(image_shape)}"
            )
        if any(size < 4 or size % 4 for size in filters):
            raise ValueError(
                "`filters` must be multiples of 4: a block is a fourth as wide "
                f"inside. Received: filters={tuple(filters)}"
            )
        if not min(relaxation_temperature) > 0.0:
            raise ValueError(
                "`relaxation_temperature` must be positive. Received: "
                f"relaxation_temperature={relaxation_temperature}"
            )
        if first_beta is not None and not min(first_beta, beta) > 0.0:
            raise ValueError(
                "A weight that falls geometrically is positive: set `beta` and "
                "`first_beta` above 0, or leave `first_beta` out. Received: "
                f"first_beta={first_beta}, beta={beta}"
            )
        strided = check_flags(strided=strided)
        super().__init__(
            beta=beta, kl_annealing_steps=kl_annealing_steps, **kwargs
        )
        self.image_shape = (height, width, channels)
        # Convolutions would take one image for a batch of rows.
        self.input_spec = keras.layers.InputSpec(
            shape=(None, *self.image_shape)
        )
        self.num_tokens = num_tokens
        self.filters = tuple(filters)
        self.embedding_dim = embedding_dim
        self.strided = strided
        self.likelihood = likelihood
        self.relaxation_temperature = tuple(relaxation_temperature)
        self.relaxation_steps = relaxation_steps
        self.first_beta = first_beta
        self.tokens_shape = (height // shrinking, width // shrinking)

        self.encoder = make_token_encoder(
            self.image_shape,
            num_tokens,
            filters=self.filters,
            strided=strided,
            dtype=self.dtype_policy,
        )
        self.codebook = keras.layers.Dense(
            embedding_dim,
            kernel_initializer=keras.initializers.VarianceScaling(
                distribution="untruncated_normal"
            ),
            # As the logits: the paper keeps both in full precision.
            dtype="float32",
            name="codebook",
        )
        self.codebook.build((None, num_tokens))
        self.decoder = make_token_decoder(
            self.tokens_shape,
            embedding_dim,
            channels * LIKELIHOODS[likelihood].num_parameters,
            filters=self.filters,
            strided=strided,
            dtype=self.dtype_policy,
        )
        self.codebook_usage = CodebookUsage(num_tokens, dtype="float32")
        self.build((None, *self.image_shape))

    @property
    def networks(self):
        """dict: name -> the Keras layer or model that is a part of this."""
        return {
            "encoder": self.encoder,
            "codebook": self.codebook,
            "decoder": self.decoder,
        }

    def posterior(self, x, condition=None, training=False):
        return ops.cast(self.encoder(x, training=training), "float32")

    def relaxed_sample(self, posterior, seeds, num_samples):
        """Relaxed tokens: `(batch_size, num_samples, *grid, num_tokens)`."""
        noise = gumbel_noise(
            row_uniforms(seeds, num_samples, math.prod(posterior.shape[1:]))
        )
        noise = ops.reshape(noise, (-1, num_samples, *posterior.shape[1:]))
        return ops.softmax(
            (posterior[:, None] + noise) / self._temperature(), axis=-1
        )

    def sample_posterior(self, posterior, seeds, num_samples, first=0):
        grid = self.tokens_shape
        uniforms = row_uniforms(
            seeds, num_samples, math.prod(grid), first=first
        )
        return categories_from_uniforms(
            posterior[:, None],
            ops.reshape(uniforms, (-1, num_samples, *grid)),
            ops.ones((1,) * 4, "float32"),
        )

    def posterior_mode(self, posterior):
        return ops.argmax(posterior, axis=-1)

    def log_ratio(self, z, posterior):
        log_q = ops.log_softmax(posterior, axis=-1)[:, None]
        if _are_tokens(z):
            log_q = ops.broadcast_to(log_q, (*ops.shape(z), self.num_tokens))
            log_q = ops.take_along_axis(log_q, z[..., None], axis=-1)
        else:
            log_q = z * log_q
        places = math.prod(self.tokens_shape)
        log_q = ops.sum(log_q, axis=(-3, -2, -1))
        return -places * math.log(self.num_tokens) - log_q

    def kl(self, posterior):
        log_q = ops.log_softmax(posterior, axis=-1)
        kl = ops.exp(log_q) * (log_q + math.log(self.num_tokens))
        return ops.reshape(
            ops.sum(kl, axis=-1), (-1, math.prod(self.tokens_shape))
        )

    def sample_prior(self, seeds, temperature):
        """Tokens drawn evenly: no temperature makes one of them likelier."""
        uniforms = row_uniform(seeds, math.prod(self.tokens_shape))
        tokens = ops.cast(ops.floor(uniforms * self.num_tokens), "int32")
        return ops.reshape(tokens, (-1, *self.tokens_shape))

    def decoder_output(self, z, condition=None, training=False):
        if _are_tokens(z):
            x = ops.take(self.codebook.kernel, z, axis=0) + self.codebook.bias
        else:
            x = self.codebook(z)
        return ops.cast(self.decoder(x, training=training), "float32")

    def log_likelihood(self, x, decoded):
        return LIKELIHOODS[self.likelihood].log_prob(x, decoded)

    def likelihood_mean(self, decoded):
        return LIKELIHOODS[self.likelihood].mean(decoded)

    def posterior_terms(self, posterior):
        return {"codebook_usage": self.posterior_mode(posterior)}

    def encode_tokens(self, x, *, batch_size=64):
        """The most probable token of every position of the grid.

        Args:
            x: `(num_examples, height, width, channels)` floats in [0, 1].
            batch_size: int. Images encoded at once.

        Returns:
            `(num_examples, rows, columns)` int32 tensor.
        """
        return self.encode(x, batch_size=batch_size)

    def decode_tokens(self, tokens, *, batch_size=64):
        """Images of grids of tokens.

        Args:
            tokens: `(num_examples, rows, columns)` ints in `[0, num_tokens)`.
            batch_size: int. Images decoded at once.

        Returns:
            `(num_examples, height, width, channels)` float32 tensor.
        """
        return self.decode(tokens, batch_size=batch_size)

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_codes(self, z, name="z"):
        return as_token_grids(z, self.tokens_shape, self.num_tokens, name=name)

    @property
    def code_spec(self):
        return tf.TensorSpec((None, *self.tokens_shape), tf.int32)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "num_tokens": self.num_tokens,
            "filters": list(self.filters),
            "embedding_dim": self.embedding_dim,
            "strided": self.strided,
            "likelihood": self.likelihood,
            "relaxation_temperature": list(self.relaxation_temperature),
            "relaxation_steps": self.relaxation_steps,
            "first_beta": self.first_beta,
        }

    def _temperature(self):
        first, last = self.relaxation_temperature
        risen = self._half_cosine(self.relaxation_steps)
        return first + (last - first) * risen

    def _kl_weight(self):
        if not self.kl_annealing_steps:
            return self.beta
        if self.first_beta is not None:
            done = ops.cast(self.updates, "float32") / self.kl_annealing_steps
            fall = (self.beta / self.first_beta) ** ops.minimum(done, 1.0)
            return self.first_beta * fall
        return self.beta * self._half_cosine(self.kl_annealing_steps)

    def _half_cosine(self, num_steps):
        """From 0 to 1 along half a cosine, over the first updates."""
        done = ops.cast(self.updates, "float32") / num_steps
        return 0.5 - 0.5 * ops.cos(math.pi * ops.minimum(done, 1.0))


def _are_tokens(z):
    """Whether codes are tokens, or relaxed ones with a weight for each."""
    return keras.backend.is_int_dtype(z.dtype)
