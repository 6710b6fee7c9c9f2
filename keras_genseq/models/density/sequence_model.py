"""The base of density models over sequences of any length."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq import export
from keras_genseq.metrics import NatsPerStep
from keras_genseq.models.density.density_model import DensityModel
from keras_genseq.ops.checks import as_mask
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.value_checks import ensure
from keras_genseq.ops.value_checks import not_empty


class SequenceModel(DensityModel):
    """Explicit density over sequences, `(batch_size, time)` or with channels.

    A subclass says `call`, `log_prob_from_logits`, `draw`, `check_values` and
    `num_steps`. The loss of an example is its negative log-likelihood per step
    of the batch, so that a learning rate suits any length; metrics are `nll`
    (nats of a whole sequence) and `nll_per_step`, over the steps that count.

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
        steps = ops.stack([nll, self.num_steps(x)], axis=-1)
        terms = {metric.name: steps for metric in self.step_metrics}
        loss = nll / ops.cast(ops.shape(x)[1], "float32")
        return loss, {"nll": nll, **terms}

    @property
    def step_metrics(self):
        """Metrics that take nats and steps of each sequence."""
        return [self.nll_per_step]

    def log_prob(self, x, batch_size=256):
        x = self.check_inputs(x)
        if self.padding_value is not None:
            x = _pad_time(x, self.padding_value)
        return super().log_prob(x, batch_size)

    def sample(
        self,
        num_samples,
        length=64,
        seed=None,
        temperature=1.0,
        batch_size=256,
    ):
        """Draws sequences from the model.

        Args:
            num_samples: int.
            length: int, or one per sample. Steps to draw.
            seed: int, or one int per sample; None draws one. Sample i depends
                on the seed and i alone, and a longer one begins like a
                shorter one.
            temperature: float, or one per sample; below 1 sharpens every
                step, 0 takes the likeliest value.
            batch_size: int. Samples drawn at once.

        Returns:
            `(num_samples, longest length, ...)` tensor; steps beyond a
            sample's own length are 0.

        Raises:
            ValueError: if `num_samples` or `length` is not positive,
                `temperature` negative, or a number of values is neither one
                nor `num_samples`.
        """
        if num_samples < 1:
            raise ValueError(
                "`num_samples` must be at least 1. "
                f"Received: num_samples={num_samples}"
            )
        length = as_row_values(
            length, num_samples, tf.int32, name="length", minimum=1
        )
        hidden = self._hidden(num_samples, int(tf.reduce_max(length)))
        x = self._complete(
            hidden,
            tf.zeros(hidden.shape[:2], bool),
            seed,
            temperature,
            batch_size,
        )
        return _cut(x, length)

    def complete(self, x, mask, seed=None, temperature=1.0, batch_size=256):
        """Keeps the steps that the mask shows and draws the rest, in order.

        Each hidden step is drawn given all earlier ones, shown or drawn; shown
        steps that come later do not reach back to it.

        Args:
            x: `(num_examples, time, ...)`; hidden values do not matter.
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
        x, mask = self.check_masked(x, mask)
        return self._complete(x, mask, seed, temperature, batch_size)

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

    def serving_signatures(self):
        """Signatures of the exported model: see `keras_genseq.export`."""
        x = tf.TensorSpec((None, None, *self.step_shape), self.step_dtype)
        mask = tf.TensorSpec((None, None), tf.bool)
        row_int = tf.TensorSpec((None,), tf.int32)
        row_float = tf.TensorSpec((None,), tf.float32)
        example = self._hidden(1, 8).numpy()
        zero = np.zeros((1,), "int32")

        def score(x):
            return {"log_prob": self._score(self.check_inputs(x))}

        def sample(seed, temperature, length):
            seed = not_empty(seed, name="seed")
            rows = tf.shape(seed)[0]
            temperature = as_row_values(
                temperature, rows, tf.float32, name="temperature", minimum=0.0
            )
            length = as_row_values(
                length, rows, tf.int32, name="length", minimum=1
            )
            hidden = self._hidden(rows, tf.reduce_max(length))
            mask = tf.zeros(tf.shape(hidden)[:2], bool)
            drawn = self.draw(hidden, mask, seed, temperature)
            return {"x": _cut(drawn, length)}

        def complete(x, mask, seed):
            x, mask = self.check_masked(x, mask)
            rows = tf.shape(x)[0]
            seed = as_seeds(seed, rows)
            return {"x": self.draw(x, mask, seed, tf.ones((rows,)))}

        return {
            "score": export.Signature(score, {"x": x}, {"x": example}),
            "sample": export.Signature(
                sample,
                {"seed": row_int, "temperature": row_float, "length": row_int},
                {
                    "seed": zero,
                    "temperature": np.ones((1,), "float32"),
                    "length": np.array([8], "int32"),
                },
            ),
            "complete": export.Signature(
                complete,
                {"x": x, "mask": mask, "seed": row_int},
                {"x": example, "mask": np.zeros((1, 8), bool), "seed": zero},
            ),
        }

    def _hidden(self, num_rows, num_steps):
        shape = (num_rows, num_steps, *self.step_shape)
        hidden = tf.zeros(shape, self.step_dtype)
        return self.check_length(hidden, num_steps, "length")

    def _per_value(self, mask):
        """A mask of steps as one that broadcasts against their values."""
        return tf.reshape(
            mask, tf.concat([tf.shape(mask), [1] * len(self.step_shape)], 0)
        )

    def _complete(self, x, mask, seed, temperature, batch_size):
        num_steps = x.shape[1]
        x, mask = _pad_time(x, 0), _pad_time(mask, False)
        x = self._draw_rows(x, mask, seed, temperature, batch_size)
        return x[:, :num_steps]


def _pad_time(x, value):
    """Lengthens sequences to a power of two: a handful of shapes to compile."""
    num_steps = x.shape[1]
    missing = (1 << (num_steps - 1).bit_length()) - num_steps
    paddings = [[0, 0], [0, missing]] + [[0, 0]] * (x.shape.rank - 2)
    return tf.pad(x, paddings, constant_values=value)


def _cut(x, length):
    """Zeros the steps beyond each row's own length."""
    inside = tf.sequence_mask(length, tf.shape(x)[1])
    shape = tf.concat([tf.shape(inside), [1] * (x.shape.rank - 2)], 0)
    return tf.where(tf.reshape(inside, shape), x, tf.zeros_like(x))
