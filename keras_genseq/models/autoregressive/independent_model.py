import keras
import tensorflow as tf
from keras import ops

from keras_genseq.models.density.density_model import CategoricalVectorModel
from keras_genseq.ops.log_probabilities import categorical_log_prob
from keras_genseq.ops.random import row_uniform
from keras_genseq.ops.sampling import categories_from_uniforms


@keras.saving.register_keras_serializable(package="keras_genseq")
class IndependentModel(CategoricalVectorModel):
    """Every dimension by itself: the baseline that any other model must beat.

    Binary dimensions are coins, others are categoricals. `adapt` finds the
    maximum-likelihood parameters in closed form; `fit` descends to the same.

    Args:
        input_dim: int. Dimensions of an example.
        num_categories: int. Each dimension is a whole number below it.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, input_dim)` whole numbers, as floats.

    Returns:
        `(batch_size, input_dim, num_categories)` logits, the same in every row.

    Example:

    ```python
    digits = np.random.randint(0, 2, (8, 16)).astype("float32")
    baseline = models.IndependentModel(16)
    baseline.adapt(digits)
    log_prob = baseline.log_prob(digits)
    ```

    Differences from the paper: none known.
    """

    def __init__(self, input_dim, num_categories=2, **kwargs):
        super().__init__(input_dim, num_categories, **kwargs)
        self.build((None, input_dim))

    def build(self, input_shape):
        # The first category's logit is 0: as many weights as free parameters.
        self.logits = self.add_weight(
            name="logits",
            shape=(self.input_dim, self.num_categories - 1),
            initializer="zeros",
            dtype="float32",
            autocast=False,
        )
        self.built = True

    def call(self, x):
        logits = ops.pad(self.logits, [[0, 0], [1, 0]])
        return ops.repeat(logits[None], ops.shape(x)[0], axis=0)

    def log_prob_from_logits(self, x, logits):
        return categorical_log_prob(x, logits)

    def draw(self, x, mask, seeds, temperature):
        drawn = categories_from_uniforms(
            self(x), row_uniform(seeds, self.input_dim), temperature[:, None]
        )
        return ops.where(mask, x, ops.cast(drawn, "float32"))

    def adapt(self, dataset, smoothing=1.0):
        """Sets the parameters by counting.

        Args:
            dataset: array, or `tf.data.Dataset` of batches,
                `(batch_size, input_dim)`.
            smoothing: float. Examples of each category to imagine seen; 0 is
                maximum likelihood, and gives `-inf` to what was never seen.

        Raises:
            ValueError: if `smoothing` is negative, or the data are none.
        """
        if smoothing < 0.0:
            raise ValueError(
                "`smoothing` must not be negative. "
                f"Received: smoothing={smoothing}"
            )
        counts = tf.fill((self.input_dim, self.num_categories), smoothing)
        seen = 0
        for x in _batches(dataset):
            x = tf.cast(self.check_inputs(x), tf.int32)
            one_hot = tf.one_hot(x, self.num_categories)
            counts += tf.reduce_sum(one_hot, 0)
            seen += x.shape[0]
        if not seen:
            raise ValueError("`adapt` received a data set without examples.")
        # log of a zero count would make both sides of the ratio infinite.
        logs = tf.math.log(tf.maximum(counts, 1e-30))
        self.logits.assign(logs[:, 1:] - logs[:, :1])

    def get_config(self):
        return {**super().get_config(), "num_categories": self.num_categories}


def _batches(dataset):
    return dataset if isinstance(dataset, tf.data.Dataset) else [dataset]
