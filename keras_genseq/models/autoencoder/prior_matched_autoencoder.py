"""The uses of autoencoders whose codes are matched with a prior."""

import numpy as np
from keras import ops

from keras_genseq.models.autoencoder.latent_codes import LatentCodes
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.multi_optimizer_model import MultiOptimizerModel
from keras_genseq.ops.checks import as_classes
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.values import all_finite


class PriorMatchedAutoencoder(LatentCodes, MultiOptimizerModel):
    """Encodes and decodes, judges codes, and tells categories.

    A system has the networks `decoder`, `discriminator` and
    `category_discriminator`, `codes`, a `MatchedCodes`, and the attributes
    `image_shape`, `latent_dim`, `prior`, `prior_classes`, `num_classes`,
    `num_categories` and `cluster_heads`.

    Args:
        **kwargs: as for `MultiOptimizerModel`.
    """

    # The class is for the decoder; the paper's encoder sees the image alone.
    conditional_encoder = False

    @property
    def code_dim(self):
        """int. Dimensions of a code: z, and categories behind it, if any."""
        if self.cluster_heads or self.num_categories is None:
            return self.latent_dim
        return self.latent_dim + self.num_categories

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
        return self.codes.joined(*self.codes.of_images(x, training=training))

    def posterior_mode(self, posterior):
        return posterior

    def sample_prior(self, seeds, temperature):
        return self.codes.of_prior(seeds, temperature)

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
        if self.num_categories and _is_labelled_pair(y):
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

    def _category_logits(self, x):
        return self.codes.of_images(x)[1]

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

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def _is_labelled_pair(y):
    """Whether these are images and their classes, not classes alone."""
    is_pair = isinstance(y, (tuple, list)) and len(y) == 2
    return is_pair and np.ndim(y[0]) > 0
