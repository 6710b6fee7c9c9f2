import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_genseq.models.density.density_model import CategoricalVectorModel
from keras_genseq.ops.log_probabilities import categorical_log_prob
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.sampling import categories_from_uniforms

# Beyond this the tables no longer fit anywhere: 16M rows of float32.
_MOST_CONTEXTS = 2**24


@keras.saving.register_keras_serializable(package="keras_genseq")
class FullHistoryModel(CategoricalVectorModel):
    """The chain rule without any assumption: a table row per history.

    It can hold any joint distribution, and has as many free parameters as the
    joint table, `num_categories ** input_dim - 1`: the reason why all other
    models exist.

    Args:
        input_dim: int. Dimensions of an example.
        num_categories: int. Each dimension is a whole number below it.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, input_dim)` whole numbers, as floats.

    Returns:
        `(batch_size, input_dim, num_categories)` logits; those of dimension i
        depend on the dimensions before i.

    Raises:
        ValueError: if the tables would not fit into memory.

    Differences from the paper: none known.
    """

    def __init__(self, input_dim, num_categories=2, **kwargs):
        super().__init__(input_dim, num_categories, **kwargs)
        num_contexts = sum(num_categories**i for i in range(input_dim))
        if num_contexts > _MOST_CONTEXTS:
            raise ValueError(
                f"{input_dim} dimensions of {num_categories} categories have "
                f"{num_parameters(input_dim, num_categories):.3e} free "
                f"parameters; at most {_MOST_CONTEXTS} histories fit. Use a "
                "model that shares parameters, such as `NADE`."
            )
        self.build((None, input_dim))

    def build(self, input_shape):
        sizes = [self.num_categories**i for i in range(self.input_dim)]
        # Histories of length i begin at row offset[i] of the common table.
        self._offsets = np.cumsum([0, *sizes[:-1]]).astype("int32")
        self.logits = self.add_weight(
            name="logits",
            shape=(sum(sizes), self.num_categories - 1),
            initializer="zeros",
            dtype="float32",
            autocast=False,
        )
        self.built = True

    def call(self, x):
        logits = ops.take(self.logits, self._contexts(x), axis=0)
        return ops.pad(logits, [[0, 0], [0, 0], [1, 0]])

    def log_prob_from_logits(self, x, logits):
        return categorical_log_prob(x, logits)

    def draw(self, x, mask, seeds, temperature):
        uniforms = row_uniform(seeds, self.input_dim)
        columns, code = [], ops.zeros_like(seeds)
        for i in range(self.input_dim):
            logits = ops.take(self.logits, code + self._offsets[i], axis=0)
            drawn = categories_from_uniforms(
                ops.pad(logits, [[0, 0], [1, 0]]), uniforms[:, i], temperature
            )
            shown = ops.cast(x[:, i], "int32")
            value = ops.where(mask[:, i], shown, drawn)
            columns.append(value)
            code = code * self.num_categories + value
        return ops.cast(ops.stack(columns, axis=1), "float32")

    def adapt(self, x, smoothing=1.0):
        """Sets the tables by counting.

        Args:
            x: `(num_examples, input_dim)` array.
            smoothing: float. Examples of each category to imagine seen after
                every history; 0 is maximum likelihood.

        Raises:
            ValueError: if `smoothing` is negative.
        """
        if smoothing < 0.0:
            raise ValueError(
                "`smoothing` must not be negative. "
                f"Received: smoothing={smoothing}"
            )
        x = self.check_inputs(x)
        cells = self._contexts(x) * self.num_categories + tf.cast(x, tf.int32)
        num_cells = self.logits.shape[0] * self.num_categories
        counts = tf.math.bincount(
            tf.reshape(cells, [-1]), minlength=num_cells, dtype=tf.float32
        )
        counts = tf.reshape(counts, (-1, self.num_categories)) + smoothing
        # log of a zero count would make both sides of the ratio infinite.
        logs = tf.math.log(tf.maximum(counts, 1e-30))
        self.logits.assign(logs[:, 1:] - logs[:, :1])

    def get_config(self):
        return {**super().get_config(), "num_categories": self.num_categories}

    def _contexts(self, x):
        """Row of the table for the history before each dimension."""
        x = ops.cast(x, "int32")
        # Histories are read as numbers: the first dimension weighs most.
        weights = np.zeros((self.input_dim, self.input_dim), "int32")
        for i in range(self.input_dim):
            for j in range(i):
                weights[j, i] = self.num_categories ** (i - 1 - j)
        codes = ops.sum(x[:, :, None] * weights[None], axis=1)
        return codes + self._offsets


def num_parameters(input_dim, num_categories=2):
    """Free parameters of a joint table: exact, however many.

    Args:
        input_dim: int.
        num_categories: int.

    Returns:
        int, `num_categories ** input_dim - 1`.
    """
    return num_categories**input_dim - 1
