"""Laws of codes that one can draw from; no density is ever asked for."""

import math

import keras
from keras import ops

from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.random import row_normal
from keras_genseq.ops.random import row_uniform

# Streams of a row's seed; each part of a draw has one of its own.
_CLASS_STREAM = 1
_PLACE_STREAM = 2


class CodePrior:
    """What an `AdversarialAutoencoder` takes as the law of its codes.

    Attributes:
        dim: int. Length of a code.
        num_classes: int, or None where the law has no parts that classes could
            be given.
    """

    dim = None
    num_classes = None

    def draw(self, seeds, classes=None):
        """Draws codes, each row from its own seed.

        Args:
            seeds: `(batch_size,)` int32 tensor.
            classes: `(batch_size,)` int32 tensor of parts of the law, where -1
                draws from all of it; or None.

        Returns:
            `(batch_size, dim)` float32 tensor.
        """
        raise NotImplementedError

    def classes_of(self, seeds, classes):
        """A part for each row: the given one, or one drawn evenly."""
        uniform = row_uniform(seeds, 1, stream=_CLASS_STREAM)[:, 0]
        drawn = ops.cast(uniform * self.num_classes, "int32")
        return (
            drawn if classes is None else ops.where(classes < 0, drawn, classes)
        )

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_genseq")
class GaussianPrior(CodePrior):
    """A normal law around 0.

    Args:
        dim: int. Length of a code.
        scale: float. Deviation in every dimension.
    """

    def __init__(self, dim, scale=1.0):
        dim = check_counts(dim=dim)
        self.dim = dim
        self.scale = scale

    def draw(self, seeds, classes=None):
        return self.scale * row_normal(seeds, self.dim)

    def get_config(self):
        return {"dim": self.dim, "scale": self.scale}


@keras.saving.register_keras_serializable(package="keras_genseq")
class GaussianMixturePrior(CodePrior):
    """Normal laws on a circle in the plane, each stretched towards its centre.

    Args:
        num_classes: int. Normal laws.
        radius: float. Distance of their means from 0.
        radial_scale: float. Deviation along the radius.
        tangential_scale: float. Deviation across it.

    References:
        - [Makhzani et al., 2016](https://arxiv.org/abs/1511.05644), figure 4
    """

    dim = 2

    def __init__(
        self,
        num_classes=10,
        radius=4.0,
        radial_scale=1.0,
        tangential_scale=0.4,
    ):
        num_classes = check_counts(num_classes=num_classes)
        self.num_classes = num_classes
        self.radius = radius
        self.radial_scale = radial_scale
        self.tangential_scale = tangential_scale

    def draw(self, seeds, classes=None):
        classes = self.classes_of(seeds, classes)
        angle = 2.0 * math.pi / self.num_classes * ops.cast(classes, "float32")
        noise = row_normal(seeds, 2)
        along = self.radius + self.radial_scale * noise[:, 0]
        across = self.tangential_scale * noise[:, 1]
        cosine, sine = ops.cos(angle), ops.sin(angle)
        return ops.stack(
            [along * cosine - across * sine, along * sine + across * cosine],
            axis=1,
        )

    def get_config(self):
        return {
            "num_classes": self.num_classes,
            "radius": self.radius,
            "radial_scale": self.radial_scale,
            "tangential_scale": self.tangential_scale,
        }


@keras.saving.register_keras_serializable(package="keras_genseq")
class SwissRollPrior(CodePrior):
    """A spiral in the plane; class k is the k-th of equal shares of its turns.

    Args:
        num_classes: int.
        radius: float. Of the outer end.
        scale: float. Deviation of the noise around the spiral.

    References:
        - [Makhzani et al., 2016](https://arxiv.org/abs/1511.05644), figure 4
    """

    dim = 2

    def __init__(self, num_classes=10, radius=10.0, scale=0.1):
        num_classes = check_counts(num_classes=num_classes)
        self.num_classes = num_classes
        self.radius = radius
        self.scale = scale

    def draw(self, seeds, classes=None):
        classes = ops.cast(self.classes_of(seeds, classes), "float32")
        place = row_uniform(seeds, 1, stream=_PLACE_STREAM)[:, 0]
        # A turn and a half, from 1.5 pi to 4.5 pi.
        share = (classes + place) / self.num_classes
        angle = 1.5 * math.pi * (1.0 + 2.0 * share)
        length = self.radius * angle / (4.5 * math.pi)
        point = ops.stack([ops.cos(angle), ops.sin(angle)], axis=1)
        return length[:, None] * point + self.scale * row_normal(seeds, 2)

    def get_config(self):
        return {
            "num_classes": self.num_classes,
            "radius": self.radius,
            "scale": self.scale,
        }
