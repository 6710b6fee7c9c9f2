"""The uses of models that translate images between two domains."""

import tensorflow as tf
from keras import ops

from keras_genseq.models.adversarial.image_translator import ImageTranslator
from keras_genseq.models.adversarial.translation_networks import least_size
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import Input
from keras_genseq.ops.values import ensure


class TwoDomainTranslator(ImageTranslator):
    """Translates images of X and of Y, and judges what is of which.

    A system has the networks `generator_xy`, `generator_yx`, `discriminator_x`
    and `discriminator_y`, and the attributes `image_shape` and `target_shape`
    of both domains, and `receptive_field`.

    Args:
        **kwargs: as for `MultiOptimizerModel`.
    """

    @property
    def shapes(self):
        """Shapes of the images of X and of Y."""
        return self.image_shape, self.target_shape

    def reconstruct(self, x, *, target_domain=1, batch_size=16):
        """Translates images to the other domain and back.

        Args:
            x: as for `translate`.
            target_domain: as for `translate`.
            batch_size: as for `translate`.

        Returns:
            Tensor of the shape of `x`.
        """
        return self.ask(
            "reconstruct",
            x=x,
            target_domain=target_domain,
            batch_size=batch_size,
        )

    def discriminate(self, x, *, domain=1, batch_size=16):
        """How real the discriminator of a domain holds images.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            domain: 0, that of X, or 1, that of Y; or one for each image.
            batch_size: int. Images judged at once.

        Returns:
            dict of `realness`, `(num_images,)` in [0, 1], the mean over all
            patches; and of `logits`, `(num_images, rows, columns)`, one for
            each patch.
        """
        return self.ask(
            "discriminate", x=x, domain=domain, batch_size=batch_size
        )

    def endpoints(self):
        x_channels, y_channels = (shape[2] for shape in self.shapes)
        options = {"is_free": x_channels != y_channels}
        least = least_size(self.receptive_field)
        inputs = {
            "x": self.images_input(
                x_channels, self.side_multiple, self.least_side, **options
            ),
            "target_domain": _domain_input("the domain to translate to"),
        }
        judged = {
            "x": self.images_input(y_channels, 1, least, **options),
            "domain": _domain_input("the domain whose discriminator judges"),
        }
        return {
            **super().endpoints(),
            "translate": Endpoint(
                self.translated,
                inputs,
                "x",
                prepare=self.prepared,
                description="translates images to the other domain",
                jit_compile=False,
            ),
            "reconstruct": Endpoint(
                self.translated_there_and_back,
                inputs,
                "x",
                prepare=self.prepared,
                description="translates images to the other domain and back",
                jit_compile=False,
            ),
            "discriminate": Endpoint(
                self.judged,
                judged,
                lambda logits, _: {
                    "realness": self.realness(logits),
                    "logits": logits,
                },
                prepare=lambda x, domain: (self.of_domain(x, domain), domain),
                description="how real the discriminator of a domain holds "
                "images",
                jit_compile=False,
            ),
        }

    def prepared(self, x, target_domain):
        """Arguments of translations, once their images fit the domains."""
        return self.of_domain(x, 1 - target_domain), target_domain

    def of_domain(self, x, domain):
        """Images, once they have as many channels as those of their domains."""
        channels = tf.gather([shape[2] for shape in self.shapes], domain)
        return ensure(
            x,
            tf.reduce_all(channels == tf.shape(x)[3]),
            f"Images of X have {self.image_shape[2]} channels, those of Y "
            f"{self.target_shape[2]}. `x` holds others than its domain has: "
            "change the images, or the domain.",
        )

    def translated(self, x, target_domain):
        """Translations of checked images, each to its domain."""
        generators = [self.generator_yx, self.generator_xy]
        return run_by_domain(generators, x, target_domain)

    def translated_there_and_back(self, x, target_domain):
        """Translations of the translations of checked images."""
        there = self.translated(x, target_domain)
        return self.translated(there, 1 - target_domain)

    def judged(self, x, domain):
        """Logits of the patches of checked images: see `discriminate`."""
        discriminators = [self.discriminator_x, self.discriminator_y]
        return run_by_domain(discriminators, x, domain)[..., 0]


def run_by_domain(networks, x, domain):
    """Runs images through the networks of their domains, each through one.

    All have one number of channels. Where those of the domains differ, all are
    of one domain, and none is left for the other network.

    Args:
        networks: list of two Keras models of images, one for each domain.
        x: `(batch_size, height, width, channels)`.
        domain: `(batch_size,)` int32 tensor.

    Returns:
        float32 tensor of what the networks answer, row by row.
    """
    rows = tf.dynamic_partition(tf.range(tf.shape(x)[0]), domain, 2)
    answers = [
        _run_some(network, x, mine)
        for network, mine in zip(networks, rows, strict=True)
    ]
    # What none were answered has the shape of what the others were.
    shape = tf.maximum(*map(tf.shape, answers))[1:]
    answers = [
        tf.reshape(answer, tf.concat([[tf.size(mine)], shape], axis=0))
        for answer, mine in zip(answers, rows, strict=True)
    ]
    return tf.dynamic_stitch(rows, answers)


def _run_some(network, x, rows):
    """What a network answers to some rows; an empty tensor, if to none."""

    def run():
        # Those of the other domain may have other channels; they never run.
        channels = network.input_shape[-1:]
        shape = tf.concat([tf.shape(rows), tf.shape(x)[1:3], channels], axis=0)
        some = tf.reshape(tf.gather(x, rows), shape)
        return ops.cast(network(some, training=False), "float32")

    return tf.cond(tf.size(rows) > 0, run, lambda: tf.zeros((0, 0, 0, 0)))


def _domain_input(description):
    return Input(
        tf.TensorSpec((None,), tf.int32),
        f"{description}: 0 is X, 1 is Y",
        default=1,
        minimum=0,
        maximum=1,
    )
