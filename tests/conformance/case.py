"""What a row of the table holds."""

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping

import tensorflow as tf


@dataclasses.dataclass(frozen=True, eq=False)
class ModelCase:
    """A model and what it takes.

    Attributes:
        make: callable that makes the model.
        batch: callable `size -> batch` of training data, the same every time.
        bad_requests: dict: signature -> list of `(replaced inputs, words of the
            error)`; a name of an input maps to what makes the request bad.
        draws_categories: whether samples are categories, equal in every
            execution mode, or real values, equal but for rounding.
        quiet: dict: arguments of `make` without noise in training, and with
            batches of any size.
        policy_rtol: float. How far a 16-bit policy may move a likelihood of a
            network whose products it shortens; densities stay float32.
        replica_atol: float. How far rounding may move the weights on two
            replicas: the variances of synchronized batch normalizations are
            differences, which small activations magnify.
        compared_awake: whether ways of training (two replicas, XLA) are
            compared from weights that are awake: first ones of deviation 0.02
            lie so near 0 that a step at the rate of these tests overturns
            them, and magnifies rounding.
        awake_scale: float. Deviation of weights at which a group can learn:
            layers of equalized rates divide theirs by the root of the fan-in.
        weight_scale: float. Deviation of the weights of an exported model:
            deep ones with weights of deviation 1 draw the same from any noise.
        estimates_nll: whether `fit` and `evaluate` report `nll` by an estimate
            from random draws, and `log_prob` alone is exact.
        at_defaults: arguments that the row leaves at their defaults because
            they exclude others of the row, change what a batch is, or make
            more of rounding than the row's promises allow.
        kind: str. What its promises of training are: `"density"`,
            `"supervised"` (its batches are pairs), or `"game"` (several
            groups train it, each with an optimizer of its own).
        num_classes: int, or None. Of a conditional model; its batches are
            pairs of data and classes.
        samples: whether a density or a game draws examples from seeds alone.
        groups: names of the groups of a game's networks.
    """

    make: Callable
    batch: Callable
    bad_requests: Mapping = dataclasses.field(default_factory=dict)
    draws_categories: bool = True
    quiet: Mapping = dataclasses.field(default_factory=dict)
    policy_rtol: float = 1e-5
    replica_atol: float = 1e-6
    compared_awake: bool = False
    awake_scale: float = 0.4
    weight_scale: float = 1.0
    estimates_nll: bool = False
    at_defaults: tuple = ()
    kind: str = "density"
    num_classes: int | None = None
    samples: bool = True
    groups: tuple = ("discriminator", "generator")

    def pair(self, size):
        """A batch as (x, y); y is None where there is neither target nor
        class."""
        batch = self.batch(size)
        return batch if isinstance(batch, tuple) else (batch, None)

    def tensors(self, size):
        """The pair as `fit` hands it to a step."""
        return tuple(
            None if value is None else tf.nest.map_structure(tf.constant, value)
            for value in self.pair(size)
        )

    def condition(self, size):
        """Keyword arguments that tell a conditional model the classes."""
        if self.num_classes is None:
            return {}
        return {"condition": self.pair(size)[1]}

    def outputs(self, model, size, **kwargs):
        """What the model makes of a batch without its targets."""
        x, y = self.tensors(size)
        condition = () if self.num_classes is None else (y,)
        return model(x, *condition, **kwargs)


@dataclasses.dataclass(frozen=True)
class LayerCase:
    """A layer and what it takes.

    Attributes:
        make: callable of keyword arguments (`dtype`) that makes the layer.
        inputs: callable `size -> tuple` of the arguments of a call.
        masks: whether it takes one input and a `mask` of shape
            `(batch_size, time)`.
    """

    make: Callable
    inputs: Callable
    masks: bool = False
