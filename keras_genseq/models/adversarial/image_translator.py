"""The base of models that translate images from domain to domain."""

import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq import losses
from keras_genseq.models.adversarial.tiles import map_tiles
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.multi_optimizer_model import MultiOptimizerModel
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import ensure


class ImageTranslator(MultiOptimizerModel):
    """Translates images of any size by convolutional networks.

    A system says how (`endpoints`, one of which is `"translate"`), and what
    sizes its generators take (`side_multiple`, `least_side`).

    Args:
        **kwargs: as for `MultiOptimizerModel`.
    """

    # What sides of images are multiples of, and the shortest side.
    side_multiple = 4
    least_side = 8

    def translate(
        self,
        x,
        *,
        target_domain=None,
        batch_size=16,
        tile_size=None,
        overlap=None,
        out=None,
    ):
        """Translates images to another domain.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1]. Sides
                are multiples as those of training; any, with `tile_size`.
            target_domain: the domain to translate to, or one for each image.
                Of two, 1 is Y, the default, and 0 is X; of many, a class or a
                vector of labels, as `StarGAN` says.
            batch_size: int. Images translated at once.
            tile_size: optional int, a multiple as sides are. Large images are
                translated in tiles of this side, one at a time, and may be
                files (`numpy.memmap`). Each tile is normalized by itself, so
                that tiles much smaller than the images of training show.
            overlap: optional int. Pixels over which neighboring tiles fade
                into each other; None is an eighth of a tile.
            out: optional `(num_images, height, width, new_channels)` float32
                array of zeros that tiles are written to, such as a
                `numpy.memmap`.

        Returns:
            `(num_images, height, width, new_channels)` float32 tensor in
            [0, 1]; of tiles an array, `out` if it is given.

        Raises:
            ValueError: if images are not of a domain that is translated from,
                or tiles of no such size.
        """
        if tile_size is None:
            return self.ask(
                "translate",
                x=x,
                target_domain=target_domain,
                batch_size=batch_size,
            )
        if len(x.shape) != 4 or not len(x):
            raise ValueError(
                "`x` must have shape (batch_size, height, width, channels), "
                f"and at least one row. Received: shape={tuple(x.shape)}"
            )
        tile_size, overlap = self._checked_tiles(tile_size, overlap)
        domain = self.endpoints()["translate"].inputs["target_domain"]
        targets = domain.read(
            "target_domain",
            domain.default if target_domain is None else target_domain,
            len(x),
        )
        answers = [
            map_tiles(
                lambda tile, to=targets[i : i + 1]: self.translate(
                    tile, target_domain=to
                ),
                image,
                tile_size,
                overlap,
                self.side_multiple,
                None if out is None else out[i],
            )
            for i, image in enumerate(x)
        ]
        return np.stack(answers) if out is None else out

    def run(self, network, *inputs, training=False):
        """What a network makes of inputs: float32 under every dtype policy."""
        inputs = inputs if len(inputs) > 1 else inputs[0]
        return ops.cast(network(inputs, training=training), "float32")

    def realness(self, logits):
        """The discriminator's D of each image, the mean over its patches.

        Args:
            logits: `(batch_size, ...)`.

        Returns:
            `(batch_size,)` float32 tensor in [0, 1].
        """
        if self.adversarial_loss == "least_squares":
            return losses.per_example(ops.clip(logits, 0.0, 1.0))
        return losses.per_example(ops.sigmoid(logits))

    def check_sides(self, name, image_shape):
        """Refuses the shape of images that the generators cannot take."""
        sides = image_shape[:2]
        if any(n % self.side_multiple or n < self.least_side for n in sides):
            raise ValueError(
                f"{_words(self.side_multiple, self.least_side)} Received: "
                f"{name}={tuple(image_shape)}"
            )

    def images_input(self, channels, multiple, least, *, is_free=False):
        """The input of an endpoint that reads images of any size.

        Args:
            channels: int.
            multiple: int. What sides are multiples of.
            least: int. The shortest side.
            is_free: bool. Whether there may be other numbers of channels, of
                which the endpoint's `prepare` checks which it is.
        """
        shape = (None, None, None if is_free else channels)

        def check(x):
            x = as_images(x, shape)
            sides = tf.shape(x)[1:3]
            fits = (sides % multiple == 0) & (sides >= least)
            return ensure(x, tf.reduce_all(fits), _words(multiple, least))

        return tensor_input(
            shape,
            "images, in [0, 1]",
            check,
            example=np.zeros((1, least, least, channels), "float32"),
        )

    def _checked_tiles(self, tile_size, overlap):
        tile_size = as_int(tile_size, "tile_size", minimum=self.least_side)
        if tile_size % self.side_multiple:
            raise ValueError(
                f"`tile_size` must be a multiple of {self.side_multiple}. "
                f"Received: tile_size={tile_size}"
            )
        if overlap is None:
            return tile_size, tile_size // 8
        overlap = as_int(overlap, "overlap", minimum=0, maximum=tile_size // 2)
        return tile_size, overlap


def distance(a, b):
    """Mean distances of pixels in the papers' range, [-1, 1].

    Args:
        a: `(batch_size, height, width, channels)`, in [0, 1].
        b: same shape.

    Returns:
        `(batch_size,)` float32 tensor.
    """
    return 2.0 * ops.mean(ops.abs(a - b), axis=(1, 2, 3))


def _words(multiple, least):
    if multiple == 1:
        return f"Height and width of images must be from {least} on."
    return (
        f"Height and width of images must be multiples of {multiple}, from "
        f"{least} on. Crop, pad or resize them; `translate` in tiles "
        "(`tile_size=`) takes any size."
    )
