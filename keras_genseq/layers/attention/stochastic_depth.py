import keras
from keras import ops

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class StochasticDepth(keras.layers.Layer):
    """Drops what a residual branch adds, for some examples of a batch.

    In training an example keeps the branch with the probability 1 - rate, and
    has it divided by that: the mean stays what it is outside of training.

    Args:
        rate: float in [0, 1]. Share of the examples without the branch.
        seed: optional int.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(batch_size, ...)`, what the branch adds.
        training: bool.

    Returns:
        Tensor like `x`.

    Raises:
        ValueError: if `rate` is not in [0, 1].

    References:
        - [Huang et al., 2016](https://arxiv.org/abs/1603.09382)
    """

    def __init__(self, rate, *, seed=None, **kwargs):
        if check_numbers(rate=rate) > 1.0:
            raise ValueError(
                "`rate` is a share of examples: it must be in [0, 1]. "
                f"Received: rate={rate}"
            )
        seed = as_int(seed, "seed", optional=True)
        super().__init__(**kwargs)
        self.rate = float(rate)
        self.seed = seed
        self.supports_masking = True
        # Else there is nothing to draw, and no state to save.
        if 0.0 < self.rate < 1.0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, x, training=False):
        if not training or self.rate == 0.0:
            return x
        if self.rate == 1.0:
            return ops.zeros_like(x)
        shape = (ops.shape(x)[0], *[1] * (len(x.shape) - 1))
        uniform = keras.random.uniform(
            shape, dtype="float32", seed=self.seed_generator
        )
        kept = ops.cast(uniform >= self.rate, "float32") / (1.0 - self.rate)
        return x * ops.cast(kept, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
