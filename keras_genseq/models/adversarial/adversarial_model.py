"""The base of generators of images that a discriminator trains."""

import warnings

import keras
from keras import ops

from keras_genseq import losses
from keras_genseq.models.base.bounded_slopes import warn_if_unbounded
from keras_genseq.models.base.ema import WeightAverage
from keras_genseq.models.base.ema import check_decay
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import class_condition
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import temperature_input
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.multi_optimizer_model import MultiOptimizerModel
from keras_genseq.models.base.multi_optimizer_model import check_choice
from keras_genseq.models.base.multi_optimizer_model import frozen_statistics
from keras_genseq.models.base.own_networks import check_network
from keras_genseq.ops.augmentation import AUGMENTATIONS
from keras_genseq.ops.augmentation import augment
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import check_numbers

NOISES = ("normal", "uniform")
# Streams of a row's seed; z is drawn from stream 0.
_MIXING_STREAM = 1
# Subclasses have 2, 3 and from 6 on.
_REAL_STREAM = 4
_FAKE_STREAM = 5


class AdversarialModel(MultiOptimizerModel):
    """Turns noise into images that a discriminator takes for real ones.

        min_G max_D  E[log D(x)] + E[log(1 - D(G(z)))]

    A system makes its two networks and hands them to `set_networks`. They see
    images in [0, 1], and classes, if any, as one-hot vectors beside their
    input. In each update the discriminator moves first,
    `discriminator_updates` times on the same reals with new noise; then the
    generator. Reals and fakes go through the discriminator apart, so that a
    batch normalization has statistics of each; moving statistics of the
    generator follow its own updates, those of the discriminator the reals.

    `loss` is the sum of both networks' losses. It tells a run that diverges,
    not one that makes progress: neither loss falls in a game that goes well.
    Whether it goes well shows in other metrics: the logits, their margin and
    the shares of reals and fakes that are judged rightly; the mean distance of
    an image of a batch to the next, of fakes beside that of reals (far less:
    collapse); and, in training, the norm of each network's gradient.

    Args:
        image_shape: (height, width, channels).
        latent_dim: int. Dimensions of the noise z.
        noise: `"normal"`, or `"uniform"` in (-1, 1).
        num_classes: int, or None. With classes the model is conditional: it
            trains on `(x, class)`.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        gradient_penalty_weight: float. Of `losses.gradient_penalty`. Slopes
            are those by images in [-1, 1], as the papers have them.
        r1_weight: float. Of `losses.r1_penalty`, by the same images.
        drift_weight: float. Of `losses.drift_penalty`.
        discriminator_updates: int. For each one of the generator.
        augmentations: sequence of names of `ops.augmentation.augment`. How the
            discriminator sees all images changed by chance, reals and fakes,
            in the updates of both networks: what they hide plays no part, and
            few images are not so soon known by heart.
        ema_decay: float, or None. Decay of an average of the generator's
            weights, which then draws all samples and is what is exported.
        seed: int. Of the noise of training; None draws one.
        **kwargs: passed to `keras.Model`.
    """

    takes_targets = False
    num_classes = None
    loss_names = {"discriminator": "d_loss", "generator": "g_loss"}
    # The slope that the gradient penalty leaves free.
    free_slope = 1.0

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        noise="normal",
        num_classes=None,
        adversarial_loss="non_saturating",
        gradient_penalty_weight=0.0,
        r1_weight=0.0,
        drift_weight=0.0,
        discriminator_updates=1,
        augmentations=(),
        ema_decay=None,
        seed=None,
        **kwargs,
    ):
        image_shape = as_image_shape(image_shape)
        latent_dim, discriminator_updates = check_counts(
            latent_dim=latent_dim, discriminator_updates=discriminator_updates
        )
        num_classes = as_int(
            num_classes, "num_classes", minimum=1, optional=True
        )
        gradient_penalty_weight, r1_weight, drift_weight = check_numbers(
            gradient_penalty_weight=gradient_penalty_weight,
            r1_weight=r1_weight,
            drift_weight=drift_weight,
        )
        check_choice("noise", noise, NOISES)
        for name in augmentations:
            check_choice("augmentations", name, AUGMENTATIONS)
        check_decay(ema_decay)
        super().__init__(seed=seed, adversarial_loss=adversarial_loss, **kwargs)
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.noise = noise
        self.num_classes = num_classes
        self.gradient_penalty_weight = gradient_penalty_weight
        self.r1_weight = r1_weight
        self.drift_weight = drift_weight
        self.discriminator_updates = discriminator_updates
        self.augmentations = tuple(augmentations)
        self.ema_decay = ema_decay
        self.average = self.averaged_generator = None

    def set_networks(self, generator, discriminator):
        """Takes the networks and builds the model.

        Args:
            generator: Keras model of `z`, or of `[z, one_hot]`, to images.
            discriminator: Keras model of images, or of `[x, one_hot]`, to
                `(batch_size, 1)` logits.
        """
        check_network("generator", generator, self.sample_shape)
        check_network("discriminator", discriminator, (1,))
        self.generator = generator
        self.discriminator = discriminator
        self._warn_of_slopes()
        if self.ema_decay is not None:
            self.average = WeightAverage(generator, self.ema_decay)
            self.averaged_generator = self.average.copy
        self.make_means(*self.term_names())
        self.build((None, *self.sample_shape))

    @property
    def sample_shape(self):
        """(height, width, channels) of what is drawn and judged now."""
        return self.image_shape

    def term_names(self):
        """Names of what both training and validation report beside losses."""
        return [
            "real_logit",
            "fake_logit",
            "logit_margin",
            "real_accuracy",
            "fake_accuracy",
            "real_distance",
            "fake_distance",
        ]

    @property
    def networks(self):
        """dict: name -> the Keras model that is a part of this one."""
        networks = {
            "generator": self.generator,
            "discriminator": self.discriminator,
        }
        if self.averaged_generator is not None:
            networks["averaged_generator"] = self.averaged_generator
        return networks

    @property
    def group_networks(self):
        return {
            "discriminator": [self.discriminator],
            "generator": [self.generator],
        }

    @property
    def update_order(self):
        """Algorithm 1 of Goodfellow et al., 2014."""
        return ["discriminator"] * self.discriminator_updates + ["generator"]

    def condition_inputs(self):
        return class_condition(self.num_classes)

    def condition_vectors(self, condition):
        """What the networks get of a condition beside their input, or None."""
        if self.num_classes is None:
            return None
        return ops.one_hot(condition, self.num_classes)

    def check_inputs(self, x, name="x"):
        return as_images(x, self.sample_shape, name=name)

    def batch_of(self, x, y):
        return {"real": x, "condition": y}

    def discriminator_loss(self, batch, training=True):
        """What the discriminator minimizes.

        Args:
            batch: dict of `real`, `condition` and `seeds`.
            training: bool.

        Returns:
            `(batch_size,)` losses and a dict of `(batch_size,)` terms.
        """
        real, condition = batch["real"], batch["condition"]
        z = self.sample_latents(batch["seeds"])
        with frozen_statistics(self.generator):
            fake = ops.stop_gradient(
                self.generate_images(z, condition, training)
            )
        seen = self.seen_reals(batch, training)
        seen_fake = self._seen(fake, batch["seeds"], _FAKE_STREAM, training)
        real_logits, real_gain, real_terms = self.discriminate_reals(
            seen, condition, training
        )
        with frozen_statistics(self.discriminator):
            fake_logits, gain, terms = self.discriminate_fakes(
                seen_fake, z, condition, training
            )
        d_losses = self.loss_pair.discriminator(real_logits, fake_logits) - gain
        d_losses -= real_gain
        if training:
            d_losses += self._penalties(batch, seen, seen_fake, real_logits)
        is_real, is_fake = map(self.is_real, (real_logits, fake_logits))
        return d_losses, {
            **terms,
            **real_terms,
            "real_logit": real_logits,
            "fake_logit": fake_logits,
            "logit_margin": real_logits - fake_logits,
            "real_accuracy": is_real,
            "fake_accuracy": 1.0 - is_fake,
            "real_distance": _distance_to_next(real),
            "fake_distance": _distance_to_next(fake),
        }

    def generator_loss(self, batch, training=True):
        """What the generator minimizes: as `discriminator_loss`."""
        z, condition = self.sample_latents(batch["seeds"]), batch["condition"]
        fake = self.generate_images(z, condition, training)
        fake = self._seen(fake, batch["seeds"], _FAKE_STREAM, training)
        with frozen_statistics(*self.group_networks["discriminator"]):
            fake_logits, gain, terms = self.discriminate_fakes(
                fake, z, condition, training
            )
        return self.loss_pair.generator(fake_logits) - gain, terms

    def discriminate_reals(self, real, condition=None, training=False):
        """What the discriminator makes of reals: as `discriminate_fakes`."""
        return self.discriminator_logits(real, condition, training), 0.0, {}

    def seen_reals(self, batch, training=False):
        """The reals of a batch as the discriminator sees them."""
        return self._seen(batch["real"], batch["seeds"], _REAL_STREAM, training)

    def discriminate_fakes(self, fake, z, condition=None, training=False):
        """What the discriminator's networks make of fakes.

        Args:
            fake: `(batch_size, height, width, channels)`.
            z: what they were made of.
            condition: `(batch_size,)` int32 classes, or None.
            training: bool.

        Returns:
            `(batch_size,)` logits; what both networks gain beside the game,
            `(batch_size,)` or 0; and a dict of `(batch_size,)` terms.
        """
        return self.discriminator_logits(fake, condition, training), 0.0, {}

    def end_update(self):
        """Moves the averaged generator and the counter one update on."""
        if self.average is not None:
            self.average.update(self.updates)
        super().end_update()

    def generate_images(self, z, condition=None, training=False):
        """Images of noise, by the generator that is trained.

        Args:
            z: `(batch_size, latent_dim)`.
            condition: `(batch_size,)` int32 classes, or None.
            training: bool.

        Returns:
            `(batch_size, height, width, channels)` float32 tensor.
        """
        return self._run(self.generator, z, condition, training)

    def discriminator_logits(self, x, condition=None, training=False):
        """The discriminator's logits, `(batch_size,)` float32."""
        return self._run(self.discriminator, x, condition, training)[:, 0]

    def call(self, x, condition=None, training=False):
        return self.discriminator_logits(x, condition, training)

    def sample_latents(self, seeds, temperature=None):
        """Noise of a batch, each row from its own seed.

        Args:
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` float32 tensor by which it is scaled,
                or None.

        Returns:
            `(batch_size, latent_dim)` float32 tensor.
        """
        if self.noise == "uniform":
            z = 2.0 * row_uniform(seeds, self.latent_dim) - 1.0
        else:
            z = row_normal(seeds, self.latent_dim)
        return z if temperature is None else temperature[:, None] * z

    def draw(self, seeds, temperature, condition=None):
        """Samples of a batch: see `sample`."""
        return self.images_of_latents(
            self.sample_latents(seeds, temperature), condition
        )

    def images_of_latents(self, z, condition=None):
        """Images of noise, by the averaged generator if there is one."""
        generator = self.averaged_generator or self.generator
        return self._run(generator, z, condition, training=False)

    def sample(
        self,
        num_samples,
        seed=None,
        *,
        temperature=1.0,
        condition=None,
        batch_size=256,
    ):
        """Draws images.

        Args:
            num_samples: int.
            seed: int, or one int per sample; None draws one. Sample i depends
                on the seed and i alone, not on `num_samples`.
            temperature: float, or one per sample: scales the noise. Below 1,
                samples are likelier to look right and more alike.
            condition: a class, or one per sample, of a conditional model.
            batch_size: int. Samples drawn at once.

        Returns:
            `(num_samples, height, width, channels)` float32 tensor in [0, 1].

        Raises:
            ValueError: if `num_samples` is not positive, `temperature` out of
                range, or a number of values is neither one nor `num_samples`.
        """
        num_samples = check_counts(num_samples=num_samples)
        return self.ask(
            "sample",
            num_samples,
            seed=seed,
            temperature=temperature,
            condition=condition,
            batch_size=batch_size,
        )

    def discriminate(self, x, *, condition=None, batch_size=256):
        """How real the discriminator holds images.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            condition: as for `sample`.
            batch_size: int. Images judged at once.

        Returns:
            dict of `(num_images,)` float32 tensors: `logits`, and `realness`
            in (0, 1), their sigmoid D(x). Where D is at its best it is
            p_data / (p_data + p_G).
        """
        return self.ask(
            "discriminate", x=x, condition=condition, batch_size=batch_size
        )

    def endpoints(self):
        condition = self.condition_inputs()
        return {
            **super().endpoints(),
            "sample": Endpoint(
                self.draw,
                {
                    "seed": seed_input(),
                    "temperature": temperature_input("scales the noise"),
                    **condition,
                },
                "x",
                description="draws images",
            ),
            "discriminate": Endpoint(
                self.discriminator_logits,
                {"x": self.example_input(), **condition},
                lambda logits, _: {
                    "realness": ops.sigmoid(logits),
                    "logits": logits,
                },
                description="how real the discriminator holds images",
            ),
        }

    def example_input(self):
        """The input of an endpoint that reads images."""
        return tensor_input(
            self.sample_shape, "images, in [0, 1]", self.check_inputs
        )

    def compute_output_shape(self, input_shape):
        return (input_shape[0],)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "noise": self.noise,
            "num_classes": self.num_classes,
            "gradient_penalty_weight": self.gradient_penalty_weight,
            "r1_weight": self.r1_weight,
            "drift_weight": self.drift_weight,
            "discriminator_updates": self.discriminator_updates,
            "augmentations": list(self.augmentations),
            "ema_decay": self.ema_decay,
        }

    def _warn_of_slopes(self):
        layers = self.discriminator._flatten_layers()
        normalizations = keras.layers.BatchNormalization
        penalties = self.gradient_penalty_weight or self.r1_weight
        if penalties and any(isinstance(x, normalizations) for x in layers):
            warnings.warn(
                "A penalty of slopes is meant for each example, and the batch "
                "normalization of this discriminator mixes the examples of a "
                "batch. Take another normalization, such as "
                "`keras.layers.LayerNormalization`, or no penalty.",
                stacklevel=4,
            )
        if not penalties:
            warn_if_unbounded(
                self.adversarial_loss,
                [self.discriminator],
                "Set `gradient_penalty_weight` (10 in the paper), or constrain "
                "its kernels.",
                stacklevel=4,
            )

    def _seen(self, x, seeds, stream, training):
        """Images as the discriminator sees them."""
        if not training or not self.augmentations:
            return x
        return augment(x, seeds, self.augmentations, stream=stream)

    def _penalties(self, batch, real, fake, real_logits):
        def critic(x):
            """The discriminator of images in [-1, 1]."""
            with frozen_statistics(self.discriminator):
                return self.discriminator_logits(
                    0.5 * (x + 1.0), batch["condition"], training=True
                )

        real, fake = 2.0 * real - 1.0, 2.0 * fake - 1.0
        total = 0.0
        if self.gradient_penalty_weight:
            mixing = row_uniform(batch["seeds"], 1, stream=_MIXING_STREAM)[:, 0]
            total += self.gradient_penalty_weight * losses.gradient_penalty(
                critic, real, fake, mixing, self.free_slope
            )
        if self.r1_weight:
            total += self.r1_weight * losses.r1_penalty(critic, real)
        if self.drift_weight:
            total += self.drift_weight * losses.drift_penalty(real_logits)
        return total

    def _run(self, network, inputs, condition, training, **kwargs):
        vectors = self.condition_vectors(condition)
        if vectors is not None:
            inputs = [inputs, vectors]
        # Logits and images are float32 under every dtype policy.
        outputs = network(inputs, training=training, **kwargs)
        return ops.cast(outputs, "float32")


def _distance_to_next(x):
    """Euclidean distance of each image of a batch to the next one.

    On replicas the next one in their share: this metric depends on how a batch
    is shared out.
    """
    gaps = ops.square(x - ops.roll(x, 1, axis=0))
    return ops.sqrt(ops.sum(gaps, axis=tuple(range(1, len(x.shape)))))
