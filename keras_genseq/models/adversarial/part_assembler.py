"""The uses of models that put parts of things together, and their checks."""

import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import Input
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.base.multi_optimizer_model import MultiOptimizerModel
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.key_parts import cut_out
from keras_genseq.ops.key_parts import detect_key_parts
from keras_genseq.ops.key_parts import has_area
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.values import as_int32
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure


class PartAssembler(MultiOptimizerModel):
    """Finds parts of images, and assembles images of parts.

    A system says how parts are assembled (`assembled`) and images judged
    (`discriminator_logits`), and has the attributes `image_shape`,
    `latent_dim`, `num_parts` and `max_parts`.

    Args:
        **kwargs: as for `MultiOptimizerModel`.
    """

    def check_inputs(self, x, name="x"):
        return as_images(x, self.image_shape, name=name)

    def check_targets(self, y, x):
        """Checks boxes of images, or detects them where there are none."""
        if y is None:
            return self.apply(self.find_boxes, x, jit_compile=False)
        boxes = as_tensor(y, "y")
        is_right = boxes.shape.rank == 3 and boxes.shape[2] == 4
        if not (is_right and boxes.shape[1] and boxes.dtype.is_integer):
            raise ValueError(
                f"{type(self).__name__} takes no condition, only boxes of "
                "parts: integers of shape (batch_size, num_boxes, 4), the same "
                "number for each image, which are left, top, width and height "
                "in pixels; 0, 0, 0, 0 is no part. Received: "
                f"dtype={boxes.dtype.name}, shape={tuple(boxes.shape)}"
            )
        boxes = as_int32(boxes, "y")
        ends = boxes[..., :2] + boxes[..., 2:]
        height, width, _ = self.image_shape
        is_inside = tf.reduce_all(boxes >= 0) & tf.reduce_all(
            ends <= [width, height]
        )
        boxes = ensure(
            boxes,
            is_inside & (tf.shape(boxes)[0] == tf.shape(x)[0]),
            f"Boxes must lie inside of their images, {width} pixels wide and "
            f"{height} high, with a row of boxes for each image.",
        )
        has_parts = tf.reduce_any(has_area(boxes), axis=1)
        return ensure(
            boxes,
            tf.reduce_all(has_parts),
            "Each image must have at least one box with an area. Leave the "
            "boxes out, and they are detected.",
        )

    def find_boxes(self, x):
        """Boxes of checked images: see `detect_parts`."""
        return detect_key_parts(x, self.num_parts)

    def assemble(self, patches, validity=None, *, seed=None, batch_size=64):
        """Puts parts together.

        Args:
            patches: `(num_images, num_parts, height, width, channels)` floats
                in [0, 1]: up to `max_parts` parts, each enlarged to a whole
                image, as `detect_parts` does.
            validity: `(num_images, num_parts)` bool, which of them there are;
                None: all.
            seed: int, or one for each image; None draws one.
            batch_size: int. Images assembled at once.

        Returns:
            dict of `x`, `(num_images, height, width, channels)` images, and
            `mask`, `(num_images, height, width, 1)`, how likely a pixel is
            inside of a part: float32 tensors in [0, 1]. Row i depends on row i
            of the inputs alone; where the parts stand does not matter.

        Raises:
            ValueError: if patches are not of that shape, there are too many, or
                an image has none.
        """
        return self.ask(
            "assemble",
            patches=patches,
            validity=validity,
            seed=seed,
            batch_size=batch_size,
        )

    def detect_parts(self, x, *, batch_size=256):
        """Finds key parts of images, as training does.

        Args:
            x: `(num_images, height, width, channels)` floats in [0, 1].
            batch_size: int. Images searched at once.

        Returns:
            dict of `boxes`, `(num_images, num_parts, 4)` int32: left, top,
            width and height in pixels, the best first; and of `patches`,
            `(num_images, num_parts, height, width, channels)` float32, what
            they show, as `assemble` takes it.
        """
        return self.ask("detect_parts", x=x, batch_size=batch_size)

    def discriminate(self, x, *, batch_size=256):
        """How real the discriminator holds images.

        Args:
            x: as for `detect_parts`.
            batch_size: int. Images judged at once.

        Returns:
            dict of `(num_images,)` float32 tensors: `logits`, and `realness`
            in (0, 1), their sigmoid.
        """
        return self.ask("discriminate", x=x, batch_size=batch_size)

    def endpoints(self):
        images = {
            "x": tensor_input(
                self.image_shape, "images, in [0, 1]", self.check_inputs
            )
        }
        shape = (None, *self.image_shape)
        return {
            **super().endpoints(),
            "assemble": Endpoint(
                self.put_together,
                {
                    "patches": tensor_input(
                        shape,
                        f"up to {self.max_parts} parts of an image, each "
                        "enlarged to its size, in [0, 1]",
                        self._checked_patches,
                        example=np.zeros(
                            (1, self.num_parts, *self.image_shape), "float32"
                        ),
                    ),
                    "validity": Input(
                        tf.TensorSpec((None, None), tf.bool),
                        "which of the parts there are",
                        lambda value, _: value,
                        default=None,
                        example=np.ones((1, self.num_parts), bool),
                    ),
                    "seed": seed_input(),
                },
                lambda answer, _: dict(zip(("x", "mask"), answer, strict=True)),
                prepare=self._prepared,
                description="puts parts together to an image and a mask",
                jit_compile=False,
            ),
            "detect_parts": Endpoint(
                self.boxes_and_patches,
                images,
                lambda answer, _: dict(
                    zip(("boxes", "patches"), answer, strict=True)
                ),
                description="finds key parts of images and cuts them out",
                jit_compile=False,
            ),
            "discriminate": Endpoint(
                self.discriminator_logits,
                images,
                lambda logits, _: {
                    "realness": ops.sigmoid(logits),
                    "logits": logits,
                },
                description="how real the discriminator holds images",
                jit_compile=False,
            ),
        }

    def put_together(self, patches, validity, seeds):
        """Images and masks of checked parts: see `assemble`."""
        return self.assembled(patches, validity, self.sample_latents(seeds))

    def boxes_and_patches(self, x):
        """Boxes and patches of checked images: see `detect_parts`."""
        boxes = self.find_boxes(x)
        return boxes, cut_out(x, boxes)

    def sample_latents(self, seeds):
        """Noise of a batch, each row from its own seed."""
        return 2.0 * row_uniform(seeds, self.latent_dim) - 1.0

    def _checked_patches(self, patches):
        patches = as_tensor(patches, "patches")
        if not patches.shape.is_compatible_with(
            (None, None, *self.image_shape)
        ):
            words = ", ".join(map(str, self.image_shape))
            raise ValueError(
                f"`patches` must have shape (batch_size, num_parts, {words}), "
                "each part enlarged to a whole image, as `detect_parts` does. "
                f"Received: shape={tuple(patches.shape)}"
            )
        flat = tf.reshape(patches, (-1, *self.image_shape))
        flat = as_images(flat, self.image_shape, name="patches")
        num_parts = tf.shape(patches)[1]
        patches = tf.reshape(flat, tf.shape(patches))
        return ensure(
            tf.ensure_shape(patches, (None, None, *self.image_shape)),
            num_parts <= self.max_parts,
            f"`patches` must hold at most {self.max_parts} parts of an image. "
            "Send fewer, or make the model with a larger `max_parts`.",
        )

    def _prepared(self, patches, validity, seed):
        """Arguments of `put_together`, once they fit each other."""
        shape = tf.shape(patches)[:2]
        if validity is None:
            return patches, tf.fill(shape, True), seed
        validity = as_tensor(validity, "validity")
        if validity.dtype != tf.bool or validity.shape.rank != 2:
            raise ValueError(
                "`validity` must hold booleans, one for each part. Received: "
                f"dtype={validity.dtype.name}, shape={tuple(validity.shape)}"
            )
        validity = ensure(
            validity,
            tf.reduce_all(tf.shape(validity) == shape),
            "`validity` must have one value for each of the `patches`.",
        )
        validity = ensure(
            validity,
            tf.reduce_all(tf.reduce_any(validity, axis=1)),
            "`validity` must be true for at least one part of each image.",
        )
        return patches, validity, seed
