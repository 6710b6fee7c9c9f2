"""Codes that follow a prior, and the classes or clusters that they may hold."""

import math

import tensorflow as tf
from keras import ops

from keras_genseq.models.autoencoder.latent_codes import LatentCodes
from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.ops.checks import as_classes
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.value_checks import all_finite

# Streams of a row's seed for the noise of the encoder and the categories.
_POSTERIOR_STREAM = 4
_CATEGORY_STREAM = 5
_INPUT_STREAM = 6
_LOG_VAR_RANGE = (-10.0, 10.0)


class PriorMatchedCodes(LatentCodes):
    """What an `AdversarialAutoencoder` does with codes, whoever trains it.

    A code has a part z, which a discriminator compares with draws of `prior`,
    and at will the probabilities of categories, which another one compares
    with one-hot draws. They stand side by side, or z is moved by the head of
    its category.

    For a class before `Trainer` in the order of resolution, which makes the
    networks (`encoder`, `decoder`, `heads`, `discriminator`,
    `category_discriminator`) and keeps its arguments under their names.
    """

    # The class is for the decoder; the paper's encoder sees the image alone.
    conditional_encoder = False

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

    def judge_codes(self, z, classes=None, training=False):
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

    def judge_categories(self, categories, training=False):
        """The other discriminator's logits of categories."""
        logits = self.category_discriminator(categories, training=training)
        return ops.cast(logits, "float32")[:, 0]

    def posterior(self, x, condition=None, training=False):
        return self.joined(*self.code_of(x, training=training))

    def likeliest_code(self, posterior):
        return posterior

    def draw_prior(self, seeds, temperature):
        z = temperature[:, None] * self.prior.draw(seeds)
        if not self.num_categories:
            return z
        return self.with_categories(z, self.draw_categories(seeds))

    def decoded(self, z, condition=None, training=False):
        if condition is not None:
            z = [z, ops.one_hot(condition, self.num_classes)]
        logits = self.decoder(z, training=training)
        return ops.sigmoid(ops.cast(logits, "float32"))

    def mean_from_decoded(self, decoded):
        return decoded

    @property
    def code_spec(self):
        return tf.TensorSpec((None, self.code_dim), tf.float32)

    def served_codes(self, posterior):
        return {"z": posterior}

    def discriminate(self, z, batch_size=256):
        """How likely z are draws of the prior, not parts of codes of images.

        Args:
            z: `(num_codes, latent_dim)`.
            batch_size: int. Codes judged at once.

        Returns:
            `(num_codes,)` float32 tensor in (0, 1).
        """
        judge = self.compile_method(self.judge_codes)
        rows = (self._check_z(z),)
        return ops.sigmoid(map_rows(judge, rows, batch_size))

    def classify(self, x, batch_size=256):
        """Probabilities of the categories: of classes, or of clusters.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            batch_size: int. Images classified at once.

        Returns:
            `(num_images, num_categories)` float32 tensor.

        Raises:
            ValueError: if the code has no categorical part.
        """
        if not self.num_categories:
            raise ValueError(
                "This model has no categories. Make it with `num_categories`."
            )
        rows = (self.check_inputs(x),)
        classify = self.compile_method(self._category_logits)
        return ops.softmax(map_rows(classify, rows, batch_size))

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_codes(self, z, name="z"):
        return all_finite(as_vectors(z, self.code_dim, name=name), name=name)

    def check_targets(self, y, num_rows):
        if self.num_classes is not None:
            return self.check_condition(y, num_rows)
        if self.num_categories and isinstance(y, (tuple, list)):
            labelled, classes = y
            labelled = self.check_inputs(labelled, name="labelled_x")
            return labelled, self._known_classes(classes, tf.shape(labelled)[0])
        return self._known_classes(y, num_rows)

    def serving_signatures(self):
        signatures = super().serving_signatures()
        z = ("z", tf.TensorSpec((None, self.latent_dim), tf.float32))
        x = ("x", tf.TensorSpec((None, *self.image_shape), tf.float32))

        def discriminate(z):
            realness = ops.sigmoid(self.judge_codes(self._check_z(z)))
            return {"realness": realness}

        def classify(x):
            logits = self._category_logits(self.check_inputs(x))
            return {"probabilities": ops.softmax(logits), "logits": logits}

        signatures["discriminate"] = self.signature(
            discriminate, z, conditional=False
        )
        if self.num_categories:
            signatures["classify"] = self.signature(
                classify, x, conditional=False
            )
        return signatures

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

    def draw_categories(self, seeds):
        """One-hot categories, each equally likely."""
        uniform = row_uniform(seeds, 1, stream=_CATEGORY_STREAM)[:, 0]
        drawn = ops.cast(uniform * self.num_categories, "int32")
        return ops.one_hot(drawn, self.num_categories)
