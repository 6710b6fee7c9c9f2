import warnings

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import ActiveUnits
from keras_genseq.models.autoencoder.latent_variable_model import (
    LatentVariableModel,
)
from keras_genseq.models.autoencoder.networks import make_decoder
from keras_genseq.models.autoencoder.networks import make_encoder
from keras_genseq.models.autoencoder.pixel_likelihoods import LIKELIHOODS
from keras_genseq.models.base.own_networks import check_network
from keras_genseq.models.base.own_networks import configs_of
from keras_genseq.models.base.own_networks import with_networks
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.divergences import normal_kl
from keras_genseq.ops.divergences import normal_log_ratio
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_normals
from keras_genseq.ops.values import all_finite

# Beyond these a variance is 0 or infinite to float32's exponential.
_LOG_VAR_RANGE = (-10.0, 10.0)


@keras.saving.register_keras_serializable(package="keras_genseq")
class VAE(LatentVariableModel):
    """Variational autoencoder of images.

        p(z) = N(0, I),  p(x | z): pixels given the decoder's output
        q(z | x) = N(z_mean(x), diag(exp(z_log_var(x)))), by the encoder

    Args:
        image_shape: (height, width, channels).
        latent_dim: int. Dimensions of a code.
        hidden_units: sequence of ints. Widths of the encoder's dense layers;
            the decoder has them in reverse.
        filters: sequence of ints. Channels of convolutions (4 x 4, stride 2)
            in front of the dense layers; none by default.
        activation: of hidden layers.
        encoder: Keras model of the user's own, in place of the one that the
            three arguments before describe: images (or `[images, one-hot
            classes]`) to `(batch_size, 2 * latent_dim)`, the means and the
            logs of the variances.
        decoder: Keras model of the user's own: codes (or `[codes, one-hot
            classes]`) to `(batch_size, height, width, channels)` logits; twice
            the channels, for means and log scales, unless pixels are
            `"bernoulli"`.
        likelihood: `"bernoulli"` (pixels are 0 or 1), `"gaussian"`,
            `"discretized_logistic"` (256 grey levels) or `"logit_laplace"`
            (DALL-E's).
        num_classes: int, or None. With classes the model is conditional,
            p(x | class): it trains on `(x, class)`.
        beta: float. Weight of the KL term.
        **kwargs: `kl_annealing_steps`, `free_bits`, `num_importance_samples`,
            `num_score_samples` and `seed`, as for `LatentVariableModel`; and
            what `keras.Model` takes.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        condition: `(batch_size,)` int32 classes of a conditional model.

    Returns:
        float32 tensor of the shape of `x`: its reconstruction through the mean
        of its code.

    Raises:
        ValueError: if a network has another output, or an argument a value
            that is not listed here.

    Example:

    ```python
    images = np.random.randint(0, 2, (8, 8, 8, 1)).astype("float32")
    model = models.VAE((8, 8, 1), 2, hidden_units=(16,))
    model.compile("adam")
    model.fit(images, verbose=0)
    z = model.encode(images)["z"]
    means, samples = model.decode(z), model.sample(2, seed=0)
    bounds = model.log_prob_bound(images, 10, seed=0)
    ```

    Differences from the paper: none known.

    References:
        - [Kingma & Welling, 2014](https://arxiv.org/abs/1312.6114)
        - [Burda et al., 2016](https://arxiv.org/abs/1509.00519), section 5.1
        - [Higgins et al., 2017](https://openreview.net/forum?id=Sy2fzU9gl)
        - [Sohn et al., 2015](https://papers.nips.cc/paper/5775)
    """

    presets = {
        "vae_mnist": Preset(
            config={"image_shape": (28, 28, 1), "latent_dim": 50},
            # 784-200-200-2*50 and 50-200-200-784, with biases.
            num_parameters=425_284,
            source="Burda et al., 2016, section 5.1: one stochastic layer",
        ),
    }

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        hidden_units=(200, 200),
        filters=(),
        activation="tanh",
        encoder=None,
        decoder=None,
        likelihood="bernoulli",
        num_classes=None,
        beta=1.0,
        **kwargs,
    ):
        if likelihood not in LIKELIHOODS:
            raise ValueError(
                f"`likelihood` must be one of {tuple(LIKELIHOODS)}. "
                f"Received: likelihood={likelihood!r}"
            )
        image_shape = as_image_shape(image_shape)
        latent_dim = check_counts(latent_dim=latent_dim)
        num_classes = as_int(
            num_classes, "num_classes", minimum=1, optional=True
        )
        super().__init__(beta=beta, **kwargs)
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.hidden_units = tuple(hidden_units)
        self.filters = tuple(filters)
        self.activation = activation
        self.likelihood = likelihood
        self.num_classes = num_classes
        self._own_networks = {"encoder": encoder, "decoder": decoder}

        *size, channels = image_shape
        channels *= LIKELIHOODS[likelihood].num_parameters
        options = {
            "hidden_units": self.hidden_units,
            "filters": self.filters,
            "activation": activation,
            "num_classes": num_classes,
            "dtype": self.dtype_policy,
        }
        self.encoder = encoder or make_encoder(
            image_shape, 2 * latent_dim, **options
        )
        self.decoder = decoder or make_decoder(
            latent_dim, (*size, channels), **options
        )
        check_network("encoder", self.encoder, (2 * latent_dim,))
        check_network("decoder", self.decoder, (*size, channels))
        self.active_units = ActiveUnits(latent_dim, dtype="float32")
        self.build((None, *image_shape))

    @property
    def networks(self):
        """dict: name -> the Keras model that is a part of this one."""
        return {"encoder": self.encoder, "decoder": self.decoder}

    def posterior(self, x, condition=None, training=False):
        outputs = self._run(self.encoder, x, condition, training)
        z_mean, z_log_var = ops.split(outputs, 2, axis=-1)
        return z_mean, ops.clip(z_log_var, *_LOG_VAR_RANGE)

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

    def served_codes(self, posterior):
        z_mean, z_log_var = posterior
        return {"z": z_mean, "z_log_var": z_log_var}

    def sample_prior(self, seeds, temperature):
        return temperature[:, None] * row_normal(seeds, self.latent_dim)

    def decoder_output(self, z, condition=None, training=False):
        return self._run(self.decoder, z, condition, training)

    def log_likelihood(self, x, decoded):
        return LIKELIHOODS[self.likelihood].log_prob(x, decoded)

    def likelihood_mean(self, decoded):
        return LIKELIHOODS[self.likelihood].mean(decoded)

    def posterior_terms(self, posterior):
        return {"active_units": posterior[0]}

    def check_inputs(self, x, name="x"):
        x = as_images(x, self.image_shape, name=name)
        if self.likelihood == "bernoulli" and tf.executing_eagerly():
            _warn_of_grey(x, name)
        return x

    def check_codes(self, z, name="z"):
        return all_finite(as_vectors(z, self.latent_dim, name=name), name=name)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "hidden_units": list(self.hidden_units),
            "filters": list(self.filters),
            "activation": keras.saving.serialize_keras_object(self.activation),
            "likelihood": self.likelihood,
            "num_classes": self.num_classes,
            **configs_of(self._own_networks),
        }

    @classmethod
    def from_config(cls, config):
        return super().from_config(
            with_networks(config, "encoder", "decoder", "activation")
        )

    def _run(self, network, inputs, condition, training):
        if self.num_classes is not None:
            one_hot = ops.one_hot(condition, self.num_classes)
            inputs = [inputs, one_hot]
        # Densities are float32 under every dtype policy.
        return ops.cast(network(inputs, training=training), "float32")


def _warn_of_grey(x, name):
    if bool(tf.reduce_any((x != 0.0) & (x != 1.0))):
        warnings.warn(
            f"`{name}` holds grey values, of which `bernoulli` pixels have no "
            "probability: scores of such images are no likelihoods. Binarize "
            'them, or choose another `likelihood`, e.g. "gaussian".',
            stacklevel=3,
        )
