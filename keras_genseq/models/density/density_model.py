"""The bases of all models with an exact likelihood."""

import math

import keras
import tensorflow as tf

from keras_genseq.metrics import BitsPerDimension
from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import class_condition
from keras_genseq.models.base.endpoint import num_rows_of
from keras_genseq.models.base.endpoint import seed_input
from keras_genseq.models.base.endpoint import temperature_input
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_vectors
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import all_categories
from keras_genseq.ops.values import as_tensor
from keras_genseq.ops.values import ensure

TEMPERATURE = (
    "below 1 sharpens every conditional distribution, 0 takes its mode"
)


class DensityModel(BaseModel):
    """Explicit density over examples of one kind.

    A base for vectors, images or sequences says which examples there are
    (`check_inputs`, `endpoints`) and what training reports
    (`example_losses`); a system says `call(x) -> logits`,
    `log_prob_from_logits(x, logits)` and `draw(x, mask, seeds, temperature)`.
    """

    takes_targets = False

    def log_prob_from_logits(self, x, logits):
        """Log-likelihood of a batch whose logits are known.

        Args:
            x: `(batch_size, ...)`.
            logits: what `call(x)` returned.

        Returns:
            `(batch_size,)` nats, float32, summed over the rest.
        """
        raise NotImplementedError

    def draw(self, x, mask, seeds, temperature):
        """Samples the missing values of a batch, each row from its own seed.

        Args:
            x: `(batch_size, ...)` tensor.
            mask: boolean, same shape: True keeps the value of `x`.
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` float32 tensor; logits are divided by
                it, and 0 takes the mode.

        Returns:
            `(batch_size, ...)` tensor.
        """
        raise NotImplementedError

    def negative_log_likelihood(self, x, y, *, training):
        """Nats of each example of a training batch.

        Args:
            x: checked inputs of a batch.
            y: checked condition of a conditional model, else None.
            training: bool.

        Returns:
            `(batch_size,)` float32 tensor.
        """
        condition = () if y is None else (y,)
        logits = self(x, *condition, training=training)
        return -self.log_prob_from_logits(x, logits)

    def log_prob(self, x, *, condition=None, batch_size=256):
        """Exact log-likelihood of each example.

        Args:
            x: `(num_examples, ...)`, as `check_inputs` takes it.
            condition: a class, or one per example, of a conditional model.
            batch_size: int. Examples scored at once.

        Returns:
            `(num_examples,)` float32 tensor, in nats.

        Raises:
            ValueError: if `x` has another shape or dtype, no rows, or values
                out of range.
        """
        return self.ask(
            "score", x=x, condition=condition, batch_size=batch_size
        )

    def _score(self, x, *condition):
        logits = self(x, *condition, training=False)
        return self.log_prob_from_logits(x, logits)


class FixedShapeDensity(DensityModel):
    """Explicit density over examples of one fixed shape: vectors or images.

    A subclass says `check_inputs(x)`, `call(x) -> logits`,
    `log_prob_from_logits(x, logits)` and `draw(x, mask, seeds, temperature)`.
    It then trains on the mean negative log-likelihood with `fit`, scores with
    `log_prob`, generates with `sample` and `complete` (imputes what is
    missing; inpaints images), and exports all of them. With `num_classes` set,
    all are conditional on a class.

    Args:
        example_shape: tuple of ints. Shape of an example.
        **kwargs: passed to `keras.Model`.
    """

    num_classes = None

    def __init__(self, example_shape, **kwargs):
        super().__init__(**kwargs)
        self.example_shape = tuple(example_shape)
        # A call of another shape would be broadcast, or read in part.
        self.input_spec = keras.layers.InputSpec(
            shape=(None, *self.example_shape)
        )
        self.input_dim = math.prod(self.example_shape)
        self.nll = keras.metrics.Mean(name="nll", dtype="float32")
        self.bits_per_dim = BitsPerDimension(self.input_dim, dtype="float32")

    def condition_inputs(self):
        return class_condition(self.num_classes)

    def example_losses(self, x, y, *, training):
        nll = self.negative_log_likelihood(x, y, training=training)
        return nll, {"nll": nll, "bits_per_dim": nll}

    def sample(
        self,
        num_samples,
        seed=None,
        *,
        temperature=1.0,
        condition=None,
        batch_size=256,
    ):
        """Draws examples from the model.

        Args:
            num_samples: int.
            seed: int, or one int per sample; None draws one. Sample i depends
                on the seed and i alone, not on `num_samples`.
            temperature: float, or one per sample; below 1 sharpens every
                conditional, 0 takes its mode.
            condition: a class, or one per sample, of a conditional model.
            batch_size: int. Samples drawn at once.

        Returns:
            float32 tensor of `num_samples` examples.

        Raises:
            ValueError: if `num_samples` is not positive, `temperature` out of
                range, or a number of values is neither one nor `num_samples`.
        """
        num_samples = check_counts(num_samples=num_samples)
        return self.ask(
            "sample",
            num_samples,
            seed=seed,
            temperature=temperature,
            condition=condition,
            batch_size=batch_size,
        )

    def complete(
        self,
        x,
        mask,
        seed=None,
        *,
        temperature=1.0,
        condition=None,
        batch_size=256,
    ):
        """Keeps what the mask shows and draws the rest, dimension by dimension.

        That is imputation of missing values, and inpainting of images. Each
        missing dimension is drawn given all earlier ones in the model's
        ordering, observed or drawn; observed dimensions that come later do not
        reach back to it.

        Args:
            x: floats, examples as `log_prob` takes them; missing values do not
                matter.
            mask: booleans, same shape; True keeps the value of `x`.
            seed: as for `sample`.
            temperature: as for `sample`.
            condition: as for `sample`.
            batch_size: int. Examples completed at once.

        Returns:
            float32 tensor of the shape of `x`.

        Raises:
            ValueError: as for `log_prob` and `sample`, and if the mask is not
                boolean or has another shape than `x`.
        """
        return self.ask(
            "complete",
            x=x,
            mask=mask,
            seed=seed,
            temperature=temperature,
            condition=condition,
            batch_size=batch_size,
        )

    def check_masked(self, x, mask):
        """Checks examples of which only a part counts; zeros the others."""
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

    def endpoints(self):
        shape = self.example_shape
        condition = self.condition_inputs()

        def nothing_observed(seed, temperature, **condition):
            x = tf.zeros((num_rows_of(seed), *shape))
            return x, x > 0.0, seed, temperature, *condition.values()

        def observed(x, mask, seed, temperature, **condition):
            x, mask = self.check_masked(x, mask)
            return x, mask, seed, temperature, *condition.values()

        return {
            "score": Endpoint(
                self._score,
                {"x": self.example_input(), **condition},
                "log_prob",
                description="exact log-likelihood of examples, in nats",
            ),
            "sample": Endpoint(
                self.draw,
                {
                    "seed": seed_input(),
                    "temperature": temperature_input(TEMPERATURE),
                    **condition,
                },
                "x",
                nothing_observed,
                "draws examples",
            ),
            "complete": Endpoint(
                self.draw,
                {
                    "x": tensor_input(
                        shape,
                        "examples; missing values do not matter",
                        lambda x: as_tensor(x, "x"),
                    ),
                    "mask": tensor_input(
                        shape,
                        "True keeps the value of `x`",
                        lambda mask: as_tensor(mask, "mask"),
                        tf.bool,
                    ),
                    "seed": seed_input(),
                    "temperature": temperature_input(TEMPERATURE, served=False),
                    **condition,
                },
                "x",
                observed,
                "keeps what the mask shows and draws the rest",
            ),
        }

    def example_input(self):
        """The input of an endpoint that reads examples."""
        return tensor_input(self.example_shape, "examples", self.check_inputs)


class CategoricalVectorModel(FixedShapeDensity):
    """Explicit density over vectors of categories.

    A subclass says `call(x) -> logits`, `log_prob_from_logits(x, logits)` and
    `draw(x, mask, seeds, temperature)`.

    Args:
        input_dim: int. Dimensions of an example.
        num_categories: int. Each dimension is a whole number below it.
        **kwargs: passed to `keras.Model`.
    """

    def __init__(self, input_dim, num_categories=2, **kwargs):
        input_dim = check_counts(input_dim=input_dim)
        num_categories = as_int(num_categories, "num_categories", minimum=2)
        super().__init__((input_dim,), **kwargs)
        self.num_categories = num_categories

    def check_inputs(self, x, name="x"):
        """Checks examples and returns them as a float32 tensor."""
        x = as_vectors(x, self.input_dim, name=name)
        return all_categories(x, self.num_categories, name=name)

    def get_config(self):
        return {**super().get_config(), "input_dim": self.input_dim}
