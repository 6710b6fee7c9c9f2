import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.autoencoder.code_priors import GaussianPrior
from keras_genseq.models.autoencoder.matched_codes import POSTERIORS
from keras_genseq.models.autoencoder.matched_codes import MatchedCodes
from keras_genseq.models.autoencoder.networks import make_critic
from keras_genseq.models.autoencoder.networks import make_decoder
from keras_genseq.models.autoencoder.networks import make_encoder
from keras_genseq.models.autoencoder.prior_matched_autoencoder import (
    PriorMatchedAutoencoder,
)
from keras_genseq.models.base.bounded_slopes import warn_if_unbounded
from keras_genseq.models.base.multi_optimizer_model import check_choice
from keras_genseq.models.base.multi_optimizer_model import frozen_statistics
from keras_genseq.models.base.own_networks import check_network
from keras_genseq.models.base.own_networks import configs_of
from keras_genseq.models.base.own_networks import with_networks
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class AdversarialAutoencoder(PriorMatchedAutoencoder):
    """Autoencoder whose codes a discriminator takes for draws of a prior.

    Each update has the paper's phases:

    - reconstruction: encoder and decoder minimize 1/2 |x - x'|^2;
    - regularization: the discriminator tells draws of the prior from codes,
      and then the encoder, as the generator, deceives it;
    - with labelled examples and `num_categories`, classification: the encoder
      minimizes the cross-entropy of their classes.

    The prior is anything one can draw from; no density is asked for. The forms
    of the paper are:

    - basic: none of the arguments below;
    - label-informed prior: `prior_classes=True`, trained on `(x, class)`. Each
      class is matched to its own part of the prior, an unknown one, -1, to all
      of it;
    - supervised: `num_classes`, trained on `(x, class)`. The decoder is told
      the class, and what is left for z is the style;
    - semi-supervised: `num_categories`, trained on `(x, class)` with -1 where
      the class is unknown, or on `(x, (labelled_x, class))`. The code is z and
      a categorical part, with a discriminator of its own;
    - clustering: `num_categories`, trained on `x` alone;
    - dimensionality reduction: either of these with `cluster_heads=True`. The
      code is z + y W: what is left of z lies around the head of its cluster.

    Args:
        image_shape: (height, width, channels).
        latent_dim: int. Dimensions of z.
        prior: `CodePrior` of as many dimensions; `GaussianPrior(latent_dim)`
            by default.
        hidden_units: sequence of ints. Widths of the encoder's dense layers;
            the decoder has them in reverse.
        discriminator_units: sequence of ints. Widths of the discriminators'.
        posterior_type: `"deterministic"` (a code is a function of its image),
            `"gaussian"` (the encoder gives means and log-variances) or
            `"universal"` (the encoder hears noise beside the image).
        noise_dim: int. Dimensions of the noise of `"universal"`.
        input_noise: float. Deviation of the normal noise that training adds to
            the pixels that the encoder sees.
        dropout: float. Share of the hidden units of encoder and decoder that
            training leaves out, drawn by Keras's generators and not from
            `seed`: another number of replicas draws others.
        batch_normalization: bool. Whether the hidden layers of the encoder are
            normalized by their batch, as the paper's are in the
            semi-supervised form; categories collapse without it. What
            inference normalizes by follows the reconstruction.
        encoder: Keras model of the user's own, in place of the one that these
            arguments describe: images (or `[images, noise]` of `"universal"`)
            to vectors: z, or the means and log-variances of `"gaussian"`, and
            behind them the logits of the categories, if any.
        decoder: Keras model of the user's own: codes (or `[codes, one-hot
            classes]`) to `(batch_size, height, width, channels)` logits.
        discriminator: Keras model of the user's own: z, with `prior_classes`
            and a one-hot class behind it whose last entry stands for unknown
            ones, to `(batch_size, 1)` logits.
        category_discriminator: Keras model of the user's own: probabilities of
            the categories to `(batch_size, 1)` logits.
        prior_classes: bool. The prior must have classes.
        num_classes: int, or None.
        num_categories: int, or None.
        cluster_heads: bool.
        head_distance: float. With `cluster_heads`, every pair of heads costs
            what it is closer than this, in units of z.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        seed: int. Of the noise of training; None draws one.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        condition: `(batch_size,)` int32 classes, with `num_classes`.

    Returns:
        float32 tensor of the shape of `x`: its reconstruction.

    Raises:
        ValueError: if prior and `latent_dim` disagree, arguments do not go
            together, or a network has another output.

    Example:

    ```python
    images = np.random.rand(8, 8, 8, 1).astype("float32")
    model = models.AdversarialAutoencoder(
        (8, 8, 1),
        2,
        prior=models.GaussianPrior(2, scale=5.0),
        hidden_units=(16,),
        discriminator_units=(16,),
    )
    model.compile(
        autoencoder_optimizer=keras.optimizers.Adam(1e-3),
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
    )
    model.fit(images, verbose=0)
    z = model.encode(images)
    means, samples = model.decode(z), model.sample(2, seed=0)
    ```

    Differences from the paper:
        The discriminators of z and of the categories have one optimizer. Heads
        cost what they are too close by, whatever the distance of the others.

    References:
        - [Makhzani et al., 2016](https://arxiv.org/abs/1511.05644)
    """

    presets = {
        "aae_mnist": Preset(
            config={
                "image_shape": (28, 28, 1),
                "latent_dim": 8,
                "prior": {
                    "class_name": "keras_genseq>GaussianPrior",
                    "config": {"dim": 8, "scale": 5.0},
                },
            },
            # 784-1000-1000-8, 8-1000-1000-784 and 8-1000-1000-1.
            num_parameters=1_794_008 + 1_794_784 + 1_011_001,
            source="Makhzani et al., 2016, section 3 and appendix A.1",
        ),
        "aae_mnist_semi_supervised": Preset(
            config={
                "image_shape": (28, 28, 1),
                "latent_dim": 10,
                "num_categories": 10,
                "input_noise": 0.3,
                "batch_normalization": True,
            },
            # 784-1000-1000-20, its hidden layers with scales and shifts in
            # place of biases, 20-1000-1000-784, and 10-1000-1000-1 twice.
            num_parameters=1_808_020 + 1_806_784 + 2 * 1_013_001,
            source="Makhzani et al., 2016, section 5 and appendix A.2",
        ),
    }

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        prior=None,
        hidden_units=(1000, 1000),
        discriminator_units=(1000, 1000),
        posterior_type="deterministic",
        noise_dim=32,
        input_noise=0.0,
        dropout=0.0,
        batch_normalization=False,
        encoder=None,
        decoder=None,
        discriminator=None,
        category_discriminator=None,
        prior_classes=False,
        num_classes=None,
        num_categories=None,
        cluster_heads=False,
        head_distance=0.0,
        adversarial_loss="non_saturating",
        seed=None,
        **kwargs,
    ):
        image_shape = as_image_shape(image_shape)
        latent_dim, noise_dim = check_counts(
            latent_dim=latent_dim, noise_dim=noise_dim
        )
        num_classes = as_int(
            num_classes, "num_classes", minimum=1, optional=True
        )
        num_categories = as_int(
            num_categories, "num_categories", minimum=1, optional=True
        )
        check_choice("posterior_type", posterior_type, POSTERIORS)
        input_noise, head_distance = check_numbers(
            input_noise=input_noise, head_distance=head_distance
        )
        if isinstance(prior, dict):
            prior = keras.saving.deserialize_keras_object(prior)
        prior = prior or GaussianPrior(latent_dim)
        batch_normalization, prior_classes, cluster_heads = check_flags(
            batch_normalization=batch_normalization,
            prior_classes=prior_classes,
            cluster_heads=cluster_heads,
        )
        _check_prior(prior, latent_dim, prior_classes)
        _check_uses(prior_classes, num_classes, num_categories)
        if num_categories is None:
            _check_needless(
                cluster_heads=cluster_heads,
                category_discriminator=category_discriminator,
            )
        super().__init__(seed=seed, adversarial_loss=adversarial_loss, **kwargs)
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.prior = prior
        self.hidden_units = tuple(hidden_units)
        self.discriminator_units = tuple(discriminator_units)
        self.posterior_type = posterior_type
        self.noise_dim = noise_dim
        self.input_noise = input_noise
        self.dropout = dropout
        self.batch_normalization = batch_normalization
        self.prior_classes = prior_classes
        self.num_classes = num_classes
        self.num_categories = num_categories
        self.cluster_heads = cluster_heads
        self.head_distance = head_distance

        self._own_networks = {
            "encoder": encoder,
            "decoder": decoder,
            "discriminator": discriminator,
            "category_discriminator": category_discriminator,
        }
        self._make_networks(**self._own_networks)
        self.codes = MatchedCodes(
            self.encoder,
            prior,
            image_shape=self.image_shape,
            posterior_type=posterior_type,
            noise_dim=noise_dim,
            input_noise=input_noise,
            num_categories=num_categories,
            heads=self.heads,
        )
        self._warn_of_slopes()
        self.make_means("code_accuracy")
        self.build((None, *self.image_shape))

    def _make_networks(
        self, encoder, decoder, discriminator, category_discriminator
    ):
        """Takes the user's own networks, and makes those that are missing."""
        categories = self.num_categories or 0
        options = {"activation": "relu", "dtype": self.dtype_policy}
        dense = {
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            **options,
        }
        is_gaussian = self.posterior_type == "gaussian"
        num_outputs = self.latent_dim * (2 if is_gaussian else 1) + categories
        is_universal = self.posterior_type == "universal"
        self.encoder = encoder or make_encoder(
            self.image_shape,
            num_outputs,
            batch_normalization=self.batch_normalization,
            num_classes=self.noise_dim if is_universal else None,
            **dense,
        )
        check_network("encoder", self.encoder, (num_outputs,))
        self.decoder = decoder or make_decoder(
            self.code_dim,
            self.image_shape,
            num_classes=self.num_classes,
            **dense,
        )
        check_network("decoder", self.decoder, self.image_shape)
        self.heads = None
        if self.cluster_heads:
            self.heads = keras.layers.Dense(
                self.latent_dim, use_bias=False, dtype="float32", name="heads"
            )
            self.heads.build((None, categories))
        options["units"] = self.discriminator_units
        # One more class: that of unknown classes.
        told = self.prior.num_classes + 1 if self.prior_classes else 0
        self.discriminator = discriminator or make_critic(
            self.latent_dim + told, **options
        )
        check_network("discriminator", self.discriminator, (1,))
        self.category_discriminator = None
        if categories:
            self.category_discriminator = category_discriminator or make_critic(
                categories, **options
            )
            check_network(
                "category_discriminator", self.category_discriminator, (1,)
            )

    @property
    def networks(self):
        """dict: name -> the Keras layer or model that is a part of this one."""
        networks = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "heads": self.heads,
            "discriminator": self.discriminator,
            "category_discriminator": self.category_discriminator,
        }
        return {k: n for k, n in networks.items() if n is not None}

    @property
    def group_networks(self):
        networks = self.networks
        names = {
            "autoencoder": ("encoder", "decoder", "heads"),
            "discriminator": ("discriminator", "category_discriminator"),
            "generator": ("encoder",),
        }
        if self.num_categories:
            names["classifier"] = ("encoder",)
        return {
            group: [networks[name] for name in own if name in networks]
            for group, own in names.items()
        }

    @property
    def loss_names(self):
        names = {
            "autoencoder": "reconstruction",
            "discriminator": "d_loss",
            "generator": "g_loss",
        }
        if self.num_categories:
            names["classifier"] = "classification"
        return names

    def batch_of(self, x, y):
        if isinstance(y, (tuple, list)):
            labelled, classes = y
        else:
            labelled = x
            unknown = tf.fill(tf.shape(x)[:1], -1)
            classes = unknown if y is None else y
        return {"x": x, "labelled": labelled, "classes": classes}

    def autoencoder_loss(self, batch, training=True):
        """Half the squared error of the reconstruction, summed over pixels."""
        z, logits = self.codes.of_images(batch["x"], batch["seeds"], training)
        condition = None if self.num_classes is None else batch["classes"]
        decoded = self.decoder_output(
            self.codes.joined(z, logits), condition, training
        )
        error = 0.5 * ops.sum(ops.square(batch["x"] - decoded), axis=(1, 2, 3))
        return error + self.codes.closeness_of_heads(self.head_distance), {}

    def discriminator_loss(self, batch, training=True):
        """Draws of the prior are real, codes are not."""
        z, logits = self._rival_codes(batch["x"], batch["seeds"], training)
        known = batch["classes"] if self.prior_classes else None
        drawn = self.prior.draw(batch["seeds"], known)
        real = self.code_logits(drawn, known, training)
        with frozen_statistics(self.discriminator):
            fake = self.code_logits(ops.stop_gradient(z), known, training)
        d_losses = self.loss_pair.discriminator(real, fake)
        right = ops.stack([self.is_real(real), 1.0 - self.is_real(fake)])
        accuracy = ops.mean(right, axis=0)
        if self.num_categories:
            drawn = self.codes.draw_categories(batch["seeds"])
            real = self.category_logits(drawn, training)
            probabilities = ops.stop_gradient(ops.softmax(logits))
            with frozen_statistics(self.category_discriminator):
                fake = self.category_logits(probabilities, training)
            d_losses += self.loss_pair.discriminator(real, fake)
        return d_losses, {"code_accuracy": accuracy}

    def generator_loss(self, batch, training=True):
        """The encoder's, where its codes are to pass for draws."""
        z, logits = self._rival_codes(batch["x"], batch["seeds"], training)
        known = batch["classes"] if self.prior_classes else None
        with frozen_statistics(*self.group_networks["discriminator"]):
            g_losses = self.loss_pair.generator(
                self.code_logits(z, known, training)
            )
            if self.num_categories:
                fake = self.category_logits(ops.softmax(logits), training)
                g_losses += self.loss_pair.generator(fake)
        return g_losses, {}

    def classifier_loss(self, batch, training=True):
        """Cross-entropy of known classes; 0 where there is none.

        Its mean is that of the examples whose class is known.
        """
        x, classes = batch["labelled"], batch["classes"]
        _, logits = self._rival_codes(x, batch["seeds"], training)
        one_hot = ops.one_hot(
            ops.maximum(classes, 0), self.num_categories, dtype=logits.dtype
        )
        log_prob = ops.sum(one_hot * ops.log_softmax(logits), axis=-1)
        return ops.where(classes < 0, 0.0, -log_prob), {}

    def _rival_codes(self, x, seeds, training):
        """Codes as `codes.of_images`, of which no statistics are kept.

        Those of the reconstruction, which sees all images, are kept alone.
        """
        with frozen_statistics(self.encoder):
            return self.codes.of_images(x, seeds, training)

    def group_counts(self, group, batch):
        if group != "classifier":
            return None
        return ops.cast(batch["classes"] >= 0, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "prior": keras.saving.serialize_keras_object(self.prior),
            "hidden_units": list(self.hidden_units),
            "discriminator_units": list(self.discriminator_units),
            "posterior_type": self.posterior_type,
            "noise_dim": self.noise_dim,
            "input_noise": self.input_noise,
            "dropout": self.dropout,
            "batch_normalization": self.batch_normalization,
            **configs_of(self._own_networks),
            "prior_classes": self.prior_classes,
            "num_classes": self.num_classes,
            "num_categories": self.num_categories,
            "cluster_heads": self.cluster_heads,
            "head_distance": self.head_distance,
        }

    @classmethod
    def from_config(cls, config):
        return super().from_config(
            with_networks(
                config,
                "encoder",
                "decoder",
                "discriminator",
                "category_discriminator",
            )
        )

    def _warn_of_slopes(self):
        networks = self.group_networks["discriminator"]
        warn_if_unbounded(
            self.adversarial_loss,
            networks,
            "Pass networks of your own whose kernels are constrained, such as "
            "`discriminator=`, or take another `adversarial_loss`.",
            stacklevel=3,
        )


def _check_prior(prior, latent_dim, prior_classes):
    if prior.dim != latent_dim:
        raise ValueError(
            "The prior must draw codes of `latent_dim` dimensions. "
            f"Received: latent_dim={latent_dim}, prior.dim={prior.dim}"
        )
    if prior_classes and prior.num_classes is None:
        raise ValueError(
            "`prior_classes=True` needs a prior with classes, such as "
            f"GaussianMixturePrior. Received: prior={type(prior).__name__}"
        )


def _check_uses(prior_classes, num_classes, num_categories):
    uses = (prior_classes, num_classes is not None, num_categories is not None)
    if sum(uses) > 1:
        raise ValueError(
            "The classes of the data have one use: `prior_classes`, "
            "`num_classes` (told to the decoder) or `num_categories` (a "
            f"part of the code). Received: prior_classes={prior_classes}, "
            f"num_classes={num_classes}, num_categories={num_categories}"
        )


def _check_needless(**arguments):
    """Refuses what is of use to categories alone."""
    for name, value in arguments.items():
        if value:
            raise ValueError(
                f"`{name}` needs `num_categories`, the clusters or classes. "
                f"Received: {name}={value}, num_categories=None"
            )
