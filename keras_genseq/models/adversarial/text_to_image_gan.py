import warnings

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.adversarial.caption_networks import NORMALIZATIONS
from keras_genseq.models.adversarial.caption_networks import CaptionNetworks
from keras_genseq.models.adversarial.captioned_adversarial_model import (
    CaptionedAdversarialModel,
)
from keras_genseq.models.adversarial.captioned_adversarial_model import (
    frozen_text_encoder,
)
from keras_genseq.models.adversarial.captions import drawn_rows
from keras_genseq.models.adversarial.captions import nearest_rows
from keras_genseq.models.base.multi_optimizer_model import check_choice
from keras_genseq.models.base.multi_optimizer_model import frozen_statistics
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.base.training_seeds import global_rows
from keras_genseq.models.base.training_seeds import rows_of_all_replicas
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers

# Streams of a row's seed: see `AdversarialModel`.
_MISMATCH_STREAM = 2
_PARTNER_STREAM = 3
_NEAREST_STREAM = 6


@keras.saving.register_keras_serializable(package="keras_genseq")
class TextToImageGAN(CaptionedAdversarialModel):
    """Makes images of captions: GAN-CLS, GAN-INT and both, GAN-INT-CLS.

        s_r = D(x, h)   s_w = D(x, h')   s_f = D(G(z, h), h)
        max_D  log s_r + w log(1 - s_w) + (1 - w) log(1 - s_f)
        max_G  log s_f + log D(G(z, b h1 + (1 - b) h2), b h1 + (1 - b) h2)

    The text encoder reads a caption into an embedding h, which joins the noise
    in the generator and the maps of 4x4 of the image in the discriminator. With
    `matching_aware` (CLS) the discriminator also sees real images with
    captions h' of another class, and must hold them for fakes: it judges what
    belongs together, not only what looks real. With `interpolate` (INT) the
    generator also learns embeddings between two captions, for which there are
    no images. With neither, this is a plain conditional GAN.

    It learns from images and captions, with classes where there are any:
    `fit(images, {"captions": captions, "label": classes})`. The embeddings of
    several captions of an image are averaged. The text encoder is trained
    before (`CharCNNRNN`) and stays as it is.

    Mismatching captions come from the same batch: any of another class, or
    without classes that of any other image. Where a batch has one class alone
    there is none, and the fake counts for both; the metric `mismatched` is the
    share of images that had one, and `fit` warns if that was 0. Most differ
    from the true caption in all they say, and what is told first suffices;
    `nearest_mismatches` takes for a share of the images that of all allowed
    captions of the batch, other than in the same words, whose embedding is
    nearest to the true one's.

    Batch normalization, the paper's, normalizes matching pairs and mismatching
    ones apart: what both batches are told from each other by need not tell one
    pair from another, and is of no use where single pairs are judged. Layer
    normalization in the discriminator has each pair by itself.

    With a style encoder S, S(x) is the noise that makes an image most like x:
    what the caption does not say, its style. It learns beside the game, from
    images that the generator makes, and changes none of its networks.

    Args:
        image_shape: (height, width, channels). Height and width are 4 times
            one power of two, from 8 on.
        text_encoder: `CharCNNRNN`, of which a frozen copy is kept, or its
            config. None makes the paper's, untrained.
        latent_dim: int. Dimensions of the noise z.
        matching_aware: bool. CLS.
        interpolate: bool. INT.
        residual: bool. Whether the networks have the residual blocks of the
            authors' code; the paper's figure shows them without.
        filters: int. Channels of the generator's layer next to the image;
            those farther inside have 2, 4, 8, ... times as many.
        discriminator_filters: int. The same of the discriminator and of the
            style encoder.
        text_units: int. Width to which both networks project an embedding.
        mismatch_weight: float in [0, 1]. w.
        nearest_mismatches: float in [0, 1]. Share of images whose mismatching
            caption is the nearest one, not any.
        interpolation_weight: float. What interpolated captions count for the
            generator, to 1 of the real ones.
        interpolation_share: float. b.
        discriminator_normalization: `"batch"`, or `"layer"`: by the layer, of
            each image and caption by itself; its convolutions then begin
            with He's deviations in place of 0.02.
        style_encoder: bool. Whether there is one, with an optimizer of its own.
        noise: distribution of z: `"normal"`, or `"uniform"` in (-1, 1).
        **kwargs: `adversarial_loss`, `gradient_penalty_weight`, `r1_weight`,
            `drift_weight`, `discriminator_updates`, `augmentations`,
            `ema_decay` and `seed`, as for `AdversarialModel`; and what
            `keras.Model` takes.

    Call arguments:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        condition: `(batch_size, text_dim)` embeddings of captions; None are
            zeros, which say nothing.

    Returns:
        `(batch_size,)` float32 logits: positive for what is held for a real
        image and its caption.

    Raises:
        ValueError: if the image's sides are of no such size, or an argument
            has a value that is not listed here.

    Example:

    ```python
    images = np.random.rand(4, 8, 8, 1).astype("float32")
    captions = [["a cat"], ["a dog"], ["a small cat"], ["a bird"]]
    y = {"captions": captions, "label": [0, 1, 0, 2]}
    encoder = models.CharCNNRNN(
        (8, 8, 1), filters=(8,), text_dim=4, max_sequence_length=20
    )
    encoder.compile(keras.optimizers.RMSprop(4e-4))
    encoder.fit(images, y, batch_size=4, verbose=0)

    model = models.TextToImageGAN(
        (8, 8, 1),
        text_encoder=encoder,
        latent_dim=4,
        filters=4,
        discriminator_filters=4,
        style_encoder=True,
    )
    model.compile(
        generator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
        style_encoder_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
    )
    model.fit(images, y, batch_size=4, verbose=0)
    birds = model.generate(["a large bird"] * 2, seed=0)
    matching = model.discriminate(birds, ["a bird", "a cat"])["realness"]
    dogs = model.transfer_style(birds, ["a large dog"] * 2)
    ```

    Differences from the paper:
        Images are in [0, 1] outside; tanh's [-1, 1] stays inside. Mismatches
        pair a real image with a wrong caption, as in the paper; the authors'
        code has a wrong image with the right caption. Every caption has an
        interpolated one beside it, on the same noise, and a partner drawn from
        the batch; the code has one for two captions. The generator maximizes
        log D, in both terms. Biases of convolutions are learned; the code sets
        them to 0 after every update. All hidden layers of the discriminator
        are followed by a LeakyReLU; the code leaves one out. S learns beside
        the generator, not after it. There is no fine-tuning of the text
        encoder.

    References:
        - [Reed et al., 2016](https://arxiv.org/abs/1605.05396)
    """

    presets = {
        "gan_int_cls_64": Preset(
            config={"image_shape": (64, 64, 3)},
            # Generator and discriminator, with biases; the text encoder is
            # not trained here.
            num_parameters=18_909_699 + 4_032_321,
            source="Reed et al., 2016, section 5, by the authors' code",
        ),
    }

    def __init__(
        self,
        image_shape,
        *,
        text_encoder=None,
        latent_dim=100,
        matching_aware=True,
        interpolate=True,
        residual=True,
        filters=128,
        discriminator_filters=64,
        text_units=128,
        mismatch_weight=0.5,
        nearest_mismatches=0.0,
        interpolation_weight=1.0,
        interpolation_share=0.5,
        discriminator_normalization="batch",
        style_encoder=False,
        noise="normal",
        **kwargs,
    ):
        filters, discriminator_filters, text_units = check_counts(
            filters=filters,
            discriminator_filters=discriminator_filters,
            text_units=text_units,
        )
        interpolation_weight = check_numbers(
            interpolation_weight=interpolation_weight
        )
        for name, share in (
            ("mismatch_weight", mismatch_weight),
            ("nearest_mismatches", nearest_mismatches),
            ("interpolation_share", interpolation_share),
        ):
            if check_numbers(**{name: share}) > 1.0:
                raise ValueError(
                    f"`{name}` must be in [0, 1]. Received: {name}={share}"
                )
        check_choice(
            "discriminator_normalization",
            discriminator_normalization,
            NORMALIZATIONS,
        )
        if kwargs.get("num_classes") is not None:
            raise ValueError(
                "TextToImageGAN hears captions, not classes: leave "
                "`num_classes` out. Classes of the data say which captions do "
                "not match."
            )
        matching_aware, interpolate, residual, style_encoder = check_flags(
            matching_aware=matching_aware,
            interpolate=interpolate,
            residual=residual,
            style_encoder=style_encoder,
        )
        super().__init__(image_shape, latent_dim, noise=noise, **kwargs)
        self.matching_aware = matching_aware
        self.interpolate = interpolate
        self.residual = residual
        self.filters = filters
        self.discriminator_filters = discriminator_filters
        self.text_units = text_units
        self.mismatch_weight = mismatch_weight
        self.nearest_mismatches = nearest_mismatches
        self.interpolation_weight = interpolation_weight
        self.interpolation_share = interpolation_share
        self.discriminator_normalization = discriminator_normalization
        self.style_encoder = style_encoder
        self.text_encoder = frozen_text_encoder(text_encoder, self.dtype_policy)
        self.text_dim = self.text_encoder.text_dim
        sizes = (
            self.image_shape,
            self.text_dim,
            text_units,
            residual,
            self.dtype_policy,
        )
        networks = CaptionNetworks(*sizes)
        judging = CaptionNetworks(*sizes, discriminator_normalization)
        if style_encoder:
            self.loss_names = {**self.loss_names, "style_encoder": "style_loss"}
            self.style_network = networks.style_encoder(
                discriminator_filters, self.latent_dim
            )
        self.set_networks(
            networks.generator(filters, self.latent_dim),
            judging.discriminator(discriminator_filters),
        )

    def term_names(self):
        names = super().term_names()
        if self.matching_aware:
            names += ["wrong_logit", "mismatch_accuracy", "mismatched"]
        return names

    @property
    def networks(self):
        networks = {**super().networks, "text_encoder": self.text_encoder}
        if self.style_encoder:
            networks["style_encoder"] = self.style_network
        return networks

    @property
    def group_networks(self):
        groups = super().group_networks
        if self.style_encoder:
            groups["style_encoder"] = [self.style_network]
        return groups

    @property
    def update_order(self):
        order = super().update_order
        return [*order, "style_encoder"] if self.style_encoder else order

    def batch_of(self, x, y):
        y = self.captions_of(y, x)
        return {
            "real": x,
            # Outside of all tapes, and once for all updates of a step.
            "condition": self.text_encoder.mean_embeddings_of(y["token_ids"]),
            "label": y["label"],
        }

    def seeded_batch(self, data, step):
        batch = super().seeded_batch(data, step)
        labels, seeds = batch.pop("label"), batch["seeds"]
        embeddings, all_labels = rows_of_all_replicas(
            (batch["condition"], labels)
        )
        if self.matching_aware:
            differs = labels[:, None] != all_labels[None, :]
            uniforms = row_uniform(seeds, 1, stream=_MISMATCH_STREAM)[:, 0]
            rows, batch["has_wrong"] = drawn_rows(differs, uniforms)
            if self.nearest_mismatches:
                uniforms = row_uniform(seeds, 1, stream=_NEAREST_STREAM)[:, 0]
                nearest, is_there = nearest_rows(
                    differs, batch["condition"], embeddings
                )
                is_meant = uniforms < self.nearest_mismatches
                rows = ops.where(
                    ops.logical_and(is_meant, is_there), nearest, rows
                )
            batch["wrong"] = tf.gather(embeddings, rows)
        if self.interpolate:
            numbers = tf.range(tf.shape(all_labels)[0])
            mine = global_rows(tf.shape(labels)[0])
            uniforms = row_uniform(seeds, 1, stream=_PARTNER_STREAM)[:, 0]
            rows, _ = drawn_rows(mine[:, None] != numbers[None, :], uniforms)
            batch["partner"] = tf.gather(embeddings, rows)
        return batch

    def discriminator_loss(self, batch, training=True):
        d_losses, terms = super().discriminator_loss(batch, training)
        if not self.matching_aware:
            return d_losses, terms
        real, fake = terms["real_logit"], terms["fake_logit"]
        seen = self.seen_reals(batch, training)
        with frozen_statistics(self.discriminator):
            wrong = self.discriminator_logits(seen, batch["wrong"], training)
        wrong = ops.where(batch["has_wrong"], wrong, fake)
        game = self.loss_pair.discriminator
        d_losses += self.mismatch_weight * (
            game(real, wrong) - game(real, fake)
        )
        return d_losses, {
            **terms,
            "wrong_logit": wrong,
            "mismatch_accuracy": 1.0 - self.is_real(wrong),
            "mismatched": ops.cast(batch["has_wrong"], "float32"),
        }

    def generator_loss(self, batch, training=True):
        g_losses, terms = super().generator_loss(batch, training)
        if self.interpolate:
            share = self.interpolation_share
            between = share * batch["condition"]
            between += (1.0 - share) * batch["partner"]
            more, _ = super().generator_loss(
                {**batch, "condition": between}, training
            )
            g_losses += self.interpolation_weight * more
        return g_losses, terms

    def style_encoder_loss(self, batch, training=True):
        """What the style encoder minimizes: as `discriminator_loss`.

        The mean square of z - S(G(z, h)), over the dimensions of z.
        """
        z = self.sample_latents(batch["seeds"])
        images = self.images_of_latents(z, batch["condition"])
        guess = self.styles_of(ops.stop_gradient(images), training)
        return ops.mean(ops.square(z - guess), axis=-1), {}

    def fit(self, *args, **kwargs):
        history = super().fit(*args, **kwargs)
        if self.matching_aware and 0.0 in history.history["mismatched"]:
            warnings.warn(
                "An epoch had no mismatching captions: every batch held one "
                "class alone, and this learned as without `matching_aware`. "
                "Shuffle the data, or leave the classes out.",
                stacklevel=2,
            )
        return history

    def get_config(self):
        return {
            **super().get_config(),
            "text_encoder": self.text_encoder.get_config(),
            "matching_aware": self.matching_aware,
            "interpolate": self.interpolate,
            "residual": self.residual,
            "filters": self.filters,
            "discriminator_filters": self.discriminator_filters,
            "text_units": self.text_units,
            "mismatch_weight": self.mismatch_weight,
            "nearest_mismatches": self.nearest_mismatches,
            "interpolation_weight": self.interpolation_weight,
            "interpolation_share": self.interpolation_share,
            "discriminator_normalization": self.discriminator_normalization,
            "style_encoder": self.style_encoder,
        }
