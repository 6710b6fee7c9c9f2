"""The base of density models over sequences of any length."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.metrics import NatsPerStep
from keras_genseq.models.base.batched_apply import power_of_two
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import bucketed_size
from keras_genseq.models.base.endpoint import count_input
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import rounds_sizes_up
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import temperature_input
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.models.density.density_model import TEMPERATURE
from keras_genseq.models.density.density_model import DensityModel
from keras_genseq.ops.checks import as_mask
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure


class SequenceModel(DensityModel):
    """Explicit density over sequences, `(batch_size, time)` or with channels.

    A subclass says `call`, `log_prob_from_logits`, `draw`, `check_values` and
    `num_steps`. The loss is the mean negative log-likelihood of a step, over
    the steps of the global batch that count, so that a learning rate suits any
    length and padding changes nothing; metrics are `nll` (nats of a whole
    sequence) and `nll_per_step`.

    Args:
        step_shape: tuple. Shape of one step: `()` or `(channels,)`.
        step_dtype: `"int32"` for token ids, `"float32"` for real values.
        **kwargs: passed to `keras.Model`.
    """

    # What stands for steps that do not count; None where all steps do.
    padding_value = None
    # The most steps that there are positions for; None is no limit.
    max_sequence_length = None

    def __init__(self, step_shape, step_dtype, **kwargs):
        super().__init__(**kwargs)
        # Densities are float32 under every policy: so are the series.
        self.autocast = False
        self.step_shape = tuple(step_shape)
        self.input_spec = keras.layers.InputSpec(
            shape=(None, None, *self.step_shape)
        )
        self.step_dtype = tf.as_dtype(step_dtype)
        self.nll = keras.metrics.Mean(name="nll", dtype="float32")
        self.nll_per_step = NatsPerStep(dtype="float32")

    def check_values(self, x, name, where=None):
        """Checks the values of sequences whose shape is right.

        Args:
            x: `(batch_size, time, ...)` tensor.
            name: str. What error messages call it.
            where: optional boolean tensor; values where it is False do not
                matter.

        Returns:
            `x`.
        """
        raise NotImplementedError

    def num_steps(self, x):
        """Steps of each sequence that count, `(batch_size,)` float32."""
        rows, steps = ops.shape(x)[:2]
        return ops.cast(ops.zeros((rows,), "int32") + steps, "float32")

    def example_losses(self, x, y, *, training):
        nll = self.negative_log_likelihood(x, y, training=training)
        return self.losses_from_nll(x, nll)

    def losses_from_nll(self, x, nll):
        """The loss and the terms of sequences whose nats are known."""
        num_steps = self.num_steps(x)
        steps = ops.stack([nll, num_steps], axis=-1)
        terms = {metric.name: steps for metric in self.step_metrics}
        counts = self.example_counts(x, None)
        if counts is None:
            counts = ops.cast(ops.shape(x)[1], "float32")
        loss = nll / ops.maximum(counts, 1.0)
        return loss, {"nll": nll, **terms}

    def example_counts(self, x, y):
        """Steps of each sequence: the loss is a mean over those that count."""
        return None if self.padding_value is None else self.num_steps(x)

    @property
    def step_metrics(self):
        """Metrics that take nats and steps of each sequence."""
        return [self.nll_per_step]

    def sample(
        self,
        num_samples,
        seed=None,
        *,
        length=64,
        temperature=1.0,
        batch_size=256,
    ):
        """Draws sequences from the model.

        Args:
            num_samples: int.
            seed: int, or one int per sample; None draws one. Sample i depends
                on the seed and i alone, and a longer one begins like a
                shorter one.
            length: int, or one per sample. Steps to draw.
            temperature: float, or one per sample; below 1 sharpens every
                step, 0 takes its mode.
            batch_size: int. Samples drawn at once.

        Returns:
            `(num_samples, longest length, ...)` tensor; steps beyond a
            sample's own length are 0.

        Raises:
            ValueError: if `num_samples` or `length` is not positive,
                `temperature` out of range, or a number of values is neither
                one nor `num_samples`.
        """
        num_samples = check_counts(num_samples=num_samples)
        return self.ask(
            "sample",
            num_samples,
            seed=seed,
            length=length,
            temperature=temperature,
            batch_size=batch_size,
        )

    def complete(self, x, mask, seed=None, *, temperature=1.0, batch_size=256):
        """Keeps the steps that the mask shows and draws the rest, in order.

        Each missing step is drawn given all earlier ones, observed or drawn;
        observed steps that come later do not reach back to it.

        Args:
            x: `(num_examples, time, ...)`; missing values do not matter.
            mask: `(num_examples, time)` booleans; True keeps a step of `x`.
            seed: as for `sample`.
            temperature: as for `sample`.
            batch_size: int. Examples completed at once.

        Returns:
            Tensor like `x`.

        Raises:
            ValueError: as for `log_prob` and `sample`, and if the mask is not
                boolean or has another shape than the steps of `x`.
        """
        return self.ask(
            "complete",
            x=x,
            mask=mask,
            seed=seed,
            temperature=temperature,
            batch_size=batch_size,
        )

    def check_inputs(self, x, name="x"):
        x = as_sequences(x, self.step_shape, self.step_dtype, name=name)
        x = self.check_length(x, tf.shape(x)[1], name)
        return self.check_values(x, name)

    def check_length(self, x, num_steps, name):
        """Refuses more steps than the model has positions for.

        Args:
            x: tensor that is handed through.
            num_steps: int or integer tensor.
            name: str. What error messages call it.
        """
        limit = self.max_sequence_length
        if limit is None:
            return x
        return ensure(
            x,
            tf.reduce_all(num_steps <= limit),
            f"This model has {limit} positions (`max_sequence_length`), but "
            f"`{name}` asks for more. Cut it, or make a model with more.",
        )

    def check_masked(self, x, mask):
        """Checks sequences of which only a part counts; zeros the others."""
        x = as_sequences(x, self.step_shape, self.step_dtype)
        x = self.check_length(x, tf.shape(x)[1], "x")
        mask = as_mask(mask, x)
        shown = self._per_value(mask)
        x = self.check_values(x, "x", where=shown)
        return tf.where(shown, x, tf.zeros_like(x)), mask

    def endpoints(self):
        def padded(x):
            value = self.padding_value
            return (x if value is None else bucketed(x, value),)

        def nothing_observed(seed, temperature, length):
            longest = tf.reduce_max(length)
            hidden = self._hidden(
                num_rows_of(seed), bucketed_size(longest, power_of_two)
            )
            hidden = self.check_length(hidden, longest, "length")
            mask = tf.zeros(tf.shape(hidden)[:2], bool)
            return hidden, mask, seed, temperature

        def cut(x, inputs):
            longest = tf.reduce_max(inputs["length"])
            return {"x": _cut(x[:, :longest], inputs["length"])}

        def observed(x, mask, seed, temperature):
            x, mask = self.check_masked(x, mask)
            return (
                bucketed(x, 0),
                bucketed(mask, False),
                seed,
                temperature,
            )

        def unpadded(x, inputs):
            return {"x": x[:, : tf.shape(inputs["x"])[1]]}

        return {
            "score": Endpoint(
                self._score,
                {"x": self.example_input()},
                "log_prob",
                padded,
                "exact log-likelihood of sequences, in nats",
            ),
            "sample": Endpoint(
                self.draw,
                {
                    "seed": seed_input(),
                    "temperature": temperature_input(TEMPERATURE),
                    "length": count_input(
                        "steps to draw",
                        default=64,
                        maximum=self.max_sequence_length,
                        example=8,
                    ),
                },
                cut,
                nothing_observed,
                "draws sequences",
            ),
            "complete": Endpoint(
                self.draw,
                {
                    "x": tensor_input(
                        (None, *self.step_shape),
                        "sequences; missing steps do not matter",
                        lambda x: as_tensor(x, "x"),
                        self.step_dtype,
                        example=self._hidden(1, 8).numpy(),
                    ),
                    "mask": tensor_input(
                        (None,),
                        "True keeps a step of `x`",
                        lambda mask: as_tensor(mask, "mask"),
                        tf.bool,
                        example=np.zeros((1, 8), bool),
                    ),
                    "seed": seed_input(),
                    "temperature": temperature_input(TEMPERATURE, served=False),
                },
                unpadded,
                observed,
                "keeps the steps that the mask shows and draws the rest",
            ),
        }

    def example_input(self):
        """The input of an endpoint that reads sequences."""
        return tensor_input(
            (None, *self.step_shape),
            "sequences",
            self.check_inputs,
            self.step_dtype,
            example=self._hidden(1, 8).numpy(),
        )

    def _hidden(self, num_rows, num_steps):
        shape = (num_rows, num_steps, *self.step_shape)
        return tf.zeros(shape, self.step_dtype)

    def _per_value(self, mask):
        """A mask of steps as one that broadcasts against their values."""
        return tf.reshape(
            mask, tf.concat([tf.shape(mask), [1] * len(self.step_shape)], 0)
        )


def bucketed(x, value):
    """Lengthens sequences, in eager code, to one of a handful of lengths.

    Args:
        x: `(batch_size, time, ...)` tensor.
        value: what stands in the steps added.
    """
    if not rounds_sizes_up():
        return x
    num_steps = x.shape[1]
    paddings = [[0, 0], [0, power_of_two(num_steps) - num_steps]]
    paddings += [[0, 0]] * (x.shape.rank - 2)
    return tf.pad(x, paddings, constant_values=value)


def _cut(x, length):
    """Zeros the steps beyond each row's own length."""
    inside = tf.sequence_mask(length, tf.shape(x)[1])
    shape = tf.concat([tf.shape(inside), [1] * (x.shape.rank - 2)], 0)
    return tf.where(tf.reshape(inside, shape), x, tf.zeros_like(x))
