import keras
from keras import ops

from keras_genseq import losses
from keras_genseq.models.adversarial.image_pool import ImagePool
from keras_genseq.models.adversarial.image_translator import distance
from keras_genseq.models.adversarial.translation_networks import (
    RECEPTIVE_FIELDS,
)
from keras_genseq.models.adversarial.translation_networks import (
    TranslationNetworks,
)
from keras_genseq.models.adversarial.translation_networks import least_size
from keras_genseq.models.adversarial.two_domain_translator import (
    TwoDomainTranslator,
)
from keras_genseq.models.base.bounded_slopes import warn_if_unbounded
from keras_genseq.models.base.multi_optimizer_model import check_choice
from keras_genseq.models.base.presets import Preset
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers

GENERATORS = ("resnet", "unet")
# Images that pass from the generators' turn to the discriminators'.
_FAKES = ("fake_x", "fake_y")


@keras.saving.register_keras_serializable(package="keras_genseq")
class CycleGAN(TwoDomainTranslator):
    """Translates images between two domains, learned without pairs.

        G: X -> Y, F: Y -> X
        min_{G,F} max_{D_X,D_Y}  L_GAN(G, D_Y) + L_GAN(F, D_X)
            + lambda (E|F(G(x)) - x| + E|G(F(y)) - y|)

    Two generators translate, G is `generator_xy` and F is `generator_yx`; two
    discriminators judge patches of what they make. That a translation can be
    translated back keeps what an image shows. In each update the generators
    move first, both together, then the discriminators, on fakes of which half
    come from a pool of earlier ones.

    All networks are convolutional: what is trained on images of one size
    translates those of any size. What changes the shape of things, as from
    dogs to cats, they do not learn; colors and textures they do.

    The metrics `cycle_x` and `cycle_y` are the mean distances, per pixel and
    channel, of images to what comes back, in the paper's range [-1, 1]. The
    losses of the game itself do not tell progress.

    Args:
        image_shape: (height, width, channels) of the images of X that it is
            trained on. Sides are multiples of 4, from 8 on; of a U-Net, of
            `2**num_blocks`.
        target_shape: the same of Y; None is `image_shape`.
        generator: `"resnet"` or `"unet"`.
        num_blocks: int. Residual blocks; of a U-Net, how many times the sides
            are halved. The paper has 9 residual blocks, and 6 for images of
            128x128.
        filters: int. Channels of a generator's first layer.
        discriminator_filters: int. Channels of a discriminator's first layer.
        receptive_field: 1, 16, 34, 70, 142 or 286. Side of the patches that
            the discriminators judge.
        affine: bool. Whether the instance normalizations learn factors and
            offsets.
        cycle_weight: float. lambda.
        identity_weight: float. How much |G(y) - y| and |F(x) - x| count, times
            lambda: colors then stay as they are. Domains of different channels
            need 0.
        pool_size: int. Fakes of each domain that are kept; 0 is off. Replicas
            share them.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        **kwargs: `seed`, int, of the noise of training (which fakes come from
            the pools); and what `keras.Model` takes.

    Call arguments:
        inputs: `(batch_size, height, width, channels)` floats in [0, 1], of X.

    Returns:
        `(batch_size, height, width, target_channels)` float32 tensor in
        [0, 1]: the translation to Y.

    Raises:
        ValueError: if sides or numbers of channels do not fit the networks, or
            an argument has a value that is not listed here.

    Example:

    ```python
    horses = np.random.rand(4, 16, 16, 3).astype("float32")
    zebras = np.random.rand(4, 16, 16, 3).astype("float32")
    model = models.CycleGAN(
        (16, 16, 3),
        num_blocks=2,
        filters=4,
        discriminator_filters=4,
        receptive_field=16,
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
    )
    model.fit(horses, zebras, batch_size=2, epochs=1, verbose=0)
    new_zebras = model.translate(horses)
    new_horses = model.translate(zebras, target_domain=0)
    large = np.random.rand(1, 50, 70, 3).astype("float32")
    translated = model.translate(large, tile_size=32)
    ```

    Differences from the paper:
        Images are in [0, 1] outside; [-1, 1] stays inside, and in the
        distances of the losses. Convolutions with stride 2 of the generators
        have their zeros at the lower right edge, not the upper left one: the
        mirror image of the authors' network. Batches may be larger than 1;
        all of a batch meets the pools as they were before it. With
        `adversarial_loss` other than the paper's least squares, the
        discriminators are not slowed down by a half.

    References:
        - [Zhu et al., 2017](https://arxiv.org/abs/1703.10593)
    """

    loss_names = {"generator": "g_loss", "discriminator": "d_loss"}
    presets = {
        "cyclegan_256": Preset(
            config={"image_shape": (256, 256, 3)},
            # Two generators and two discriminators, with biases.
            num_parameters=2 * 11_378_179 + 2 * 2_764_737,
            source="Zhu et al., 2017, appendix 7.2",
        ),
        "cyclegan_128": Preset(
            config={"image_shape": (128, 128, 3), "num_blocks": 6},
            num_parameters=2 * 7_837_699 + 2 * 2_764_737,
            source="Zhu et al., 2017, appendix 7.2",
        ),
    }

    def __init__(
        self,
        image_shape,
        *,
        target_shape=None,
        generator="resnet",
        num_blocks=9,
        filters=64,
        discriminator_filters=64,
        receptive_field=70,
        affine=False,
        cycle_weight=10.0,
        identity_weight=0.5,
        pool_size=50,
        adversarial_loss="least_squares",
        **kwargs,
    ):
        image_shape = as_image_shape(image_shape)
        target_shape = as_image_shape(
            target_shape or image_shape, "target_shape"
        )
        num_blocks, filters, discriminator_filters = check_counts(
            num_blocks=num_blocks,
            filters=filters,
            discriminator_filters=discriminator_filters,
        )
        cycle_weight, identity_weight = check_numbers(
            cycle_weight=cycle_weight, identity_weight=identity_weight
        )
        pool_size = as_int(pool_size, "pool_size", minimum=0)
        check_choice("generator", generator, GENERATORS)
        check_choice("receptive_field", receptive_field, RECEPTIVE_FIELDS)
        channels = image_shape[2], target_shape[2]
        if identity_weight and channels[0] != channels[1]:
            raise ValueError(
                "What is to stay as it is needs as many channels in both "
                "domains: set `identity_weight` to 0. Received: "
                f"identity_weight={identity_weight}, image_shape="
                f"{tuple(image_shape)}, target_shape={tuple(target_shape)}"
            )
        affine = check_flags(affine=affine)
        super().__init__(adversarial_loss=adversarial_loss, **kwargs)
        self.image_shape = image_shape
        self.target_shape = target_shape
        self.generator = generator
        self.num_blocks = num_blocks
        self.filters = filters
        self.discriminator_filters = discriminator_filters
        self.receptive_field = receptive_field
        self.affine = affine
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool_size = pool_size
        # Sides of images: by what they are divided, and the least.
        self.side_multiple = 4 if generator == "resnet" else 2**num_blocks
        self.least_side = 8 if generator == "resnet" else self.side_multiple
        least = least_size(receptive_field)
        for name, shape in (
            ("image_shape", self.image_shape),
            ("target_shape", self.target_shape),
        ):
            self.check_sides(name, shape)
            if min(shape[:2]) < least:
                raise ValueError(
                    f"Patches of {receptive_field} pixels need images from "
                    f"{least} pixels on. Set a smaller `receptive_field`. "
                    f"Received: {name}={shape}"
                )
        self._make_networks(*channels)
        warn_if_unbounded(
            adversarial_loss,
            [self.discriminator_x, self.discriminator_y],
            "Take another `adversarial_loss`; the paper's is least squares.",
        )
        self.make_means(
            "cycle_x",
            "cycle_y",
            *(["identity_loss"] if identity_weight else []),
            "real_logit",
            "fake_logit",
            "real_accuracy",
            "fake_accuracy",
        )
        self.build((None, *self.image_shape))

    def build(self, input_shape):
        size, (x_shape, y_shape) = self.pool_size, self.shapes
        self.pools = {
            "fake_x": ImagePool(
                self, "pool_x", size, (*y_shape[:2], x_shape[2])
            ),
            "fake_y": ImagePool(
                self, "pool_y", size, (*x_shape[:2], y_shape[2])
            ),
        }
        super().build(input_shape)

    @property
    def group_networks(self):
        return {
            "generator": [self.generator_xy, self.generator_yx],
            "discriminator": [self.discriminator_x, self.discriminator_y],
        }

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets("from images of two domains"))
        return as_images(y, self.target_shape, name="y")

    def batch_of(self, x, y):
        return {"x": x, "y": y}

    def train_step(self, data):
        batch = self.seeded_batch(data, ops.convert_to_tensor(self.updates))
        g_losses, terms = self.update_group("generator", batch)
        fakes = {
            name: self.pools[name].exchange(terms.pop(name), batch["seeds"], i)
            for i, name in enumerate(_FAKES)
        }
        d_losses, more = self.update_group("discriminator", batch | fakes)
        self.end_update()
        return self.track(g_losses + d_losses, terms | more)

    def losses_of(self, batch, training=False):
        group_losses, terms = super().losses_of(batch, training=training)
        return group_losses, {k: terms[k] for k in terms if k not in _FAKES}

    def generator_loss(self, batch, training=True):
        """What the generators minimize.

        Args:
            batch: dict of `x` and `y`, images of both domains.
            training: bool.

        Returns:
            `(batch_size,)` losses; and a dict of `(batch_size,)` terms and of
            the translations, `fake_x` and `fake_y`.
        """
        x, y = batch["x"], batch["y"]
        fake_x = self.run(self.generator_yx, y, training=training)
        fake_y = self.run(self.generator_xy, x, training=training)
        terms = {
            "cycle_x": distance(
                self.run(self.generator_yx, fake_y, training=training), x
            ),
            "cycle_y": distance(
                self.run(self.generator_xy, fake_x, training=training), y
            ),
        }
        g_losses = self.cycle_weight * (terms["cycle_x"] + terms["cycle_y"])
        for network, fake in (
            (self.discriminator_x, fake_x),
            (self.discriminator_y, fake_y),
        ):
            g_losses += self._deception(
                self.run(network, fake, training=training)
            )
        if self.identity_weight:
            terms["identity_loss"] = distance(
                self.run(self.generator_yx, x, training=training), x
            ) + distance(self.run(self.generator_xy, y, training=training), y)
            weight = self.cycle_weight * self.identity_weight
            g_losses += weight * terms["identity_loss"]
        return g_losses, {**terms, "fake_x": fake_x, "fake_y": fake_y}

    def discriminator_loss(self, batch, training=True):
        """What the discriminators minimize.

        Args:
            batch: dict of `x` and `y`; and of `fake_x` and `fake_y`, which are
                made where they are missing.
            training: bool.

        Returns:
            `(batch_size,)` losses and a dict of `(batch_size,)` terms.
        """
        x, y = batch["x"], batch["y"]
        if "fake_x" in batch:
            fake_x, fake_y = batch["fake_x"], batch["fake_y"]
        else:
            fake_x = self.run(self.generator_yx, y, training=training)
            fake_y = self.run(self.generator_xy, x, training=training)
        d_losses, parts = 0.0, []
        for network, real, fake in (
            (self.discriminator_x, x, fake_x),
            (self.discriminator_y, y, fake_y),
        ):
            real = self.run(network, real, training=training)
            fake = self.run(network, ops.stop_gradient(fake), training=training)
            d_losses += self._judgement(real, fake)
            parts.append(
                {
                    "real_logit": real,
                    "fake_logit": fake,
                    "real_accuracy": self.is_real(real),
                    "fake_accuracy": 1.0 - self.is_real(fake),
                }
            )
        terms = {
            name: 0.5 * sum(losses.per_example(part[name]) for part in parts)
            for name in parts[0]
        }
        return d_losses, terms

    def call(self, inputs, training=False):
        return self.run(self.generator_xy, inputs, training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.target_shape[2])

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "target_shape": list(self.target_shape),
            "generator": self.generator,
            "num_blocks": self.num_blocks,
            "filters": self.filters,
            "discriminator_filters": self.discriminator_filters,
            "receptive_field": self.receptive_field,
            "affine": self.affine,
            "cycle_weight": self.cycle_weight,
            "identity_weight": self.identity_weight,
            "pool_size": self.pool_size,
        }

    def _make_networks(self, x_channels, y_channels):
        networks = TranslationNetworks(self.affine, self.dtype_policy)
        for name, channels in (
            ("generator_xy", (x_channels, y_channels)),
            ("generator_yx", (y_channels, x_channels)),
        ):
            make = getattr(networks, self.generator)
            network = make(channels, self.filters, self.num_blocks, name)
            setattr(self, name, network)
        for name, channels in (
            ("discriminator_x", x_channels),
            ("discriminator_y", y_channels),
        ):
            network = networks.discriminator(
                channels, self.discriminator_filters, self.receptive_field, name
            )
            setattr(self, name, network)

    def _deception(self, logits):
        """What generators lose on the logits of fakes."""
        g_losses = losses.per_example(self.loss_pair.generator(logits))
        # The paper's squares are halved for the discriminators alone.
        is_halved = self.adversarial_loss == "least_squares"
        return 2.0 * g_losses if is_halved else g_losses

    def _judgement(self, real, fake):
        """What a discriminator loses: maps of reals and fakes differ in size
        where images of X and Y do, so that each is judged by itself."""
        loss = self.loss_pair.discriminator
        alone = loss(real, 0.0), loss(0.0, fake)
        return sum(map(losses.per_example, alone)) - loss(0.0, 0.0)
