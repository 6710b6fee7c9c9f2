import math

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.autoencoder.code_priors import GaussianPrior
from keras_genseq.models.autoencoder.latent_codes import LatentCodes
from keras_genseq.models.autoencoder.networks import make_critic
from keras_genseq.models.autoencoder.networks import make_decoder
from keras_genseq.models.autoencoder.networks import make_encoder
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.multi_optimizer_model import MultiOptimizerModel
from keras_genseq.models.base.multi_optimizer_model import check_choice
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_classes
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.conversions import check_numbers
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.value_checks import all_finite

POSTERIORS = ("deterministic", "gaussian", "universal")
# Streams of a row's seed for the noise of the encoder and the categories.
_POSTERIOR_STREAM = 4
_CATEGORY_STREAM = 5
_INPUT_STREAM = 6
_LOG_VAR_RANGE = (-10.0, 10.0)


@keras.saving.register_keras_serializable(package="keras_genseq")
class AdversarialAutoencoder(LatentCodes, MultiOptimizerModel):
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
        ValueError: if prior and `latent_dim` disagree, or arguments do not go
            together.

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
            },
            # 784-1000-1000-20, 20-1000-1000-784, and 10-1000-1000-1 twice.
            num_parameters=1_806_020 + 1_806_784 + 2 * 1_013_001,
            source="Makhzani et al., 2016, section 5 and appendix A.2",
        ),
    }

    # The class is for the decoder; the paper's encoder sees the image alone.
    conditional_encoder = False

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
        prior_classes=False,
        num_classes=None,
        num_categories=None,
        cluster_heads=False,
        head_distance=0.0,
        adversarial_loss="non_saturating",
        seed=None,
        **kwargs,
    ):
        image_shape, latent_dim, noise_dim = check_counts(
            image_shape=list(image_shape),
            latent_dim=latent_dim,
            noise_dim=noise_dim,
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
        if prior.dim != latent_dim:
            raise ValueError(
                "The prior must draw codes of `latent_dim` dimensions. "
                f"Received: latent_dim={latent_dim}, prior.dim={prior.dim}"
            )
        if prior_classes and prior.num_classes is None:
            raise ValueError(
                "`prior_classes=True` needs a prior with classes, such as "
                "GaussianMixturePrior. Received: "
                f"prior={type(prior).__name__}"
            )
        uses = (
            prior_classes,
            num_classes is not None,
            num_categories is not None,
        )
        if sum(uses) > 1:
            raise ValueError(
                "The classes of the data have one use: `prior_classes`, "
                "`num_classes` (told to the decoder) or `num_categories` (a "
                f"part of the code). Received: prior_classes={prior_classes}, "
                f"num_classes={num_classes}, num_categories={num_categories}"
            )
        if cluster_heads and num_categories is None:
            raise ValueError(
                "`cluster_heads=True` needs `num_categories`, the clusters."
            )
        super().__init__(seed=seed, adversarial_loss=adversarial_loss, **kwargs)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.prior = prior
        self.hidden_units = tuple(hidden_units)
        self.discriminator_units = tuple(discriminator_units)
        self.posterior_type = posterior_type
        self.noise_dim = noise_dim
        self.input_noise = input_noise
        self.dropout = dropout
        self.prior_classes = prior_classes
        self.num_classes = num_classes
        self.num_categories = num_categories
        self.cluster_heads = cluster_heads
        self.head_distance = head_distance

        categories = num_categories or 0
        self.code_dim = latent_dim + (0 if cluster_heads else categories)
        options = {"activation": "relu", "dtype": self.dtype_policy}
        z_outputs = latent_dim * (2 if posterior_type == "gaussian" else 1)
        self.encoder = make_encoder(
            self.image_shape,
            z_outputs + categories,
            hidden_units=self.hidden_units,
            dropout=dropout,
            num_classes=noise_dim if posterior_type == "universal" else None,
            **options,
        )
        self.decoder = make_decoder(
            self.code_dim,
            self.image_shape,
            hidden_units=self.hidden_units,
            dropout=dropout,
            num_classes=num_classes,
            **options,
        )
        self.heads = None
        if cluster_heads:
            self.heads = keras.layers.Dense(
                latent_dim, use_bias=False, dtype="float32", name="heads"
            )
            self.heads.build((None, categories))
        options["units"] = self.discriminator_units
        # One more class: that of unknown classes.
        told = prior.num_classes + 1 if prior_classes else 0
        self.discriminator = make_critic(latent_dim + told, **options)
        self.category_discriminator = None
        if categories:
            self.category_discriminator = make_critic(categories, **options)
        self.make_means("code_accuracy")
        self.build((None, *self.image_shape))

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
        z, logits = self.code_of(batch["x"], batch["seeds"], training)
        condition = None if self.num_classes is None else batch["classes"]
        decoded = self.decoder_output(
            self.joined(z, logits), condition, training
        )
        error = 0.5 * ops.sum(ops.square(batch["x"] - decoded), axis=(1, 2, 3))
        return error + self._closeness_of_heads(), {}

    def discriminator_loss(self, batch, training=True):
        """Draws of the prior are real, codes are not."""
        z, logits = self.code_of(batch["x"], batch["seeds"], training)
        known = batch["classes"] if self.prior_classes else None
        drawn = self.prior.draw(batch["seeds"], known)
        real = self.code_logits(drawn, known, training)
        fake = self.code_logits(ops.stop_gradient(z), known, training)
        d_losses = self.loss_pair.discriminator(real, fake)
        right = ops.stack([self.is_real(real), 1.0 - self.is_real(fake)])
        accuracy = ops.mean(right, axis=0)
        if self.num_categories:
            probabilities = ops.stop_gradient(ops.softmax(logits))
            d_losses += self.loss_pair.discriminator(
                self.category_logits(
                    self.sample_categories(batch["seeds"]), training
                ),
                self.category_logits(probabilities, training),
            )
        return d_losses, {"code_accuracy": accuracy}

    def generator_loss(self, batch, training=True):
        """The encoder's, where its codes are to pass for draws."""
        z, logits = self.code_of(batch["x"], batch["seeds"], training)
        known = batch["classes"] if self.prior_classes else None
        fake = self.code_logits(z, known, training)
        g_losses = self.loss_pair.generator(fake)
        if self.num_categories:
            fake = self.category_logits(ops.softmax(logits), training)
            g_losses += self.loss_pair.generator(fake)
        return g_losses, {}

    def classifier_loss(self, batch, training=True):
        """Cross-entropy of known classes; 0 where there is none.

        Its mean is that of the examples whose class is known.
        """
        x, classes = batch["labelled"], batch["classes"]
        _, logits = self.code_of(x, batch["seeds"], training)
        one_hot = ops.one_hot(ops.maximum(classes, 0), self.num_categories)
        log_prob = ops.sum(one_hot * ops.log_softmax(logits), axis=-1)
        return ops.where(classes < 0, 0.0, -log_prob), {}

    def group_counts(self, group, batch):
        if group != "classifier":
            return None
        return ops.cast(batch["classes"] >= 0, "float32")

    def code_of(self, x, seeds=None, training=False):
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
                    seeds, self.latent_dim, stream=_POSTERIOR_STREAM
                )
        return z, logits

    def joined(self, z, logits):
        """The code that z and the logits of the categories make."""
        if logits is None:
            return z
        return self.with_categories(z, ops.softmax(logits))

    def code_logits(self, z, classes=None, training=False):
        """The discriminator's logits of z, `(batch_size,)` float32."""
        if self.prior_classes:
            unknown = self.prior.num_classes
            if classes is None:
                classes = ops.full((ops.shape(z)[0],), -1, "int32")
            # The last one-hot entry says that the class is unknown.
            known = ops.where(classes < 0, unknown, classes)
            z = ops.concatenate([z, ops.one_hot(known, unknown + 1)], axis=-1)
        logits = self.discriminator(z, training=training)
        return ops.cast(logits, "float32")[:, 0]

    def category_logits(self, categories, training=False):
        """The other discriminator's logits of categories."""
        logits = self.category_discriminator(categories, training=training)
        return ops.cast(logits, "float32")[:, 0]

    def posterior(self, x, condition=None, training=False):
        return self.joined(*self.code_of(x, training=training))

    def posterior_mode(self, posterior):
        return posterior

    def sample_prior(self, seeds, temperature):
        z = temperature[:, None] * self.prior.draw(seeds)
        if not self.num_categories:
            return z
        return self.with_categories(z, self.sample_categories(seeds))

    def decoder_output(self, z, condition=None, training=False):
        if condition is not None:
            z = [z, ops.one_hot(condition, self.num_classes)]
        logits = self.decoder(z, training=training)
        return ops.sigmoid(ops.cast(logits, "float32"))

    def likelihood_mean(self, decoded):
        return decoded

    @property
    def code_shape(self):
        return (self.code_dim,)

    def discriminate(self, z, *, batch_size=256):
        """How likely z are draws of the prior, not parts of codes of images.

        Args:
            z: `(num_codes, latent_dim)`.
            batch_size: int. Codes judged at once.

        Returns:
            `(num_codes,)` float32 tensor in (0, 1).
        """
        return self.ask("discriminate", z=z, batch_size=batch_size)

    def classify(self, x, *, batch_size=256):
        """Probabilities of the categories: of classes, or of clusters.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            batch_size: int. Images classified at once.

        Returns:
            dict: `probabilities` and `logits`, `(num_images, num_categories)`
            float32 tensors.

        Raises:
            ValueError: if the code has no categorical part.
        """
        if not self.num_categories:
            raise ValueError(
                "This model has no categories. Make it with `num_categories`."
            )
        return self.ask("classify", x=x, batch_size=batch_size)

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_codes(self, z, name="z"):
        return all_finite(as_vectors(z, self.code_dim, name=name), name=name)

    def check_targets(self, y, x):
        if self.num_classes is not None:
            return super().check_targets(y, x)
        if y is None:
            return None
        if self.num_categories and isinstance(y, (tuple, list)):
            labelled, classes = y
            labelled = self.check_inputs(labelled, name="labelled_x")
            return labelled, self._known_classes(classes, num_rows_of(labelled))
        return self._known_classes(y, num_rows_of(x))

    def endpoints(self):
        endpoints = super().endpoints()
        endpoints["discriminate"] = Endpoint(
            self.code_logits,
            {
                "z": tensor_input(
                    (self.latent_dim,),
                    "codes, or draws of the prior",
                    self._check_z,
                )
            },
            lambda logits, _: {"realness": ops.sigmoid(logits)},
            description="how likely codes are draws of the prior",
        )
        if self.num_categories:
            endpoints["classify"] = Endpoint(
                self._category_logits,
                {"x": self.example_input()},
                lambda logits, _: {
                    "probabilities": ops.softmax(logits),
                    "logits": logits,
                },
                description="probabilities of the categories",
            )
        return endpoints

    def with_categories(self, z, probabilities):
        """The code that z and probabilities of the categories make."""
        if self.heads is not None:
            return z + self.heads(probabilities)
        return ops.concatenate([z, probabilities], axis=-1)

    def _category_logits(self, x):
        return self.code_of(x)[1]

    def _check_z(self, z):
        return all_finite(as_vectors(z, self.latent_dim, name="z"), name="z")

    def _known_classes(self, y, num_rows):
        """Checked classes, -1 where they are unknown."""
        count = self.num_categories
        if self.prior_classes:
            count = self.prior.num_classes
        if not count:
            raise ValueError(
                "This model has no use for classes. Make it with "
                "`prior_classes`, `num_classes` or `num_categories`, or leave "
                "the targets out."
            )
        return as_classes(y, num_rows, count, unknown=True, name="y")

    def sample_categories(self, seeds):
        """One-hot categories, each equally likely."""
        uniform = row_uniform(seeds, 1, stream=_CATEGORY_STREAM)[:, 0]
        drawn = ops.cast(uniform * self.num_categories, "int32")
        return ops.one_hot(drawn, self.num_categories)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

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
            "prior_classes": self.prior_classes,
            "num_classes": self.num_classes,
            "num_categories": self.num_categories,
            "cluster_heads": self.cluster_heads,
            "head_distance": self.head_distance,
        }

    def _closeness_of_heads(self):
        """What pairs of heads lack of `head_distance`, summed."""
        if self.heads is None or not self.head_distance:
            return 0.0
        heads = ops.convert_to_tensor(self.heads.kernel)
        difference = heads[:, None] - heads[None, :]
        # The square root has no gradient at 0, the diagonal.
        squares = ops.sum(ops.square(difference), axis=-1) + 1e-12
        lacking = ops.relu(self.head_distance - ops.sqrt(squares))
        return ops.sum(ops.triu(lacking, k=1))
