"""The base of density models over vectors, whatever their values are."""

import keras
import tensorflow as tf

from keras_genseq.metrics import BitsPerDimension
from keras_genseq.models.density.density_model import DensityModel
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.value_checks import ensure
from keras_genseq.ops.value_checks import not_empty


class VectorDensityModel(DensityModel):
    """Explicit density over vectors of a fixed length.

    A subclass says `check_inputs(x)`, `call(x) -> logits`,
    `log_prob_from_logits(x, logits)` and `draw(x, mask, seeds, temperature)`.
    It then trains on the mean negative log-likelihood with `fit`, scores with
    `log_prob`, generates with `sample` and `complete`, and exports all of them.

    Args:
        input_dim: int. Dimensions of an example.
        **kwargs: passed to `keras.Model`.
    """

    def __init__(self, input_dim, **kwargs):
        input_dim = check_counts(input_dim=input_dim)
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.nll = keras.metrics.Mean(name="nll", dtype="float32")
        self.bits_per_dim = BitsPerDimension(input_dim, dtype="float32")

    @property
    def example_shape(self):
        """Shape of an example: tuple of ints."""
        return (self.input_dim,)

    def example_losses(self, x, y, *, training):
        nll = self.negative_log_likelihood(x, y, training=training)
        return nll, {"nll": nll, "bits_per_dim": nll}

    def sample(
        self,
        num_samples,
        seed=None,
        temperature=1.0,
        batch_size=256,
        *,
        condition=None,
    ):
        """Draws examples from the model.

        Args:
            num_samples: int.
            seed: int, or one int per sample; None draws one. Sample i depends
                on the seed and i alone, not on `num_samples`.
            temperature: float, or one per sample; below 1 sharpens every
                conditional, 0 takes the likeliest value.
            batch_size: int. Samples drawn at once.
            condition: a class, or one per sample, of a conditional model.

        Returns:
            float32 tensor of `num_samples` examples.

        Raises:
            ValueError: if `num_samples` is not positive, `temperature`
                negative, or a number of values is neither one nor
                `num_samples`.
        """
        if num_samples < 1:
            raise ValueError(
                "`num_samples` must be at least 1. "
                f"Received: num_samples={num_samples}"
            )
        hidden = tf.zeros((num_samples, *self.example_shape))
        return self._draw_rows(
            hidden, hidden > 0.0, seed, temperature, batch_size, condition
        )

    def complete(
        self,
        x,
        mask,
        seed=None,
        temperature=1.0,
        batch_size=256,
        *,
        condition=None,
    ):
        """Keeps what the mask shows and draws the rest, dimension by dimension.

        Each hidden dimension is drawn given all earlier ones in the model's
        ordering, shown or drawn; shown dimensions that come later do not reach
        back to it.

        Args:
            x: floats, examples as `log_prob` takes them; hidden values do not
                matter.
            mask: booleans, same shape; True keeps the value of `x`.
            seed: as for `sample`.
            temperature: as for `sample`.
            batch_size: int. Examples completed at once.
            condition: as for `sample`.

        Returns:
            float32 tensor of the shape of `x`.

        Raises:
            ValueError: as for `log_prob` and `sample`, and if the mask is not
                boolean or has another shape than `x`.
        """
        x, mask = self.check_masked(x, mask)
        return self._draw_rows(
            x, mask, seed, temperature, batch_size, condition
        )

    def check_masked(self, x, mask):
        """Checks examples of which only a part counts; zeros the others."""
        x, mask = tf.convert_to_tensor(x), tf.convert_to_tensor(mask)
        if mask.dtype != tf.bool or not mask.shape.is_compatible_with(x.shape):
            raise ValueError(
                f"`mask` must be boolean and of the shape of `x`, "
                f"{tuple(x.shape)}. Received: dtype={mask.dtype.name}, "
                f"shape={tuple(mask.shape)}"
            )
        mask = ensure(
            mask,
            tf.reduce_all(tf.shape(mask) == tf.shape(x)),
            "`mask` must have the shape of `x`.",
        )
        return self.check_inputs(tf.where(mask, x, tf.zeros_like(x))), mask

    def serving_signatures(self):
        """Signatures of the exported model: see `keras_genseq.export`."""
        x = ("x", tf.TensorSpec((None, *self.example_shape), tf.float32))
        mask = ("mask", tf.TensorSpec((None, *self.example_shape), tf.bool))
        seed = ("seed", tf.TensorSpec((None,), tf.int32))
        temperature = ("temperature", tf.TensorSpec((None,), tf.float32))

        def score(x, **condition):
            x = self.check_inputs(x)
            condition = self.served_condition(x, condition)
            return {"log_prob": self._score(x, *condition)}

        def sample(seed, temperature, **condition):
            seed = not_empty(seed, name="seed")
            num_rows = tf.shape(seed)[0]
            temperature = as_row_values(
                temperature,
                num_rows,
                tf.float32,
                name="temperature",
                minimum=0.0,
            )
            condition = self.served_condition(seed, condition)
            hidden = tf.zeros((num_rows, *self.example_shape))
            drawn = self.draw(
                hidden, hidden > 0.0, seed, temperature, *condition
            )
            return {"x": drawn}

        def complete(x, mask, seed, **condition):
            x, mask = self.check_masked(x, mask)
            num_rows = tf.shape(x)[0]
            seed = as_seeds(seed, num_rows)
            condition = self.served_condition(x, condition)
            ones = tf.ones((num_rows,))
            return {"x": self.draw(x, mask, seed, ones, *condition)}

        return {
            "score": self.signature(score, x),
            "sample": self.signature(sample, seed, temperature),
            "complete": self.signature(complete, x, mask, seed),
        }

    def get_config(self):
        return {**super().get_config(), "input_dim": self.input_dim}
