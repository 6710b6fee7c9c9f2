import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.adversarial.adversarial_model import AdversarialModel
from keras_genseq.models.adversarial.progressive_networks import (
    ProgressiveDiscriminator,
)
from keras_genseq.models.adversarial.progressive_networks import (
    ProgressiveGenerator,
)
from keras_genseq.models.adversarial.progressive_networks import level_of
from keras_genseq.models.adversarial.progressive_networks import side_of
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.resampling import doubled
from keras_genseq.ops.resampling import halved
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers

# Of the moving mean of how much reals vary.
_MOMENTUM = 0.99


@keras.saving.register_keras_serializable(package="keras_genseq")
class ProgressiveGAN(AdversarialModel):
    """Progressive growing of GANs: from images of 4x4 to large ones.

    A model has one level: at level 0 it draws images of 4x4, at each next one
    of twice the side, by more layers around those of the levels before.
    `grown` makes the model of the next level with the weights of this one. Its
    new layers fade in over the first `fade_updates` updates of training: at a
    share `alpha` of 0 it draws the images of the level before, enlarged, at 1
    its own. `alpha` follows the saved counter of updates, so that a run that is
    taken up again goes on with it. Only the layers up to the level are made.

    Layers learn at equalized rates; every pixel of the generator is normalized,
    as is the noise; the discriminator sees how much the images of a group vary.
    Images that are judged alone, outside of training, are judged as if they
    varied as reals did in training.

    Args:
        image_shape: (height, width, channels) of the highest level: squares
            with a side of 4 times a power of two.
        latent_dim: int. Dimensions of the noise z.
        level: int. The present level, from 0; None is the highest one.
        fade_updates: int. Updates over which the level fades in; 0: it is
            there at once. Level 0 does not fade in.
        base_filters: int. Layers at a side of `4 * 2**i` have
            `base_filters / 2**(i + 1)` filters, ...
        max_filters: int. ... but at most so many.
        negative_slope: float. Of LeakyReLU.
        group_size: int. Of `layers.MinibatchStdDev`.
        label_weight: float. Of how well the discriminator tells the classes of
            reals and fakes, in a conditional model.
        target_slope: float. The slope of the discriminator, by images in
            [-1, 1], that the gradient penalty leaves free.
        halves_slope: bool. Whether that is the slope at level 0, and half of
            it at each next level. A critic of means of 2x2 pixels has half of
            its slope by the pixels themselves: at an `alpha` of 0 it then pays
            what it paid at the level before.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        gradient_penalty_weight: float. Of `losses.gradient_penalty`.
        drift_weight: float. Of `losses.drift_penalty`.
        ema_decay: float, or None. Decay of the generator's average.
        **kwargs: `num_classes`, `noise`, `r1_weight`, `discriminator_updates`,
            `augmentations` and `seed`, as for `AdversarialModel`; and what
            `keras.Model` takes.

    Call arguments:
        x: `(batch_size, side, side, channels)` floats in [0, 1], of the
            level's side, or of that of a higher level, up to `image_shape`:
            those are shrunk, by means of 2x2 pixels.

    Returns:
        `(batch_size,)` float32 logits: positive for what is held real.

    Raises:
        ValueError: if the image's sides are of no such size, there is no such
            level, or an argument has a value that is not listed here.

    Example:

    ```python
    images = np.random.rand(8, 8, 8, 1).astype("float32")
    model = models.ProgressiveGAN((8, 8, 1), 4, level=0, base_filters=16)
    for growing in range(2):
        if growing:
            model = model.grown(fade_updates=1)
        model.compile(
            generator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.0),
            discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.0),
        )
        model.fit(images, batch_size=4, epochs=1, verbose=0)
    samples = model.sample(2, seed=0)
    realness = model.discriminate(images)["realness"]
    ```

    Differences from the paper:
        Fades are counted in updates, not in images. The average of the
        generator's weights forgets those of the level before within some
        updates: its decay grows to `ema_decay`. Groups of `MinibatchStdDev`
        are of neighbors. The authors' code holds the schedule for four updates
        (`minibatch_repeats`) and, on CIFAR-10, updates both networks by one
        function; neither is done here. Images are in [0, 1] outside.

    References:
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196)
    """

    presets = {
        "progressive_gan_1024": Preset(
            config={"image_shape": (1024, 1024, 3), "latent_dim": 512},
            # Generator and discriminator, colors of all nine levels counted.
            num_parameters=23_071_456 + 7_659 + 23_077_073 + 10_176,
            source="Karras et al., 2018, table 2, by the authors' code",
        ),
        "progressive_gan_cifar10": Preset(
            config={
                "image_shape": (32, 32, 3),
                "latent_dim": 128,
                "base_filters": 4096,
                "max_filters": 128,
                "target_slope": 750.0,
            },
            num_parameters=1_295_360 + 1_548 + 1_296_641 + 2_048,
            source="Karras et al., 2018, CIFAR-10, by the authors' code",
        ),
    }

    def __init__(
        self,
        image_shape,
        latent_dim,
        *,
        level=None,
        fade_updates=0,
        base_filters=8192,
        max_filters=512,
        negative_slope=0.2,
        group_size=4,
        label_weight=1.0,
        target_slope=1.0,
        halves_slope=False,
        adversarial_loss="wasserstein",
        gradient_penalty_weight=10.0,
        drift_weight=0.001,
        ema_decay=0.999,
        **kwargs,
    ):
        highest = _highest_level(image_shape)
        level = highest if level is None else as_int(level, "level", minimum=0)
        if level > highest:
            raise ValueError(
                f"Images of {image_shape[0]}x{image_shape[1]} have levels from "
                f"0 to {highest}. Received: level={level}"
            )
        fade_updates = as_int(fade_updates, "fade_updates", minimum=0)
        base_filters, max_filters = check_counts(
            base_filters=base_filters, max_filters=max_filters
        )
        label_weight, target_slope = check_numbers(
            label_weight=label_weight, target_slope=target_slope
        )
        if target_slope == 0.0:
            raise ValueError(
                "`target_slope` must be positive. "
                f"Received: target_slope={target_slope}"
            )
        halves_slope = check_flags(halves_slope=halves_slope)
        super().__init__(
            image_shape,
            latent_dim,
            adversarial_loss=adversarial_loss,
            gradient_penalty_weight=gradient_penalty_weight,
            drift_weight=drift_weight,
            ema_decay=ema_decay,
            **kwargs,
        )
        self.level = level
        self.fade_updates = fade_updates
        self.base_filters = base_filters
        self.max_filters = max_filters
        self.negative_slope = negative_slope
        self.group_size = group_size
        self.label_weight = label_weight
        self.target_slope = target_slope
        self.halves_slope = halves_slope
        self.fades = level > 0 and fade_updates > 0
        sizes = {
            "level": level,
            "channels": self.image_shape[-1],
            "num_classes": self.num_classes,
            "base_filters": base_filters,
            "max_filters": max_filters,
            "negative_slope": negative_slope,
            "fades": self.fades,
            "dtype": self.dtype_policy,
        }
        self.set_networks(
            ProgressiveGenerator(
                latent_dim=self.latent_dim, name="generator", **sizes
            ),
            ProgressiveDiscriminator(
                group_size=group_size, name="discriminator", **sizes
            ),
        )

    def build(self, input_shape):
        super().build(input_shape)
        # A moving mean of how much the reals of a group vary.
        self.variation = self.add_weight(
            name="variation",
            shape=(),
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def sample_shape(self):
        side = side_of(self.level)
        return (side, side, self.image_shape[-1])

    @property
    def free_slope(self):
        """The slope that the gradient penalty leaves free at this level."""
        return self.target_slope / (2**self.level if self.halves_slope else 1)

    @property
    def alpha(self):
        """The share of the highest level, now: float32 scalar; None is 1."""
        if not self.fades:
            return None
        done = ops.clip(self.updates, 0, self.fade_updates)
        return ops.cast(done, "float32") / self.fade_updates

    @property
    def group_networks(self):
        # The colors of lower levels are not trained any more.
        return {
            "discriminator": self.discriminator.used_layers,
            "generator": self.generator.used_layers,
        }

    def grown(self, **overrides):
        """The model of the next level, with all weights that both have.

        Args:
            **overrides: arguments of the constructor that differ from those of
                this model, such as `fade_updates`.

        Returns:
            `ProgressiveGAN`, not compiled: as in the authors' code, optimizers
            begin anew.

        Raises:
            ValueError: if this is the highest level.
        """
        config = {**self.get_config(), "level": self.level + 1, **overrides}
        model = type(self).from_config(config)
        model.load_from(self)
        return model

    def term_names(self):
        own = ["alpha", "variation", "fake_variation"]
        if self.num_classes is not None:
            own += ["class_accuracy", "fake_class_accuracy"]
        return [*super().term_names(), *own]

    def check_inputs(self, x, name="x"):
        side, _, channels = self.sample_shape
        highest = _highest_level(self.image_shape)
        for larger in map(side_of, range(self.level + 1, highest + 1)):
            if tuple(getattr(x, "shape", ()))[1:2] == (larger,):
                x = as_images(x, (larger, larger, channels), name=name)
                while x.shape[1] > side:
                    x = halved(x)
                return x
        return super().check_inputs(x, name)

    def batch_of(self, x, y):
        """Reals fade in as the level does."""
        if self.fades:
            alpha = self.alpha
            x = (1.0 - alpha) * doubled(halved(x)) + alpha * x
        return super().batch_of(x, y)

    def discriminator_loss(self, batch, training=True):
        found, terms = super().discriminator_loss(batch, training)
        alpha = 1.0 if self.alpha is None else self.alpha
        return found, {**terms, "alpha": alpha * ops.ones_like(found)}

    def discriminate_reals(self, real, condition=None, training=False):
        return self._judged(real, condition, training)

    def discriminate_fakes(self, fake, z, condition=None, training=False):
        logits, gain, terms = self._judged(fake, condition, training)
        return logits, gain, {f"fake_{k}": v for k, v in terms.items()}

    def discriminator_logits(self, x, condition=None, training=False):
        return self._judged(x, None, training)[0]

    def images_of_latents(self, z, condition=None):
        # The generator's last layer is linear.
        return ops.clip(super().images_of_latents(z, condition), 0.0, 1.0)

    def update_group(self, group, batch):
        found, terms = super().update_group(group, batch)
        if group == "discriminator":
            context = tf.distribute.get_replica_context()
            values = terms["variation"]
            total, count = context.all_reduce(
                tf.distribute.ReduceOp.SUM,
                [tf.reduce_sum(values), tf.cast(tf.size(values), tf.float32)],
            )
            done = ops.cast(self.updates, "float32")
            share = ops.maximum(1.0 - _MOMENTUM, 1.0 / (1.0 + done))
            variation = ops.cast(total / count, self.variation.dtype)
            share = ops.cast(share, self.variation.dtype)
            self.variation.assign_add(share * (variation - self.variation))
        return found, terms

    def discriminate(self, x, *, batch_size=256):
        """How real the discriminator holds images, each judged alone.

        Args:
            x: `(num_images, side, side, channels)` floats in [0, 1], of the
                level's side or a higher level's.
            batch_size: int. Images judged at once.

        Returns:
            dict of float32 tensors: `logits` and `realness`, their sigmoid,
            `(num_images,)`; of a conditional model also `probabilities` of the
            classes, `(num_images, num_classes)`. A critic's logits say which
            of two images is the more real; they have no fixed zero.
        """
        return self.ask("discriminate", x=x, batch_size=batch_size)

    def verdicts(self, x):
        """What `discriminate` answers."""
        found = self._found(x, training=False)
        answer = {
            "logits": found["logits"],
            "realness": ops.sigmoid(found["logits"]),
        }
        if self.num_classes is not None:
            answer["probabilities"] = ops.softmax(found["class_logits"])
        return answer

    def endpoints(self):
        discriminate = Endpoint(
            self.verdicts,
            {"x": self.example_input()},
            lambda answer, _: answer,
            description="how real the discriminator holds images",
        )
        return {**super().endpoints(), "discriminate": discriminate}

    def get_config(self):
        return {
            **super().get_config(),
            "level": self.level,
            "fade_updates": self.fade_updates,
            "base_filters": self.base_filters,
            "max_filters": self.max_filters,
            "negative_slope": self.negative_slope,
            "group_size": self.group_size,
            "label_weight": self.label_weight,
            "target_slope": self.target_slope,
            "halves_slope": self.halves_slope,
        }

    def _run(self, network, inputs, condition, training, **kwargs):
        return super()._run(
            network, inputs, condition, training, alpha=self.alpha, **kwargs
        )

    def _found(self, x, training):
        variation = None
        if not training:
            variation = ops.convert_to_tensor(self.variation)
        return self.discriminator(x, alpha=self.alpha, variation=variation)

    def _judged(self, x, condition, training):
        """Logits, what telling the class is worth, and terms."""
        found = self._found(x, training)
        terms = {"variation": found["variation"]}
        if condition is None:
            return found["logits"], 0.0, terms
        log_probs = ops.log_softmax(found["class_logits"])
        is_class = ops.one_hot(condition, self.num_classes)
        gain = self.label_weight * ops.sum(is_class * log_probs, axis=-1)
        guessed = ops.argmax(log_probs, axis=-1)
        is_right = ops.cast(guessed, "int32") == ops.cast(condition, "int32")
        terms["class_accuracy"] = ops.cast(is_right, "float32")
        return found["logits"], gain, terms


def _highest_level(image_shape):
    height, width, _ = as_image_shape(image_shape)
    level = level_of(height)
    if not height == width == side_of(level):
        raise ValueError(
            "Images must be square, with a side of 4 times a power of two: 4, "
            "8, 16, 32, ... Resize or pad them. "
            f"Received: image_shape={tuple(image_shape)}"
        )
    return level
