"""The base of density models over images of grey or color levels."""

import numpy as np
from keras import ops

from keras_genseq.models.density.density_model import FixedShapeDensity
from keras_genseq.ops.checks import as_image_shape
from keras_genseq.ops.checks import as_images
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.log_probabilities import bernoulli_log_prob
from keras_genseq.ops.log_probabilities import categorical_log_prob
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.sampling import categories_from_uniforms
from keras_genseq.ops.scan import scan
from keras_genseq.ops.values import all_levels


class ImageLikelihoodModel(FixedShapeDensity):
    """Density over images, pixel by pixel in raster order, color by color.

    A subclass says `call(x) -> logits`, `(batch_size, height, width, channels)`
    of coins if pixels are binary, else `(..., num_categories)`. It draws
    through `incremental()`, a network that computes only what a new pixel
    changes.

    Args:
        image_shape: (height, width, channels).
        num_categories: int. Levels of a pixel: values are whole multiples of
            `1 / (num_categories - 1)`.
        **kwargs: passed to `keras.Model`.
    """

    def __init__(self, image_shape, num_categories=2, **kwargs):
        image_shape = as_image_shape(image_shape)
        num_categories = as_int(num_categories, "num_categories", minimum=2)
        super().__init__(image_shape, **kwargs)
        self.image_shape = image_shape
        self.num_categories = num_categories

    def incremental(self, condition=None):
        """The network as a sampler runs it.

        Args:
            condition: `(batch_size, ...)`: what the model is told of each
                image beside its pixels, if anything.

        Returns:
            Object of four methods. Tensors have no batch axis in front but
            in second place; a state is a structure of tensors.

            - `first_state(batch_size)`: the state above the first row;
            - `next_row(state, row)`: the state when a row begins, all pixels
              above being known;
            - `at_pixel(x, state, column)`: features of a pixel, of which
              `x`, `(batch_size, channels)`, holds the colors known so far,
              and the new state;
            - `reveal(x, state, column)`: the state when all its colors are
              known.
        """
        raise NotImplementedError

    def pixel_logits(self, features):
        """Float32 logits `(..., channels[, num_categories])` of features."""
        logits = ops.cast(features, "float32")
        if self.num_categories == 2:
            return logits
        shape = (*logits.shape[1:-1], self.image_shape[2], self.num_categories)
        return ops.reshape(logits, (-1, *shape))

    @property
    def num_logits(self):
        """int: channels of the network's last layer."""
        levels = 1 if self.num_categories == 2 else self.num_categories
        return levels * self.image_shape[2]

    def log_prob_from_logits(self, x, logits):
        if self.num_categories == 2:
            return bernoulli_log_prob(x, logits)
        return categorical_log_prob(
            ops.round(x * (self.num_categories - 1.0)), logits
        )

    def check_inputs(self, x, name="x"):
        x = as_images(x, self.image_shape, name=name)
        return all_levels(x, self.num_categories, name=name)

    def draw(self, x, mask, seeds, temperature, condition=None):
        height, width, channels = self.image_shape
        network = self.incremental(condition)
        rows = tuple(
            ops.transpose(t, (1, 2, 0, 3))  # (H, W, B, C)
            for t in (x, mask, self._uniforms(seeds))
        )

        def pixel(state, inputs):
            column, values, shown, uniforms = inputs
            known = ops.zeros_like(values)
            for color in range(channels):
                features, state = network.at_pixel(known, state, column)
                drawn = self._levels(
                    self.pixel_logits(features)[:, color],
                    uniforms[:, color],
                    temperature,
                )
                drawn = ops.where(shown[:, color], values[:, color], drawn)
                here = np.arange(channels) == color
                known = ops.where(here, drawn[:, None], known)
            return network.reveal(known, state, column), known

        def row(state, inputs):
            number, *pixels = inputs
            state = network.next_row(state, number)
            columns = np.arange(width, dtype="int32")
            return scan(pixel, state, (columns, *pixels))

        first = network.first_state(ops.shape(x)[0])
        numbers = np.arange(height, dtype="int32")
        _, images = scan(row, first, (numbers, *rows))
        return ops.transpose(images, (2, 0, 1, 3))

    def draw_by_whole_passes(self, x, mask, seeds, temperature, *condition):
        """What `draw` returns, by a pass over the image for every value.

        The plain sampler of the papers: slow, and what `draw` is tested
        against.
        """
        uniforms = self._uniforms(seeds)
        flat_mask = ops.reshape(mask, (-1, self.input_dim))

        def step(images, place):
            logits = self(images, *condition)
            logits = ops.reshape(
                logits, (-1, self.input_dim, *logits.shape[4:])
            )
            flat = ops.reshape(images, (-1, self.input_dim))
            drawn = self._levels(
                ops.take(logits, place, axis=1),
                ops.take(
                    ops.reshape(uniforms, (-1, self.input_dim)), place, axis=1
                ),
                temperature,
            )
            here = np.arange(self.input_dim) == place
            flat = ops.where(here & ~flat_mask, drawn[:, None], flat)
            return ops.reshape(flat, (-1, *self.image_shape)), ()

        places = np.arange(self.input_dim, dtype="int32")
        images, _ = scan(step, x, places)
        return images

    def _uniforms(self, seeds):
        uniforms = row_uniform(seeds, self.input_dim)
        return ops.reshape(uniforms, (-1, *self.image_shape))

    def _levels(self, logits, uniforms, temperature):
        """Draws values in [0, 1]: `(batch_size,)`."""
        if self.num_categories == 2:
            # Temperature 0 is the limit, not a division by zero.
            sharpness = 1.0 / ops.maximum(temperature, 1e-6)
            drawn = uniforms < ops.sigmoid(logits * sharpness)
            return ops.cast(drawn, "float32")
        levels = categories_from_uniforms(logits, uniforms, temperature)
        return ops.cast(levels, "float32") / (self.num_categories - 1.0)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "num_categories": self.num_categories,
        }
