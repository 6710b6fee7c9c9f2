"""The uses of models that translate images between many domains."""

import tensorflow as tf

from keras_genseq.models.adversarial.image_translator import ImageTranslator
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.ops.checks import as_images


class ManyDomainTranslator(ImageTranslator):
    """Translates images to any domain, judges them and reads their domain.

    A system has the networks `generator`, of images and labels,
    `averaged_generator`, which may be None, and `discriminator`, of images to a
    map of logits and to logits of labels; and the attributes `image_shape` and
    `domain_labels`.

    Args:
        **kwargs: as for `MultiOptimizerModel`.
    """

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_targets(self, y, x):
        if y is None:
            raise ValueError(self.needs_targets("images and their domains"))
        return self.domain_labels.read(y, tf.shape(x)[0])

    def label_vectors(self, labels, label_set=0):
        """Labels of one of several sets, as rows of all: `y` of `fit`.

        Args:
            labels: `(num_images,)` classes, or `(num_images, num_attributes)`.
            label_set: int. Number of the set that they are of.

        Returns:
            `(num_images, size)` float32 tensor: labels of all sets side by
            side, then the mask.

        Raises:
            ValueError: if there is no such set, or labels are not of it.
        """
        return self.domain_labels.joint_vectors(labels, label_set)

    def discriminate(self, x, *, batch_size=64):
        """How real the discriminator holds images.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1], of the
                shape of training.
            batch_size: int. Images judged at once.

        Returns:
            dict of `realness`, `(num_images,)` in [0, 1], the mean over all
            patches; and of `logits`, `(num_images, rows, columns)`, one for
            each patch. A critic's logits have no fixed zero: `realness` orders
            images, and is no probability.
        """
        return self.ask("discriminate", x=x, batch_size=batch_size)

    def classify(self, x, *, batch_size=64):
        """Which domain, or which attributes, the discriminator reads.

        Args:
            x: as for `discriminate`.
            batch_size: int. Images read at once.

        Returns:
            dict of `probabilities` and `logits`, `(num_images, num_labels)`.
            Those of classes sum up to 1 in each set.
        """
        return self.ask("classify", x=x, batch_size=batch_size)

    def endpoints(self):
        x = tensor_input(
            self.image_shape, "images, in [0, 1]", self.check_inputs
        )
        return {
            **super().endpoints(),
            "translate": Endpoint(
                self.translated,
                {
                    "x": self.images_input(
                        self.image_shape[2], self.side_multiple, self.least_side
                    ),
                    "target_domain": self.domain_labels.input(
                        "target_domain", "the domain to translate to"
                    ),
                },
                "x",
                prepare=lambda x, target_domain: (
                    x,
                    self.domain_labels.vectors(target_domain),
                ),
                description="translates images to another domain",
                jit_compile=False,
            ),
            "discriminate": Endpoint(
                self.judged,
                {"x": x},
                lambda found, _: {
                    "realness": self.realness(found[0]),
                    "logits": found[0],
                },
                description="how real the discriminator holds images",
            ),
            "classify": Endpoint(
                self.judged,
                {"x": x},
                lambda found, _: {
                    "probabilities": self.domain_labels.probabilities(found[1]),
                    "logits": found[1],
                },
                description="which domain the discriminator reads",
            ),
        }

    def translated(self, x, labels):
        """Translations of checked images to domains, by vectors of labels."""
        return self.run(self.averaged_generator or self.generator, x, labels)

    def judged(self, x):
        """Logits of patches and of labels of checked images."""
        patches, logits = self.discriminator(x, training=False)
        return patches[..., 0], logits
