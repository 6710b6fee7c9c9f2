"""The base of generators of images that a discriminator trains."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq import losses
from keras_genseq.models.adversarial.generator_and_judge import (
    GeneratorAndJudge,
)
from keras_genseq.models.base.multi_optimizer_model import PlayersModel
from keras_genseq.models.base.multi_optimizer_model import follow
from keras_genseq.models.base.multi_optimizer_model import frozen_copy
from keras_genseq.models.base.multi_optimizer_model import frozen_statistics
from keras_genseq.models.base.multi_optimizer_model import seeds_of_turn
from keras_genseq.models.base.training_seeds import VALIDATION_STEP
from keras_genseq.ops.augmentation import AUGMENTATIONS
from keras_genseq.ops.augmentation import augment
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform

NOISES = ("normal", "uniform")
# Streams of a row's seed; `GeneratorAndJudge` draws z from stream 0.
_MIXING_STREAM = 1
# Subclasses have 2 and 3.
_REAL_STREAM = 4
_FAKE_STREAM = 5


class AdversarialModel(GeneratorAndJudge, PlayersModel):
    """Turns noise into images that a discriminator takes for real ones.

        min_G max_D  E[log D(x)] + E[log(1 - D(G(z)))]

    A system makes its two networks and hands them to `set_networks`. They see
    images in [0, 1], and classes, if any, as one-hot vectors beside their
    input. In each update the discriminator moves first,
    `discriminator_updates` times on the same reals with new noise; then the
    generator. Reals and fakes go through the discriminator apart, so that a
    batch normalization has statistics of each; moving statistics of a network
    follow its own turns alone.

    `loss` is the sum of both players' losses. It tells a run that diverges,
    not one that makes progress: neither loss falls in a game that goes well.
    Whether it goes well shows in other metrics: the logits, their margin and
    the shares of reals and fakes that are judged rightly; the mean distance of
    an image of a batch to the next, of fakes beside that of reals (far less:
    collapse); and, in training, the norm of each player's gradient.

    Args:
        image_shape: (height, width, channels).
        latent_dim: int. Dimensions of the noise z.
        noise: `"normal"`, or `"uniform"` in (-1, 1).
        num_classes: int, or None. With classes the model is conditional: it
            trains on `(x, class)`.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        gradient_penalty_weight: float. Of `losses.gradient_penalty`.
        r1_weight: float. Of `losses.r1_penalty`.
        drift_weight: float. Of `losses.drift_penalty`.
        discriminator_updates: int. For each one of the generator.
        augmentations: sequence of names of `ops.augmentation.augment`. How the
            discriminator sees all images changed by chance, reals and fakes,
            in both turns of training: what they hide plays no part, and few
            images are not so soon known by heart.
        ema_decay: float, or None. Decay of an average of the generator's
            weights, which then draws all samples and is what is exported.
        seed: int. Of the noise of training; None draws one.
        **kwargs: passed to `keras.Model`.
    """

    player_metrics = {"discriminator": "d_loss", "generator": "g_loss"}

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
        image_shape, latent_dim, discriminator_updates = check_counts(
            image_shape=list(image_shape),
            latent_dim=latent_dim,
            discriminator_updates=discriminator_updates,
        )
        num_classes = as_int(
            num_classes, "num_classes", minimum=1, optional=True
        )
        _check_choice("noise", noise, NOISES)
        _check_choice(
            "adversarial_loss", adversarial_loss, losses.ADVERSARIAL_LOSSES
        )
        for name in augmentations:
            _check_choice("augmentations", name, AUGMENTATIONS)
        if ema_decay is not None and not 0.0 <= ema_decay < 1.0:
            raise ValueError(
                "`ema_decay` must be None or in [0, 1). "
                f"Received: ema_decay={ema_decay!r}"
            )
        super().__init__(seed=seed, **kwargs)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.noise = noise
        self.num_classes = num_classes
        self.adversarial_loss = adversarial_loss
        self.gradient_penalty_weight = gradient_penalty_weight
        self.r1_weight = r1_weight
        self.drift_weight = drift_weight
        self.discriminator_updates = discriminator_updates
        self.augmentations = tuple(augmentations)
        self.ema_decay = ema_decay
        self.loss_pair = losses.ADVERSARIAL_LOSSES[adversarial_loss]
        self.averaged_generator = None

    def set_networks(self, generator, discriminator):
        """Takes the networks and builds the model.

        Args:
            generator: Keras model of `z`, or of `[z, one_hot]`, to images.
            discriminator: Keras model of images, or of `[x, one_hot]`, to
                `(batch_size, 1)` logits.
        """
        _check_network("generator", generator, self.image_shape)
        _check_network("discriminator", discriminator, (1,))
        self.generator = generator
        self.discriminator = discriminator
        if self.ema_decay is not None:
            self.averaged_generator = frozen_copy(generator)
        self.make_means(*self.term_names(), *map(_norm_name, self.players))
        self.build((None, *self.image_shape))

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

    def build(self, input_shape):
        self.add_counter()
        self.built = True

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
    def player_networks(self):
        return {
            "discriminator": [self.discriminator],
            "generator": [self.generator],
        }

    def train_step(self, data):
        """Algorithm 1 of Goodfellow et al., 2014."""
        num_turns = self.discriminator_updates + 1
        batch = self.batch_of(data, ops.convert_to_tensor(self.updates))
        for number in range(self.discriminator_updates):
            d_losses, d_terms = self.turn(
                "discriminator", seeds_of_turn(batch, number, num_turns)
            )
        g_losses, g_terms = self.turn(
            "generator", seeds_of_turn(batch, num_turns - 1, num_turns)
        )
        self.end_update()
        return self.track(d_losses + g_losses, {**d_terms, **g_terms})

    def test_step(self, data):
        batch = self.batch_of(data, VALIDATION_STEP)
        logs = self.track(*self.losses_of(batch))
        # Nobody moves, so there are no gradients.
        norms = set(map(_norm_name, self.players))
        return {k: v for k, v in logs.items() if k not in norms}

    def gradient_terms(self, player, grads, scale):
        norm = tf.linalg.global_norm(
            [tf.cast(g, tf.float32) for g in grads if g is not None]
        )
        return {_norm_name(player): norm / scale}

    def losses_of(self, batch, training=False):
        """Losses of both players on a batch, and all terms; no update."""
        d_losses, d_terms = self.discriminator_loss(batch, training)
        g_losses, g_terms = self.generator_loss(batch, training)
        terms = {"d_loss": d_losses, "g_loss": g_losses, **d_terms, **g_terms}
        return d_losses + g_losses, terms

    def discriminator_loss(self, batch, training=True):
        """What the discriminator minimizes.

        Args:
            batch: dict of `real`, `condition` and `seeds`.
            training: bool.

        Returns:
            `(batch_size,)` losses and a dict of `(batch_size,)` terms.
        """
        real, condition = batch["real"], batch["condition"]
        z = self.draw_latents(batch["seeds"])
        with frozen_statistics(self.generator):
            fake = ops.stop_gradient(self.generate(z, condition, training))
        seen = self._seen(real, batch["seeds"], _REAL_STREAM, training)
        seen_fake = self._seen(fake, batch["seeds"], _FAKE_STREAM, training)
        real_logits = self.judge(seen, condition, training)
        fake_logits, gain, terms = self.judge_fake(
            seen_fake, z, condition, training
        )
        d_losses = self.loss_pair.discriminator(real_logits, fake_logits) - gain
        if training:
            d_losses += self._penalties(batch, seen, seen_fake, real_logits)
        is_real, is_fake = map(self._is_real, (real_logits, fake_logits))
        return d_losses, {
            **terms,
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
        z, condition = self.draw_latents(batch["seeds"]), batch["condition"]
        fake = self.generate(z, condition, training)
        fake = self._seen(fake, batch["seeds"], _FAKE_STREAM, training)
        with frozen_statistics(*self.player_networks["discriminator"]):
            fake_logits, gain, terms = self.judge_fake(
                fake, z, condition, training
            )
        return self.loss_pair.generator(fake_logits) - gain, terms

    def judge_fake(self, fake, z, condition=None, training=False):
        """What the discriminator's networks make of fakes.

        Args:
            fake: `(batch_size, height, width, channels)`.
            z: what they were made of.
            condition: `(batch_size,)` int32 classes, or None.
            training: bool.

        Returns:
            `(batch_size,)` logits; what both players gain beside the game,
            `(batch_size,)` or 0; and a dict of `(batch_size,)` terms.
        """
        return self.judge(fake, condition, training), 0.0, {}

    def end_update(self):
        """Moves the averaged generator and the counter one update on."""
        if self.averaged_generator is not None:
            follow(
                self.averaged_generator.weights,
                self.generator.weights,
                self.ema_decay,
                self.updates,
            )
        self.updates.assign_add(1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0],)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "noise": self.noise,
            "num_classes": self.num_classes,
            "adversarial_loss": self.adversarial_loss,
            "gradient_penalty_weight": self.gradient_penalty_weight,
            "r1_weight": self.r1_weight,
            "drift_weight": self.drift_weight,
            "discriminator_updates": self.discriminator_updates,
            "augmentations": list(self.augmentations),
            "ema_decay": self.ema_decay,
            "seed": self.seed,
        }

    def batch_of(self, data, step):
        """What the losses take: dict of `real`, `condition` and `seeds`.

        Raises:
            ValueError: if the data hold weights, or a conditional model finds
                no classes.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(
                "Players do not weigh examples: leave the sample weights out."
            )
        if self.num_classes is not None and y is None:
            self.check_condition(None, tf.shape(x)[0])
        seeds = self.seeds_of_batch(data, step)
        return {"real": x, "condition": y, "seeds": seeds}

    def _seen(self, x, seeds, stream, training):
        """Images as the discriminator sees them."""
        if not training or not self.augmentations:
            return x
        return augment(x, seeds, self.augmentations, stream=stream)

    def _penalties(self, batch, real, fake, real_logits):
        def critic(x):
            with frozen_statistics(self.discriminator):
                return self.judge(x, batch["condition"], training=True)

        total = 0.0
        if self.gradient_penalty_weight:
            mixing = row_uniform(batch["seeds"], 1, stream=_MIXING_STREAM)[:, 0]
            total += self.gradient_penalty_weight * losses.gradient_penalty(
                critic, real, fake, mixing
            )
        if self.r1_weight:
            total += self.r1_weight * losses.r1_penalty(critic, real)
        if self.drift_weight:
            total += self.drift_weight * losses.drift_penalty(real_logits)
        return total

    def _is_real(self, logits):
        # Least squares tells 1 from 0, all others positive from negative.
        middle = 0.5 if self.adversarial_loss == "least_squares" else 0.0
        return ops.cast(logits > middle, "float32")


def _norm_name(player):
    return f"{player}_gradient_norm"


def _distance_to_next(x):
    """Euclidean distance of each image of a batch to the next one."""
    gaps = ops.square(x - ops.roll(x, 1, axis=0))
    return ops.sqrt(ops.sum(gaps, axis=tuple(range(1, len(x.shape)))))


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {tuple(choices)}. "
            f"Received: {name}={value!r}"
        )


def _check_network(name, network, output_shape):
    found = tuple(getattr(network, "output_shape", ()))
    if found[1:] != output_shape:
        raise ValueError(
            f"`{name}` must be a built Keras model with outputs of shape "
            f"{(None, *output_shape)}. Received one with: {found}"
        )
