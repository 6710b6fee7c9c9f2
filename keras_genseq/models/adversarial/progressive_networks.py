"""Generator and discriminator that grow by doubling the side of their images.

Level 0 has images of 4x4; each level doubles them. A network has the layers of
its own level and those below, under names that say their side: so the weights
of a lower level are found by name.
"""

import math

import keras
from keras import ops

from keras_genseq.layers import EqualizedConv2D
from keras_genseq.layers import EqualizedDense
from keras_genseq.layers import MinibatchStdDev
from keras_genseq.layers import PixelNormalization
from keras_genseq.layers.normalization.minibatch_std_dev import with_map
from keras_genseq.ops.resampling import doubled
from keras_genseq.ops.resampling import halved

FIRST_SIDE = 4


class ProgressiveNetwork(keras.Model):
    """What both networks have: sizes, colors, and how a level fades in.

    Args:
        level: int. The highest level; its images have sides of `4 * 2**level`.
        channels: int. Of the images.
        num_classes: int, or None.
        base_filters: int. A layer has this many filters over the power of two
            of its stage, ...
        max_filters: int. ... but at most so many.
        negative_slope: float. Of LeakyReLU.
        fades: bool. Whether the call takes the share of the highest level.
        **kwargs: passed to `keras.Model`.
    """

    def __init__(
        self,
        level,
        channels,
        *,
        num_classes=None,
        base_filters=8192,
        max_filters=512,
        negative_slope=0.2,
        fades=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.level = level
        self.channels = channels
        self.num_classes = num_classes
        self.base_filters = base_filters
        self.max_filters = max_filters
        self.negative_slope = negative_slope
        self.fades = fades

    @property
    def used_layers(self):
        """The layers that this level's images pass.

        The colors of lower levels are kept, but not trained any more.
        """
        first = self.level - 1 if self.fades else self.level
        idle = {id(layer) for layer in self.colors[: max(first, 0)]}
        return [layer for layer in self.layers if id(layer) not in idle]

    def filters(self, stage):
        """Filters of a stage: 1 for 4x4, 2 for 8x8, ...; 0 for the end."""
        return max(1, min(self.base_filters // 2**stage, self.max_filters))

    def activated(self, x):
        return ops.leaky_relu(x, self.negative_slope)

    def faded(self, before, after, alpha):
        """`before` at an `alpha` of 0, `after` at 1, exactly."""
        alpha = ops.cast(alpha, after.dtype)
        return (1.0 - alpha) * before + alpha * after

    def get_config(self):
        return {
            **super().get_config(),
            "level": self.level,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "base_filters": self.base_filters,
            "max_filters": self.max_filters,
            "negative_slope": self.negative_slope,
            "fades": self.fades,
        }

    def _convolution(self, name, level, filters, kernel_size=3, **kwargs):
        name = f"{name}{side_of(level)}x{side_of(level)}"
        return EqualizedConv2D(
            filters,
            kernel_size,
            name=name,
            dtype=self.dtype_policy,
            **kwargs,
            data_format="channels_last",
        )


@keras.saving.register_keras_serializable(package="keras_genseq")
class ProgressiveGenerator(ProgressiveNetwork):
    """Noise to images.

    Args:
        *args: as for `ProgressiveNetwork`.
        latent_dim: int.
        **kwargs: as for `ProgressiveNetwork`.

    Call arguments:
        inputs: `(batch_size, latent_dim)`; with classes a pair of that and
            `(batch_size, num_classes)`.
        alpha: scalar, the share of the highest level; None is 1.

    Returns:
        float32 `(batch_size, height, width, channels)`, around [0, 1].
    """

    def __init__(self, *args, latent_dim, **kwargs):
        super().__init__(*args, **kwargs)
        self.latent_dim = latent_dim
        dtype = self.dtype_policy
        self.normalization = PixelNormalization(dtype=dtype)
        self.projection = LatentProjection(
            self.filters(1), name="project4x4", dtype=dtype
        )
        self.convolutions = [
            self._convolution(
                f"conv{letter}", level, self.filters(level + 1), 3
            )
            for level in range(self.level + 1)
            for letter in ("b" if level == 0 else "ab")
        ]
        self.colors = [
            self._convolution("color", level, self.channels, 1, gain=1.0)
            for level in range(self.level + 1)
        ]
        self.output_shape = (None, *[side_of(self.level)] * 2, self.channels)
        self.build((None, latent_dim))

    def build(self, input_shape):
        width = self.latent_dim + (self.num_classes or 0)
        self.projection.build((None, width))
        shape = (None, FIRST_SIDE, FIRST_SIDE, self.filters(1))
        for layer in self.convolutions:
            layer.build(shape)
            shape = (*shape[:3], layer.filters)
        for level, layer in enumerate(self.colors):
            layer.build((*shape[:3], self.filters(level + 1)))

    def call(self, inputs, alpha=None):
        x = inputs
        if self.num_classes is not None:
            x = ops.concatenate(inputs, axis=-1)
        x = self.projection(self.normalization(x))
        x = self.normalization(self.activated(x))
        x, before = self._next(self.convolutions[0], x), None
        for level in range(1, self.level + 1):
            before = x
            x = doubled(x)
            for layer in self.convolutions[2 * level - 1 : 2 * level + 1]:
                x = self._next(layer, x)
        x = self.colors[-1](x)
        if self.fades and alpha is not None:
            x = self.faded(doubled(self.colors[-2](before)), x, alpha)
        # From [-1, 1].
        return 0.5 * (ops.cast(x, "float32") + 1.0)

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}

    def _next(self, layer, x):
        return self.normalization(self.activated(layer(x)))


@keras.saving.register_keras_serializable(package="keras_genseq")
class ProgressiveDiscriminator(ProgressiveNetwork):
    """Images to verdicts.

    Args:
        *args: as for `ProgressiveNetwork`.
        group_size: int. Of `layers.MinibatchStdDev`.
        **kwargs: as for `ProgressiveNetwork`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)` in [0, 1].
        alpha: scalar, the share of the highest level; None is 1.
        variation: scalar that stands for the deviation of the images of a
            group, so that each image is judged alone; None takes that of the
            images.

    Returns:
        dict of float32 tensors: `logits` and `variation`, `(batch_size,)`;
        with classes also `class_logits`, `(batch_size, num_classes)`.
    """

    def __init__(self, *args, group_size=4, **kwargs):
        super().__init__(*args, **kwargs)
        self.group_size = group_size
        dtype = self.dtype_policy
        self.colors = [
            self._convolution("color", level, self.filters(level + 1), 1)
            for level in range(self.level + 1)
        ]
        self.convolutions = [
            self._convolution(f"conv{letter}", level, self.filters(stage))
            for level in range(1, self.level + 1)
            for letter, stage in (("a", level + 1), ("b", level))
        ]
        self.deviation = MinibatchStdDev(group_size, dtype=dtype)
        self.last_convolution = self._convolution(
            "conva", 0, self.filters(1), 3
        )
        self.dense = EqualizedDense(
            self.filters(0), name="dense4x4", dtype=dtype
        )
        self.verdict = EqualizedDense(
            1 + (self.num_classes or 0), gain=1.0, name="verdict", dtype=dtype
        )
        # That of the logits.
        self.output_shape = (None, 1)
        self.build((None, *[side_of(self.level)] * 2, self.channels))

    def build(self, input_shape):
        sides = (None, FIRST_SIDE, FIRST_SIDE)
        for layer in self.colors:
            layer.build((*sides, self.channels))
        for i, layer in enumerate(self.convolutions):
            layer.build((*sides, self.filters(i // 2 + 2)))
        self.last_convolution.build((*sides, self.filters(1) + 1))
        self.dense.build((None, FIRST_SIDE**2 * self.filters(1)))
        self.verdict.build((None, self.filters(0)))

    def call(self, inputs, alpha=None, variation=None):
        x = self._maps(inputs, self.level)
        for level in range(self.level, 0, -1):
            for layer in self.convolutions[2 * level - 2 : 2 * level]:
                x = self.activated(layer(x))
            x = halved(x)
            if level == self.level and self.fades and alpha is not None:
                before = self._maps(halved(inputs), level - 1)
                x = self.faded(before, x, alpha)
        if variation is None:
            x = self.deviation(x)
        else:
            x = with_map(x, ops.zeros_like(x[:, 0, 0, 0]) + variation)
        variation = x[:, 0, 0, -1]
        x = self.activated(self.last_convolution(x))
        x = ops.reshape(x, (-1, FIRST_SIDE**2 * self.filters(1)))
        x = self.verdict(self.activated(self.dense(x)))
        found = {"logits": x[:, 0], "variation": variation}
        if self.num_classes is not None:
            found["class_logits"] = x[:, 1:]
        return {k: ops.cast(v, "float32") for k, v in found.items()}

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}

    def _maps(self, x, level):
        """Images as the maps of a level."""
        return self.activated(self.colors[level](2.0 * x - 1.0))


@keras.saving.register_keras_serializable(package="keras_genseq")
class LatentProjection(keras.layers.Layer):
    """Vectors to maps of 4x4, with one bias for each map.

    A convolution of 4x4 over a vector as the one pixel of an image.

    Args:
        filters: int. Maps.
        **kwargs: passed to `keras.layers.Layer`.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.dense = EqualizedDense(
            FIRST_SIDE**2 * filters,
            # As if the fan-in were that of all 16 pixels: the authors' code.
            gain=math.sqrt(2.0) / 4.0,
            use_bias=False,
            name="dense",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.bias = self.add_weight(
            name="bias", shape=(self.filters,), initializer="zeros"
        )

    def call(self, inputs):
        shape = (-1, FIRST_SIDE, FIRST_SIDE, self.filters)
        return ops.reshape(self.dense(inputs), shape) + self.bias

    def compute_output_shape(self, input_shape):
        return (input_shape[0], FIRST_SIDE, FIRST_SIDE, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def side_of(level):
    """Side of the images of a level."""
    return FIRST_SIDE * 2**level


def level_of(side):
    """The level whose images have a side nearest to this one: int."""
    return max(0, round(math.log2(max(1, side) / FIRST_SIDE)))
