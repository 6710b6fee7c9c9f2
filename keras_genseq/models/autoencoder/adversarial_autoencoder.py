import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq import export
from keras_genseq import losses
from keras_genseq.models.autoencoder.code_priors import GaussianPrior
from keras_genseq.models.autoencoder.networks import make_decoder
from keras_genseq.models.autoencoder.networks import make_encoder
from keras_genseq.models.counted_noise import VALIDATION_STEP
from keras_genseq.models.counted_noise import seeds_of_request
from keras_genseq.models.players import PlayersModel
from keras_genseq.models.players import seeds_of_turn
from keras_genseq.models.presets import Preset
from keras_genseq.models.rows import map_rows
from keras_genseq.ops.checks import all_finite
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.checks import ensure
from keras_genseq.ops.checks import not_empty
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_uniform

POSTERIORS = ("deterministic", "gaussian", "universal")
LABELS = ("none", "prior", "classes")
# Streams of a row's seed for the noise of the encoder and the categories.
_POSTERIOR_STREAM = 4
_CATEGORY_STREAM = 5
_LOG_VAR_RANGE = (-10.0, 10.0)


@keras.saving.register_keras_serializable(package="keras_genseq")
class AdversarialAutoencoder(PlayersModel):
    """Autoencoder whose codes a discriminator takes for draws of a prior.

    Each update has the paper's phases:

    - reconstruction: encoder and decoder minimize 1/2 |x - x'|^2;
    - regularization: the discriminator tells draws of the prior from codes,
      and then the encoder, as the generator, deceives it;
    - with `labels="classes"`, classification: the encoder minimizes the
      cross-entropy of the classes of the examples that have one.

    The prior is anything one can draw from; no density is asked for.

    Args:
        image_shape: (height, width, channels).
        latent_dim: int. Dimensions of a code.
        prior: `CodePrior` of as many dimensions; `GaussianPrior(latent_dim)`
            by default.
        hidden_units: sequence of ints. Widths of the encoder's dense layers;
            the decoder has them in reverse.
        discriminator_units: sequence of ints. Widths of the discriminator's.
        posterior: `"deterministic"` (a code is a function of its image),
            `"gaussian"` (the encoder gives means and log-variances) or
            `"universal"` (the encoder hears noise beside the image).
        noise_dim: int. Dimensions of the noise of `"universal"`.
        labels: `"none"`; `"prior"`: trains on `(x, class)` and matches each
            class to its own part of the prior; `"classes"`: the code has a
            categorical part beside z, with a discriminator of its own, which
            learns from the labels there are. A class of -1 is unknown.
        num_classes: int, or None. Needed with `labels="classes"`, where it is
            also a number of clusters if no example has a label.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        seed: int. Of the noise of training; None draws one.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].

    Returns:
        float32 tensor of the shape of `x`: its reconstruction.

    Raises:
        ValueError: if prior and `latent_dim` disagree, or an argument has a
            value that is not listed here.

    Example:
        model = AdversarialAutoencoder(
            (28, 28, 1), 8, prior=GaussianPrior(8, scale=5.0)
        )
        model.compile(
            autoencoder_optimizer=keras.optimizers.Adam(1e-3),
            discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
            generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
            jit_compile=True,
        )
        model.fit(images, batch_size=100, epochs=50)
        z = model.encode(images)
        model.decode(z), model.sample(16, seed=0)

    Differences from the paper:
        With `labels="classes"` one batch holds examples with and without
        classes. The classes' discriminator and that of z are one player.

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
    }

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        prior=None,
        hidden_units=(1000, 1000),
        discriminator_units=(1000, 1000),
        posterior="deterministic",
        noise_dim=32,
        labels="none",
        num_classes=None,
        adversarial_loss="non_saturating",
        seed=None,
        **kwargs,
    ):
        check_counts(
            image_shape=list(image_shape),
            latent_dim=latent_dim,
            noise_dim=noise_dim,
            num_classes=1 if num_classes is None else num_classes,
        )
        for name, value, choices in (
            ("posterior", posterior, POSTERIORS),
            ("labels", labels, LABELS),
            ("adversarial_loss", adversarial_loss, losses.ADVERSARIAL_LOSSES),
        ):
            if value not in choices:
                raise ValueError(
                    f"`{name}` must be one of {tuple(choices)}. "
                    f"Received: {name}={value!r}"
                )
        if isinstance(prior, dict):
            prior = keras.saving.deserialize_keras_object(prior)
        prior = prior or GaussianPrior(latent_dim)
        if prior.dim != latent_dim:
            raise ValueError(
                "The prior must draw codes of `latent_dim` dimensions. "
                f"Received: latent_dim={latent_dim}, prior.dim={prior.dim}"
            )
        if labels == "prior":
            num_classes = prior.num_classes
        if (labels == "none") != (num_classes is None):
            raise ValueError(
                '`labels="classes"` needs `num_classes`, `labels="prior"` a '
                'prior with classes, and `labels="none"` has none. Received: '
                f"labels={labels!r}, num_classes={num_classes!r}"
            )
        super().__init__(seed=seed, **kwargs)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.prior = prior
        self.hidden_units = tuple(hidden_units)
        self.discriminator_units = tuple(discriminator_units)
        self.posterior = posterior
        self.noise_dim = noise_dim
        self.labels = labels
        self.num_classes = num_classes
        self.adversarial_loss = adversarial_loss
        self.loss_pair = losses.ADVERSARIAL_LOSSES[adversarial_loss]
        # Categories that are a part of the code.
        self.num_categories = num_classes if labels == "classes" else 0

        options = {"activation": "relu", "dtype": self.dtype_policy}
        z_outputs = latent_dim * (2 if posterior == "gaussian" else 1)
        self.encoder = make_encoder(
            self.image_shape,
            z_outputs + self.num_categories,
            hidden_units=self.hidden_units,
            num_classes=noise_dim if posterior == "universal" else None,
            **options,
        )
        self.decoder = make_decoder(
            latent_dim + self.num_categories,
            self.image_shape,
            hidden_units=self.hidden_units,
            **options,
        )
        # One more class: that of unknown classes.
        told = num_classes + 1 if labels == "prior" else 0
        self.discriminator = self._make_discriminator(latent_dim + told, "z")
        self.category_discriminator = None
        if self.num_categories:
            self.category_discriminator = self._make_discriminator(
                self.num_categories, "category"
            )
        self.make_means("code_accuracy")
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        self.add_counter()
        self.built = True

    @property
    def networks(self):
        """dict: name -> the Keras model that is a part of this one."""
        networks = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "discriminator": self.discriminator,
        }
        if self.category_discriminator is not None:
            networks["category_discriminator"] = self.category_discriminator
        return networks

    @property
    def player_networks(self):
        judges = [self.discriminator, self.category_discriminator]
        players = {
            "autoencoder": [self.encoder, self.decoder],
            "discriminator": [n for n in judges if n is not None],
            "generator": [self.encoder],
        }
        if self.num_categories:
            players["classifier"] = [self.encoder]
        return players

    @property
    def player_metrics(self):
        names = {
            "autoencoder": "reconstruction",
            "discriminator": "d_loss",
            "generator": "g_loss",
        }
        if self.num_categories:
            names["classifier"] = "classification"
        return names

    def train_step(self, data):
        """The phases of section 2: reconstruction, regularization, classes."""
        batch = self.batch_of(data, ops.convert_to_tensor(self.updates))
        players = list(self.player_networks)
        total, terms = 0.0, {}
        for number, player in enumerate(players):
            player_losses, player_terms = self.turn(
                player, seeds_of_turn(batch, number, len(players))
            )
            total += player_losses
            terms.update(player_terms)
        self.updates.assign_add(1)
        return self.track(total, terms)

    def test_step(self, data):
        batch = self.batch_of(data, VALIDATION_STEP)
        total, terms = 0.0, {}
        for player, metric in self.player_metrics.items():
            loss_fn = getattr(self, f"{player}_loss")
            terms[metric], more = loss_fn(batch, training=False)
            terms.update(more)
            total += terms[metric]
        return self.track(total, terms)

    def autoencoder_loss(self, batch, training=True):
        """Half the squared error of the reconstruction, summed over pixels."""
        z, categories = self.code_of(batch["x"], batch["seeds"], training)
        decoded = self.decode_code(z, _probabilities(categories), training)
        error = ops.square(batch["x"] - decoded)
        return 0.5 * ops.sum(error, axis=(1, 2, 3)), {}

    def discriminator_loss(self, batch, training=True):
        """Draws of the prior are real, codes are not."""
        z, categories = self.code_of(batch["x"], batch["seeds"], training)
        known = batch["classes"] if self.labels == "prior" else None
        drawn = self.prior.draw(batch["seeds"], known)
        real = self.judge_codes(drawn, known, training)
        fake = self.judge_codes(ops.stop_gradient(z), known, training)
        d_losses = self.loss_pair.discriminator(real, fake)
        # Least squares tells 1 from 0, all others positive from negative.
        middle = 0.5 if self.adversarial_loss == "least_squares" else 0.0
        right = [real > middle, fake < middle]
        accuracy = ops.mean(ops.cast(ops.stack(right), "float32"), axis=0)
        if self.num_categories:
            uniform = self._drawn_categories(batch["seeds"])
            probabilities = ops.stop_gradient(_probabilities(categories))
            d_losses += self.loss_pair.discriminator(
                self._judge_categories(uniform, training),
                self._judge_categories(probabilities, training),
            )
        return d_losses, {"code_accuracy": accuracy}

    def generator_loss(self, batch, training=True):
        """The encoder's, where its codes are to pass for draws."""
        z, categories = self.code_of(batch["x"], batch["seeds"], training)
        known = batch["classes"] if self.labels == "prior" else None
        fake = self.judge_codes(z, known, training)
        g_losses = self.loss_pair.generator(fake)
        if self.num_categories:
            fake = self._judge_categories(_probabilities(categories), training)
            g_losses += self.loss_pair.generator(fake)
        return g_losses, {}

    def classifier_loss(self, batch, training=True):
        """Cross-entropy of known classes; 0 where there is none."""
        _, logits = self.code_of(batch["x"], batch["seeds"], training)
        classes = batch["classes"]
        one_hot = ops.one_hot(ops.maximum(classes, 0), self.num_classes)
        log_prob = ops.sum(one_hot * ops.log_softmax(logits), axis=-1)
        return ops.where(classes < 0, 0.0, -log_prob), {}

    def code_of(self, x, seeds=None, training=False):
        """Codes of images.

        Args:
            x: `(batch_size, height, width, channels)`.
            seeds: `(batch_size,)` int32 tensor from which the posterior draws,
                or None for its centre.
            training: bool.

        Returns:
            `(batch_size, latent_dim)` codes and `(batch_size, num_categories)`
            logits, float32.
        """
        if self.posterior == "universal":
            x = ops.convert_to_tensor(x)
            noise = ops.zeros((ops.shape(x)[0], self.noise_dim))
            if seeds is not None:
                noise = row_normal(
                    seeds, self.noise_dim, stream=_POSTERIOR_STREAM
                )
            x = [x, noise]
        outputs = ops.cast(self.encoder(x, training=training), "float32")
        size = ops.shape(outputs)[-1] - self.num_categories
        z, categories = outputs[:, :size], outputs[:, size:]
        if self.posterior == "gaussian":
            z, z_log_var = ops.split(z, 2, axis=-1)
            z_log_var = ops.clip(z_log_var, *_LOG_VAR_RANGE)
            if seeds is not None:
                z += ops.exp(0.5 * z_log_var) * row_normal(
                    seeds, self.latent_dim, stream=_POSTERIOR_STREAM
                )
        return z, categories

    def decode_code(self, z, categories, training=False):
        """Images of codes and of probabilities of categories."""
        code = ops.concatenate([z, categories], axis=-1)
        logits = self.decoder(code, training=training)
        return ops.sigmoid(ops.cast(logits, "float32"))

    def judge_codes(self, z, classes=None, training=False):
        """The discriminator's logits of codes, `(batch_size,)` float32."""
        if self.labels == "prior":
            if classes is None:
                classes = ops.full((ops.shape(z)[0],), -1, "int32")
            # The last one-hot entry says that the class is unknown.
            known = ops.where(classes < 0, self.num_classes, classes)
            one_hot = ops.one_hot(known, self.num_classes + 1)
            z = ops.concatenate([z, one_hot], axis=-1)
        logits = self.discriminator(z, training=training)
        return ops.cast(logits, "float32")[:, 0]

    def call(self, x, training=False):
        z, categories = self.code_of(x, training=training)
        return self.decode_code(z, _probabilities(categories), training)

    def draw(self, seeds, temperature):
        """Samples of a batch: see `sample`."""
        z = temperature[:, None] * self.prior.draw(seeds)
        return self.decode_code(z, self._drawn_categories(seeds))

    def sample(self, num_samples, seed=None, temperature=1.0, batch_size=256):
        """Draws codes from the prior and decodes them.

        Args:
            num_samples: int.
            seed: int, or one int per sample; None draws one. Sample i depends
                on the seed and i alone, not on `num_samples`.
            temperature: float, or one per sample, by which codes are scaled.
            batch_size: int. Samples drawn at once.

        Returns:
            `(num_samples, height, width, channels)` float32 tensor in (0, 1).
        """
        check_counts(num_samples=num_samples)
        temperature = as_row_values(
            temperature,
            num_samples,
            tf.float32,
            name="temperature",
            minimum=0.0,
        )
        rows = (seeds_of_request(seed, num_samples), temperature)
        return map_rows(self.compile_method(self.draw), rows, batch_size)

    def encode(self, x, batch_size=256):
        """Codes of images, at the centre of their posteriors.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            batch_size: int. Images encoded at once.

        Returns:
            `(num_images, latent_dim + num_categories)` float32 tensor: z, and
            with `labels="classes"` the probabilities of the classes.
        """
        rows = (self.check_inputs(x),)
        return map_rows(self.compile_method(self._encode), rows, batch_size)

    def decode(self, z, batch_size=256):
        """Images of codes as `encode` returns them."""
        rows = (self.check_codes(z),)
        return map_rows(self.compile_method(self._decode), rows, batch_size)

    def reconstruct(self, x, batch_size=256):
        """Images through their codes, of the shape of `x`."""
        rows = (self.check_inputs(x),)
        return map_rows(self.compile_method(self.call), rows, batch_size)

    def discriminate(self, z, batch_size=256):
        """How likely codes are draws of the prior, not codes of images.

        Args:
            z: `(num_codes, latent_dim)`, or codes as `encode` returns them.
            batch_size: int. Codes judged at once.

        Returns:
            `(num_codes,)` float32 tensor in (0, 1).
        """
        z = self.check_codes(z)[:, : self.latent_dim]
        judge = self.compile_method(self.judge_codes)
        return ops.sigmoid(map_rows(judge, (z,), batch_size))

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_codes(self, z, name="z"):
        """Checks codes and returns them as a tensor."""
        size = self.latent_dim + self.num_categories
        return all_finite(as_vectors(z, size, name=name), name=name)

    def check_targets(self, y, num_rows):
        if self.num_classes is None:
            raise ValueError(
                'This model has no classes. Make it with `labels="prior"` or '
                '`labels="classes"`, or leave the targets out.'
            )
        classes = as_row_values(y, num_rows, tf.int32, name="class")
        return ensure(
            classes,
            tf.reduce_all((classes >= -1) & (classes < self.num_classes)),
            f"Classes must be from 0 to {self.num_classes - 1}, or -1 where "
            "they are unknown.",
        )

    def serving_signatures(self):
        """Signatures of the exported model: see `keras_genseq.export`."""
        code_dim = self.latent_dim + self.num_categories
        specs = {
            "x": tf.TensorSpec((None, *self.image_shape), tf.float32),
            "z": tf.TensorSpec((None, code_dim), tf.float32),
            "seed": tf.TensorSpec((None,), tf.int32),
            "temperature": tf.TensorSpec((None,), tf.float32),
        }

        def sample(seed, temperature):
            seed = not_empty(seed, name="seed")
            temperature = as_row_values(
                temperature,
                tf.shape(seed)[0],
                tf.float32,
                name="temperature",
                minimum=0.0,
            )
            return {"x": self.draw(seed, temperature)}

        def discriminate(z):
            z = self.check_codes(z)[:, : self.latent_dim]
            return {"realness": ops.sigmoid(self.judge_codes(z))}

        functions = {
            "sample": (sample, ("seed", "temperature")),
            "encode": (
                lambda x: {"z": self._encode(self.check_inputs(x))},
                ("x",),
            ),
            "decode": (
                lambda z: {"x": self._decode(self.check_codes(z))},
                ("z",),
            ),
            "reconstruct": (
                lambda x: {"x": self.call(self.check_inputs(x))},
                ("x",),
            ),
            "discriminate": (discriminate, ("z",)),
        }
        return {
            name: export.Signature(
                function,
                {i: specs[i] for i in inputs},
                {
                    i: np.zeros(
                        (1, *specs[i].shape[1:]), specs[i].dtype.as_numpy_dtype
                    )
                    for i in inputs
                },
            )
            for name, (function, inputs) in functions.items()
        }

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
            "posterior": self.posterior,
            "noise_dim": self.noise_dim,
            "labels": self.labels,
            # The prior's own, where it has them.
            "num_classes": None if self.labels == "prior" else self.num_classes,
            "adversarial_loss": self.adversarial_loss,
            "seed": self.seed,
        }

    def batch_of(self, data, step):
        """What the losses take: dict of `x`, `classes` and `seeds`."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        seeds = self.seeds_of_batch(data, step)
        classes = ops.full_like(seeds, -1) if y is None else y
        return {"x": x, "classes": classes, "seeds": seeds}

    def _encode(self, x):
        z, categories = self.code_of(x)
        return ops.concatenate([z, _probabilities(categories)], axis=-1)

    def _decode(self, code):
        return self.decode_code(
            code[:, : self.latent_dim], code[:, self.latent_dim :]
        )

    def _judge_categories(self, categories, training):
        logits = self.category_discriminator(categories, training=training)
        return ops.cast(logits, "float32")[:, 0]

    def _drawn_categories(self, seeds):
        """One-hot categories, each equally likely; none of no length."""
        if not self.num_categories:
            return ops.zeros((ops.shape(seeds)[0], 0))
        uniform = row_uniform(seeds, 1, stream=_CATEGORY_STREAM)[:, 0]
        drawn = ops.cast(uniform * self.num_categories, "int32")
        return ops.one_hot(drawn, self.num_categories)

    def _make_discriminator(self, num_inputs, name):
        x = inputs = keras.Input((num_inputs,), name=name)
        for units in self.discriminator_units:
            x = keras.layers.Dense(
                units, activation="relu", dtype=self.dtype_policy
            )(x)
        x = keras.layers.Dense(1, dtype=self.dtype_policy)(x)
        return keras.Model(inputs, x, name=f"{name}_discriminator")


def _probabilities(logits):
    """Softmax of the categories' logits, if there are any."""
    return ops.softmax(logits) if logits.shape[-1] else logits
