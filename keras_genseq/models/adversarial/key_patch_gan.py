import keras
from keras import ops

from keras_genseq.models.adversarial.key_patch_networks import KeyPatchNetworks
from keras_genseq.models.adversarial.part_assembler import PartAssembler
from keras_genseq.models.base.bounded_slopes import warn_if_unbounded
from keras_genseq.models.base.ema import WeightAverage
from keras_genseq.models.base.ema import check_decay
from keras_genseq.models.base.multi_optimizer_model import check_choice
from keras_genseq.models.base.multi_optimizer_model import frozen_statistics
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.base.training_seeds import VALIDATION_STEP
from keras_genseq.models.base.training_seeds import next_rows
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.key_parts import cut_out
from keras_genseq.ops.key_parts import has_area
from keras_genseq.ops.key_parts import mask_of_boxes
from keras_genseq.ops.key_parts import mirrored_boxes
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers

# Streams of a row's seed; z is drawn from stream 0.
_FLIP_STREAM = 1
_HIDING_STREAM = 2
_RANGES = {
    "final_share": ("in (0, 1]", lambda value: 0.0 < value <= 1.0),
    "part_dropout": ("in [0, 1)", lambda value: 0.0 <= value < 1.0),
}
MASK_LOSSES = ("l1", "cross_entropy")
_ASSEMBLER = ("encoder", "mask_decoder", "image_decoder")


@keras.saving.register_keras_serializable(package="keras_genseq")
class KeyPatchGAN(PartAssembler):
    """Puts a few parts of a thing together to an image of the whole.

    Parts come without their places and sizes: each patch is enlarged to a whole
    image. An encoder reads them one by one, and what it makes of them is
    summed, so that their order plays no part. A U-Net decodes the sum to a
    mask of where the parts are, a second one the sum, the maps of the first one
    and noise to an image y'.

        L_G = w (|m' - m|_1 + |m' y' - m y|_1) + GAN(y')
        L_D = GAN(y, y') + GAN of composites,  m o + (1 - m) y  and
              m y + (1 - m) o,  which are fakes, too

    y is the image that the parts are of, m the mask of their boxes, o another
    image. The weight w falls, so that at first parts come to their places, and
    then the whole looks real. Nothing but images is needed: boxes are those of
    `ops.key_parts.detect_key_parts`, unless the data bring their own.

    Data are images `x`, or pairs `(x, boxes)`: `(batch_size, num_boxes, 4)`
    integers, (left, top, width, height) in pixels; a box without an area is no
    part. Images alone are given boxes on their way to training: of arrays
    once, of a `tf.data.Dataset` batch by batch.

    The metrics `spatial_loss` and `appearance_loss` are means over pixels, the
    latter in the paper's range [-1, 1].

    Args:
        image_shape: (height, width, channels). Height and width are 4 times
            one power of two, from 8 on.
        num_parts: int. Parts of an image that are detected.
        max_parts: int. The most parts that `assemble` takes.
        filters: int. Channels of the layers next to the image; those farther
            inside have 2, 4 and then 8 times as many.
        code_dim: int. Numbers of the encoder's last layer.
        latent_dim: int. Dimensions of the noise z, uniform in (-1, 1).
        mask_loss: `"l1"`, the paper's distance of masks, or `"cross_entropy"`.
            Most pixels are outside of the parts, and of few updates an L1
            distance learns empty masks.
        spatial_weight: float. w of the mask's distance, summed over an image's
            pixels, at the first update.
        appearance_weight: float. w of the parts' distance, likewise.
        final_share: float in (0, 1]. What both weights fall to: that share of
            the first ones, geometrically.
        decay_steps: int. Steps of training until then. A recipe gives those of
            the whole run.
        part_dropout: float in [0, 1). Probability that a part of an image is
            hidden in training; one is always shown. It prepares for fewer
            parts than `num_parts`.
        flip: bool. Whether half of the images of training are mirrored, with
            their boxes.
        discriminator_updates: int. For each one of the generator.
        adversarial_loss: a key of `keras_genseq.losses.ADVERSARIAL_LOSSES`.
        ema_decay: float, or None. Decay of an average of the generator's
            weights, which then assembles.
        **kwargs: `seed`, int, of the noise of training; and what `keras.Model`
            takes.

    Call arguments:
        inputs: `(batch_size, height, width, channels)` floats in [0, 1].

    Returns:
        Tensor as `inputs`: images assembled from the parts that are detected in
        them, with z = 0.

    Raises:
        ValueError: if the image's sides are of no such size, or an argument is
            out of range.

    Example:

    ```python
    images = np.random.rand(8, 16, 16, 3).astype("float32")
    model = models.KeyPatchGAN((16, 16, 3), filters=4, decay_steps=100)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
    )
    model.fit(images, batch_size=4, epochs=1, verbose=0)
    parts = model.detect_parts(images)["patches"]  # (8, 3, 16, 16, 3)
    whole = model.assemble(parts, seed=0)["x"]
    two = np.array([[True, True, False]] * 8)
    mask = model.assemble(parts, two, seed=0)["mask"]
    ```

    Differences from the paper:
        Boxes come from Sobel's edges, not from EdgeBoxes. Batch normalizations
        of the encoder see all parts of a batch at once, in place of the first
        parts, the second ones, and so on; fakes and composites do not move the
        discriminator's statistics. Weights count sums over an image, not over
        a batch: 0.64 is the authors' 0.01 on their batches of 64, and they fall
        with every step, not every epoch. The discriminator's updates of a step
        see the same images with new noise, and each image is mirrored by its
        own chance. The zeros around strided convolutions are one pixel farther
        to the lower right. Of least squares, a composite costs 1/4 more. Only
        the U-Net of the authors' two generators is here. Parts may be hidden,
        masks learned by their cross-entropy, and weights averaged.

    References:
        - [Lee et al., 2017](https://arxiv.org/abs/1703.10730), and the code of
          its authors
    """

    loss_names = {"discriminator": "d_loss", "generator": "g_loss"}
    presets = {
        f"key_patch_gan_{side}": Preset(
            config={"image_shape": (side, side, 3)},
            # Encoder, mask decoder, image decoder and discriminator, with
            # biases, gammas and betas.
            num_parameters=sum(counts),
            source="Lee et al., 2017; layers by their code",
        )
        for side, counts in (
            (32, (1_554_432, 2_576_833, 4_136_323, 1_034_113)),
            (64, (5_357_056, 9_656_257, 15_016_835, 4_316_545)),
            (128, (11_912_192, 22_764_993, 34_679_171, 10_871_681)),
        )
    }

    def __init__(
        self,
        image_shape,
        *,
        num_parts=3,
        max_parts=5,
        filters=64,
        code_dim=128,
        latent_dim=128,
        mask_loss="l1",
        spatial_weight=0.64,
        appearance_weight=0.64,
        final_share=0.01,
        decay_steps=40_000,
        part_dropout=0.0,
        flip=True,
        discriminator_updates=2,
        ema_decay=None,
        **kwargs,
    ):
        image_shape = as_image_shape(image_shape)
        num_parts, max_parts, filters = check_counts(
            num_parts=num_parts, max_parts=max_parts, filters=filters
        )
        code_dim, latent_dim, decay_steps, discriminator_updates = check_counts(
            code_dim=code_dim,
            latent_dim=latent_dim,
            decay_steps=decay_steps,
            discriminator_updates=discriminator_updates,
        )
        spatial_weight, appearance_weight = check_numbers(
            spatial_weight=spatial_weight, appearance_weight=appearance_weight
        )
        final_share, part_dropout = check_numbers(
            final_share=final_share, part_dropout=part_dropout
        )
        check_decay(ema_decay)
        check_choice("mask_loss", mask_loss, MASK_LOSSES)
        if num_parts > max_parts:
            raise ValueError(
                "`max_parts` must be at least `num_parts`: what is detected is "
                f"to be assembled. Received: num_parts={num_parts}, "
                f"max_parts={max_parts}"
            )
        flip = check_flags(flip=flip)
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.num_parts = num_parts
        self.max_parts = max_parts
        self.filters = filters
        self.code_dim = code_dim
        self.latent_dim = latent_dim
        self.mask_loss = mask_loss
        self.spatial_weight = spatial_weight
        self.appearance_weight = appearance_weight
        self.final_share = final_share
        self.decay_steps = decay_steps
        self.part_dropout = part_dropout
        self.flip = flip
        self.discriminator_updates = discriminator_updates
        self.ema_decay = ema_decay
        for name, (words, is_right) in _RANGES.items():
            value = getattr(self, name)
            if not is_right(value):
                raise ValueError(
                    f"`{name}` must be {words}. Received: {name}={value!r}"
                )
        networks = KeyPatchNetworks(
            self.image_shape, filters, code_dim, latent_dim, self.dtype_policy
        )
        for name in (*_ASSEMBLER, "discriminator"):
            setattr(self, name, getattr(networks, name)())
        warn_if_unbounded(
            self.adversarial_loss,
            [self.discriminator],
            "Take another `adversarial_loss`, such as the paper's.",
        )
        self.averages = [
            WeightAverage(getattr(self, name), ema_decay)
            for name in (_ASSEMBLER if ema_decay is not None else ())
        ]
        self.averaged_networks = [average.copy for average in self.averages]
        self.make_means(
            "spatial_loss",
            "appearance_loss",
            "real_logit",
            "fake_logit",
            "composite_logit",
            "real_accuracy",
            "fake_accuracy",
            "composite_accuracy",
        )
        self.build((None, *self.image_shape))

    @property
    def networks(self):
        """dict: name -> the Keras model that is a part of this one."""
        found = {n: getattr(self, n) for n in (*_ASSEMBLER, "discriminator")}
        for name, copy in zip(_ASSEMBLER, self.averaged_networks, strict=False):
            found[f"averaged_{name}"] = copy
        return found

    @property
    def group_networks(self):
        return {
            "discriminator": [self.discriminator],
            "generator": [getattr(self, name) for name in _ASSEMBLER],
        }

    @property
    def update_order(self):
        return ["discriminator"] * self.discriminator_updates + ["generator"]

    def batch_of(self, x, y):
        return {"real": x, "boxes": self.find_boxes(x) if y is None else y}

    def seeded_batch(self, data, step):
        batch = super().seeded_batch(data, step)
        x, boxes, seeds = batch["real"], batch["boxes"], batch["seeds"]
        validity = has_area(boxes)
        # The number of an update is a tensor.
        if step is not VALIDATION_STEP:
            if self.flip:
                x, boxes = _flipped(x, boxes, seeds)
            validity = _shown(validity, seeds, self.part_dropout)
        # A hidden part shows and covers what the first shown one does: it has
        # no statistics of its own.
        first = ops.argmax(ops.cast(validity, "int32"), axis=1)
        stand_in = ops.take_along_axis(boxes, first[:, None, None], axis=1)
        boxes = ops.where(validity[..., None], boxes, stand_in)
        done = ops.cast(self.updates, "float32") / self.decay_steps
        fall = self.final_share ** ops.minimum(done, 1.0)
        return {
            "real": x,
            "other": next_rows(x),
            "patches": cut_out(x, boxes),
            "validity": validity,
            "mask": mask_of_boxes(boxes, *self.image_shape[:2]),
            "fall": ops.broadcast_to(fall, ops.shape(seeds)),
            "seeds": seeds,
        }

    def discriminator_loss(self, batch, training=True):
        """What the discriminator minimizes.

        Args:
            batch: dict as `seeded_batch` makes it.
            training: bool.

        Returns:
            `(batch_size,)` losses and a dict of `(batch_size,)` terms.
        """
        real, other, mask = batch["real"], batch["other"], batch["mask"]
        with frozen_statistics(*self.group_networks["generator"]):
            fake = ops.stop_gradient(self._fakes(batch, training)[0])
        real_logits = self.discriminator_logits(real, training)
        with frozen_statistics(self.discriminator):
            fake_logits = self.discriminator_logits(fake, training)
            composite_logits = [
                self.discriminator_logits(composite, training)
                for composite in (
                    mask * other + (1.0 - mask) * real,
                    mask * real + (1.0 - mask) * other,
                )
            ]
        loss = self.loss_pair.discriminator
        d_losses = loss(real_logits, fake_logits)
        for logits in composite_logits:
            # Without the half that a real of logit 0 costs.
            d_losses += loss(0.0, logits) - 0.5 * loss(0.0, 0.0)
        is_real = self.is_real
        return d_losses, {
            "real_logit": real_logits,
            "fake_logit": fake_logits,
            "composite_logit": sum(composite_logits) / 2.0,
            "real_accuracy": is_real(real_logits),
            "fake_accuracy": 1.0 - is_real(fake_logits),
            "composite_accuracy": 1.0 - sum(map(is_real, composite_logits)) / 2,
        }

    def generator_loss(self, batch, training=True):
        """What encoder and decoders minimize: as `discriminator_loss`."""
        fake, fake_mask = self._fakes(batch, training)
        with frozen_statistics(self.discriminator):
            fake_logits = self.discriminator_logits(fake, training)
        spatial, appearance = part_distances(
            fake, fake_mask, batch["real"], batch["mask"]
        )
        if self.mask_loss == "cross_entropy":
            spatial = ops.binary_crossentropy(batch["mask"], fake_mask)
        g_losses = self.loss_pair.generator(fake_logits)
        terms = {}
        for name, weight, values in zip(
            ("spatial_loss", "appearance_loss"),
            (self.spatial_weight, self.appearance_weight),
            (spatial, appearance),
            strict=True,
        ):
            g_losses += weight * batch["fall"] * ops.sum(values, axis=(1, 2, 3))
            terms[name] = ops.mean(values, axis=(1, 2, 3))
        return g_losses, terms

    def end_update(self):
        for average in self.averages:
            average.update(self.updates)
        super().end_update()

    def discriminator_logits(self, x, training=False):
        """The discriminator's logits, `(batch_size,)` float32."""
        return self.discriminator(x, training=training)[:, 0]

    def assembled(self, patches, validity, z, training=False, networks=None):
        """Images and masks of checked parts.

        Args:
            patches: `(batch_size, num_parts, height, width, channels)`.
            validity: `(batch_size, num_parts)` bool.
            z: `(batch_size, latent_dim)`.
            training: bool.
            networks: encoder, mask decoder and image decoder; None takes the
                averaged ones if there are any.

        Returns:
            Images, `(batch_size, height, width, channels)`, and masks,
            `(batch_size, height, width, 1)`: float32 tensors in [0, 1].
        """
        encoder, mask_decoder, image_decoder = (
            networks
            or self.averaged_networks
            or self.group_networks["generator"]
        )
        flat = ops.reshape(patches, (-1, *self.image_shape))
        counts = ops.shape(validity)
        features = []
        for x in encoder(flat, training=training):
            x = ops.reshape(x, (*counts, *x.shape[1:]))
            shown = ops.cast(validity, x.dtype)[..., None, None, None]
            features.append(ops.sum(x * shown, axis=1))
        *maps, mask = mask_decoder(features, training=training)
        x = image_decoder([*maps, features[-1], z], training=training)
        return x, mask

    def call(self, inputs, training=False):
        boxes = self.find_boxes(inputs)
        z = ops.zeros((ops.shape(inputs)[0], self.latent_dim))
        x, _ = self.assembled(
            cut_out(inputs, boxes), has_area(boxes), z, training=training
        )
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "num_parts": self.num_parts,
            "max_parts": self.max_parts,
            "filters": self.filters,
            "code_dim": self.code_dim,
            "latent_dim": self.latent_dim,
            "mask_loss": self.mask_loss,
            "spatial_weight": self.spatial_weight,
            "appearance_weight": self.appearance_weight,
            "final_share": self.final_share,
            "decay_steps": self.decay_steps,
            "part_dropout": self.part_dropout,
            "flip": self.flip,
            "discriminator_updates": self.discriminator_updates,
            "ema_decay": self.ema_decay,
        }

    def _fakes(self, batch, training):
        """Images and masks of a batch's parts, by the networks in training."""
        return self.assembled(
            batch["patches"],
            batch["validity"],
            self.sample_latents(batch["seeds"]),
            training,
            self.group_networks["generator"],
        )


def part_distances(fake, fake_mask, real, mask):
    """How far masks, and what is seen through them, are from the true ones.

    Args:
        fake: `(batch_size, height, width, channels)` in [0, 1].
        fake_mask: `(batch_size, height, width, 1)`.
        real: as `fake`.
        mask: as `fake_mask`.

    Returns:
        Distances of all pixels of the masks, and of all values of the images
        in [-1, 1] times their masks.
    """
    seen = fake_mask * (2.0 * fake - 1.0), mask * (2.0 * real - 1.0)
    return ops.abs(fake_mask - mask), ops.abs(seen[0] - seen[1])


def _flipped(x, boxes, seeds):
    """Mirrors images, each by its own chance of one half, and their boxes."""
    flips = row_uniform(seeds, 1, stream=_FLIP_STREAM) < 0.5
    mirrored = mirrored_boxes(boxes, x.shape[2])
    return (
        ops.where(flips[..., None, None], ops.flip(x, axis=2), x),
        ops.where(flips[..., None], mirrored, boxes),
    )


def _shown(validity, seeds, part_dropout):
    """Hides parts by chance; one of each image stays."""
    uniforms = row_uniform(seeds, validity.shape[1], stream=_HIDING_STREAM)
    uniforms = ops.where(validity, uniforms, -1.0)
    is_kept = uniforms >= part_dropout
    is_last = uniforms == ops.max(uniforms, axis=1, keepdims=True)
    return is_kept | is_last
