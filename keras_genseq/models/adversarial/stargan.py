import keras
import tensorflow as tf
from keras import ops

from keras_genseq import losses
from keras_genseq.models.adversarial.domain_labels import DomainLabels
from keras_genseq.models.adversarial.image_translator import distance
from keras_genseq.models.adversarial.many_domain_translator import (
    ManyDomainTranslator,
)
from keras_genseq.models.adversarial.star_networks import StarNetworks
from keras_genseq.models.base.bounded_slopes import warn_if_unbounded
from keras_genseq.models.base.conditional_update import run_if
from keras_genseq.models.base.ema import WeightAverage
from keras_genseq.models.base.ema import check_decay
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.base.training_seeds import global_rows
from keras_genseq.models.base.training_seeds import rows_of_all_replicas
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.random import seeds_of_rows
from keras_genseq.ops.values import check_numbers

# Streams of a row's seed.
_MIXING_STREAM = 1
_TARGET_STREAM = 2
_MOST_HALVINGS = 6
# What a generator's update reports; others report nothing of it.
_GENERATOR_TERMS = ("reconstruction", "fake_label_loss", "fake_label_accuracy")


@keras.saving.register_keras_serializable(package="keras_genseq")
class StarGAN(ManyDomainTranslator):
    """Translates images between many domains with one generator.

        L_D = -L_adv + lambda_cls E[-log D_cls(c' | x)]
        L_G = L_adv + lambda_cls E[-log D_cls(c | G(x, c))]
            + lambda_rec E|x - G(G(x, c), c')|
        L_adv = E[D_src(x)] - E[D_src(G(x, c))]
            - lambda_gp E(|grad D_src(x^)| - 1)^2

    The generator G hears, beside an image x, the labels c of the domain to
    translate to. The discriminator judges patches (D_src) and reads labels
    (D_cls). In training c are the labels c' of another image of the batch.
    Every step is an update of the discriminator on new images; every fifth one
    is followed by an update of the generator on the same.

    Domains are classes, of which an image has one, or binary attributes, such
    as hair, sex and age. Several sets of labels, of which each image has one,
    train one model together; a mask says which set that is, and labels of
    others are neither heard nor asked for.

    Of `fit`, `y` are ints where domains are classes, and else vectors: 0 or 1
    for each attribute. Rows for several sets are made by `label_vectors`.

    The metric `reconstruction` is the mean distance, per pixel and channel, of
    images to what comes back, in the paper's range [-1, 1]; those named
    `label_accuracy` are shares of the labels that D_cls reads rightly. Metrics
    of the generator are means over the steps that update it.

    Args:
        image_shape: (height, width, channels) of the images that it is trained
            on. Sides are multiples of 4, from 8 on. `translate` takes others,
            too.
        num_domains: int, the number of classes or of attributes; or a list of
            them, one for each set of labels.
        labels: `"classes"` or `"attributes"`, of all sets; or a list, one for
            each set.
        num_blocks: int. Residual blocks of the generator.
        filters: int. Channels of its first layer.
        discriminator_filters: int. Channels of the discriminator's first
            layer; each next one has twice as many.
        num_halvings: int. Layers of the discriminator, each of which halves
            the sides: they are multiples of `2**num_halvings`. By default as
            many as the sides allow, at most the paper's 6.
        classification_weight: float. lambda_cls.
        reconstruction_weight: float. lambda_rec.
        gradient_penalty_weight: float. lambda_gp. Slopes are those of the sum
            of a map of patches, by images in [-1, 1].
        discriminator_updates: int. The paper's n_critic: the generator is
            updated at every so many steps.
        ema_decay: float, or None. Decay of an average of the generator's
            weights, which then translates and is what is exported.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        **kwargs: `seed`, int, of the noise of training; and what `keras.Model`
            takes.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].

    Returns:
        `(batch_size,)` float32 logits: how real the discriminator holds
        images, the mean over its patches.

    Raises:
        ValueError: if sides do not fit the networks, or an argument has a value
            that is not listed here.

    Example:

    ```python
    faces = np.random.rand(8, 16, 16, 3).astype("float32")
    attributes = np.random.randint(0, 2, (8, 2))  # female, young
    model = models.StarGAN(
        (16, 16, 3),
        num_domains=2,
        labels="attributes",
        num_blocks=1,
        filters=4,
        discriminator_filters=4,
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(1e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-4, beta_1=0.5),
    )
    model.fit(faces, attributes, batch_size=4, epochs=1, verbose=0)
    young_women = model.translate(faces, target_domain=[1, 1])
    probabilities = model.classify(young_women)["probabilities"]
    ```

    Differences from the paper:
        Images are in [0, 1] outside; [-1, 1] stays inside, and in distances
        and slopes. As in the authors' code, and not in the text, slopes are
        those of the sum over patches, cross-entropies of attributes are
        summed, and the two heads have no biases. Biases begin at 0; instance
        normalization has no moving statistics. A batch may hold images of
        several sets of labels: target labels then come from the same set.

    References:
        - [Choi et al., 2018](https://arxiv.org/abs/1711.09020)
    """

    loss_names = {"discriminator": "d_loss", "generator": "g_loss"}
    presets = {
        "stargan_celeba_128": Preset(
            config={
                "image_shape": (128, 128, 3),
                "num_domains": 5,
                "labels": "attributes",
            },
            # Generator and discriminator.
            num_parameters=8_430_528 + 44_762_048,
            source="Choi et al., 2018, tables 4 and 5, by the authors' code",
        ),
    }

    def __init__(
        self,
        image_shape,
        num_domains,
        *,
        labels="classes",
        num_blocks=6,
        filters=64,
        discriminator_filters=64,
        num_halvings=None,
        classification_weight=1.0,
        reconstruction_weight=10.0,
        gradient_penalty_weight=10.0,
        discriminator_updates=5,
        ema_decay=None,
        adversarial_loss="wasserstein",
        **kwargs,
    ):
        image_shape = as_image_shape(image_shape)
        num_domains = (
            as_counts(num_domains, "num_domains")
            if isinstance(num_domains, (list, tuple))
            else check_counts(num_domains=num_domains)
        )
        num_blocks, filters = check_counts(
            num_blocks=num_blocks, filters=filters
        )
        discriminator_filters, discriminator_updates = check_counts(
            discriminator_filters=discriminator_filters,
            discriminator_updates=discriminator_updates,
        )
        classification_weight, reconstruction_weight = check_numbers(
            classification_weight=classification_weight,
            reconstruction_weight=reconstruction_weight,
        )
        gradient_penalty_weight = check_numbers(
            gradient_penalty_weight=gradient_penalty_weight
        )
        check_decay(ema_decay)
        domain_labels = DomainLabels(num_domains, labels)
        super().__init__(adversarial_loss=adversarial_loss, **kwargs)
        self.image_shape = image_shape
        self.num_domains = num_domains
        self.labels = labels if isinstance(labels, str) else list(labels)
        self.domain_labels = domain_labels
        self.num_blocks = num_blocks
        self.filters = filters
        self.discriminator_filters = discriminator_filters
        self.classification_weight = classification_weight
        self.reconstruction_weight = reconstruction_weight
        self.gradient_penalty_weight = gradient_penalty_weight
        self.discriminator_updates = discriminator_updates
        self.ema_decay = ema_decay
        self.check_sides("image_shape", image_shape)
        self.num_halvings = _checked_halvings(num_halvings, image_shape)
        networks = StarNetworks(self.dtype_policy)
        self.generator = networks.generator(
            image_shape[2],
            domain_labels.size,
            filters,
            num_blocks,
            "generator",
        )
        self.discriminator = networks.judge(
            image_shape,
            domain_labels.num_labels,
            discriminator_filters,
            self.num_halvings,
            "discriminator",
        )
        if not gradient_penalty_weight:
            warn_if_unbounded(
                adversarial_loss,
                [self.discriminator],
                "Set `gradient_penalty_weight` (10 in the paper).",
            )
        self.average = self.averaged_generator = None
        if ema_decay is not None:
            self.average = WeightAverage(self.generator, ema_decay)
            self.averaged_generator = self.average.copy
        self.make_means(
            *_GENERATOR_TERMS,
            "real_logit",
            "fake_logit",
            "real_label_loss",
            "real_label_accuracy",
        )
        self.build((None, *self.image_shape))

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

    def batch_of(self, x, y):
        return {"x": x, "labels": self.domain_labels.vectors(y)}

    def seeded_batch(self, data, step):
        batch = super().seeded_batch(data, step)
        return {**batch, "targets": self._targets(batch["labels"], step)}

    def train_step(self, data):
        updates = ops.convert_to_tensor(self.updates)
        batch = self.seeded_batch(data, updates)
        d_losses, terms = self.update_group("discriminator", batch)
        is_due = (updates + 1) % self.discriminator_updates == 0
        g_losses, more = run_if(
            is_due, self._generator_turn, _no_turn(batch), batch
        )
        self.end_update()
        share = ops.cast(is_due, "float32")
        more = {
            k: (v, share * ops.ones_like(v, "float32")) for k, v in more.items()
        }
        return self.track(d_losses + g_losses, terms | more)

    def discriminator_loss(self, batch, training=True):
        """What the discriminator minimizes.

        Args:
            batch: dict of `x`, of the vectors `labels` and `targets`, and of
                `seeds`.
            training: bool.

        Returns:
            `(batch_size,)` losses and a dict of `(batch_size,)` terms.
        """
        x, labels = batch["x"], batch["labels"]
        fake = ops.stop_gradient(
            self.run(self.generator, x, batch["targets"], training=training)
        )
        real_map, logits = self.discriminator(x, training=training)
        fake_map, _ = self.discriminator(fake, training=training)
        label_losses = self.domain_labels.losses(logits, labels)
        d_losses = losses.per_example(
            self.loss_pair.discriminator(real_map, fake_map)
        )
        d_losses += self.classification_weight * label_losses
        if training and self.gradient_penalty_weight:
            d_losses += self.gradient_penalty_weight * self._penalty(
                x, fake, batch["seeds"]
            )
        return d_losses, {
            "real_logit": losses.per_example(real_map),
            "fake_logit": losses.per_example(fake_map),
            "real_label_loss": label_losses,
            "real_label_accuracy": self.domain_labels.accuracies(
                logits, labels
            ),
        }

    def generator_loss(self, batch, training=True):
        """What the generator minimizes: as `discriminator_loss`."""
        x, targets = batch["x"], batch["targets"]
        fake = self.run(self.generator, x, targets, training=training)
        back = self.run(
            self.generator, fake, batch["labels"], training=training
        )
        fake_map, logits = self.discriminator(fake, training=training)
        terms = {
            "reconstruction": distance(back, x),
            "fake_label_loss": self.domain_labels.losses(logits, targets),
            "fake_label_accuracy": self.domain_labels.accuracies(
                logits, targets
            ),
        }
        g_losses = losses.per_example(self.loss_pair.generator(fake_map))
        g_losses += self.classification_weight * terms["fake_label_loss"]
        g_losses += self.reconstruction_weight * terms["reconstruction"]
        return g_losses, terms

    def call(self, x, training=False):
        patches, _ = self.discriminator(x, training=training)
        return losses.per_example(patches)

    def compute_output_shape(self, input_shape):
        return (input_shape[0],)

    def get_config(self):
        num_domains = self.num_domains
        if isinstance(num_domains, tuple):
            num_domains = list(num_domains)
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "num_domains": num_domains,
            "labels": self.labels,
            "num_blocks": self.num_blocks,
            "filters": self.filters,
            "discriminator_filters": self.discriminator_filters,
            "num_halvings": self.num_halvings,
            "classification_weight": self.classification_weight,
            "reconstruction_weight": self.reconstruction_weight,
            "gradient_penalty_weight": self.gradient_penalty_weight,
            "discriminator_updates": self.discriminator_updates,
            "ema_decay": self.ema_decay,
        }

    def _generator_turn(self, batch):
        g_losses, terms = self.update_group("generator", batch)
        if self.average is not None:
            self.average.update(self.updates // self.discriminator_updates)
        return g_losses, terms

    def _targets(self, labels, step):
        """Labels of other images of the global batch, of the same set.

        They are the same however many replicas share the batch.
        """
        rows = global_rows(tf.shape(labels)[0])
        labels = rows_of_all_replicas(labels)
        seeds = seeds_of_rows(self.seed, tf.range(tf.shape(labels)[0]), step)
        keys = row_uniform(seeds, 1, stream=_TARGET_STREAM)[:, 0]
        sets = self.domain_labels.sets_of(labels)
        # The places of a set, and its rows in an order by chance.
        places, order = tf.argsort(sets, stable=True), tf.argsort(sets + keys)
        order = tf.gather(order, tf.argsort(places))
        return tf.gather(labels, tf.gather(order, rows))

    def _penalty(self, real, fake, seeds):
        def critic(x):
            """The sum of the patches of images in [-1, 1]."""
            patches, _ = self.discriminator(0.5 * (x + 1.0), training=True)
            return ops.sum(patches, axis=(1, 2, 3))

        return losses.gradient_penalty(
            critic,
            2.0 * real - 1.0,
            2.0 * fake - 1.0,
            row_uniform(seeds, 1, stream=_MIXING_STREAM)[:, 0],
        )


def _no_turn(batch):
    """What a step reports of a generator that it does not update."""
    zeros = ops.zeros_like(batch["x"][:, 0, 0, 0])
    names = ("g_loss", *_GENERATOR_TERMS)
    terms = {"generator_gradient_norm": ops.zeros(())}
    return zeros, dict.fromkeys(names, zeros) | terms


def _checked_halvings(num_halvings, image_shape):
    sides = image_shape[:2]
    if num_halvings is None:
        fitting = range(1, _MOST_HALVINGS + 1)
        return max(n for n in fitting if not any(s % 2**n for s in sides))
    num_halvings = as_int(num_halvings, "num_halvings", minimum=1)
    if any(side % 2**num_halvings for side in sides):
        raise ValueError(
            f"Height and width must be multiples of {2**num_halvings}: "
            f"{num_halvings} layers of the discriminator halve them. Set a "
            "smaller `num_halvings`, or resize the images. Received: "
            f"image_shape={tuple(image_shape)}"
        )
    return num_halvings
