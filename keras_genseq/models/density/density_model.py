"""The base of all models with an exact likelihood, whatever they model."""

import tensorflow as tf
from keras import ops

from keras_genseq.models.base.base_model import Trainer
from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.base.conditioning import ClassCondition
from keras_genseq.models.base.input_validation import CheckedData
from keras_genseq.models.base.presets import FromPreset
from keras_genseq.ops.checks import as_row_values
from keras_genseq.ops.checks import as_seeds


class DensityModel(ClassCondition, FromPreset, CheckedData, Trainer):
    """Explicit density over examples of one kind.

    A base for vectors or sequences says which examples there are
    (`check_inputs`, `sample`, `serving_signatures`) and what training reports
    (`example_losses`); a system says `call(x) -> logits`,
    `log_prob_from_logits(x, logits)` and `draw(x, mask, seeds, temperature)`.
    """

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
        """Draws the hidden values of a batch, each row from its own seed.

        Args:
            x: `(batch_size, ...)` tensor.
            mask: boolean, same shape: True keeps the value of `x`.
            seeds: `(batch_size,)` int32 tensor.
            temperature: `(batch_size,)` float32 tensor; logits are divided by
                it, and 0 takes the likeliest value.

        Returns:
            `(batch_size, ...)` tensor.
        """
        raise NotImplementedError

    def negative_log_likelihood(self, x, y, *, training):
        """Nats of each example of a training batch.

        Args:
            x: checked inputs of a batch.
            y: checked classes of a conditional model, else None: a density
                has no targets.
            training: bool.

        Returns:
            `(batch_size,)` float32 tensor.
        """
        if self.num_classes is None:
            self.check_no_targets(y)
            logits = self(x, training=training)
        else:
            condition = self.check_condition(y, ops.shape(x)[0])
            logits = self(x, condition, training=training)
        return -self.log_prob_from_logits(x, logits)

    def check_no_targets(self, y):
        """Refuses targets: a density has none.

        Raises:
            ValueError: if `y` is not None.
        """
        if y is not None:
            raise ValueError(
                f"{type(self).__name__} models `x` alone, but the data hold "
                "targets too. Pass a data set of `x`, not of `(x, y)`."
            )

    def log_prob(self, x, batch_size=256, *, condition=None):
        """Exact log-likelihood of each example.

        Args:
            x: `(num_examples, ...)`, as `check_inputs` takes it.
            batch_size: int. Examples scored at once.
            condition: a class, or one per example, of a conditional model.

        Returns:
            `(num_examples,)` float32 tensor, in nats.

        Raises:
            ValueError: if `x` has another shape or dtype, no rows, or values
                that are no categories.
        """
        x = self.check_inputs(x)
        rows = (x, *self.condition_rows(condition, x.shape[0]))
        return map_rows(self.compile_method(self._score), rows, batch_size)

    def _score(self, x, *condition):
        logits = self(x, *condition, training=False)
        return self.log_prob_from_logits(x, logits)

    def _draw_rows(
        self, x, mask, seed, temperature, batch_size, condition=None
    ):
        num_rows = x.shape[0]
        seeds = as_seeds(seed, num_rows)
        temperature = as_row_values(
            temperature, num_rows, tf.float32, name="temperature", minimum=0.0
        )
        rows = (x, mask, seeds, temperature)
        rows += self.condition_rows(condition, num_rows)
        return map_rows(self.compile_method(self.draw), rows, batch_size)
