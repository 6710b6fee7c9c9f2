import keras

from keras_genseq.ops.log_probabilities import bits_per_dimension


@keras.saving.register_keras_serializable(package="keras_genseq")
class BitsPerDimension(keras.metrics.Mean):
    """Mean code length per dimension, in bits.

    Update it with the negative log-likelihoods of whole examples in nats; a
    uniform model of 8-bit pixels scores 8, one of binary pixels 1.

    Args:
        num_dimensions: int. Dimensions per example.
        name: str. Name of the metric.
        dtype: dtype of its state.
    """

    def __init__(self, num_dimensions, name="bits_per_dim", dtype=None):
        if num_dimensions < 1:
            raise ValueError(
                "`num_dimensions` must be positive. "
                f"Received: num_dimensions={num_dimensions}"
            )
        super().__init__(name=name, dtype=dtype)
        self.num_dimensions = num_dimensions

    def update_state(self, nats, sample_weight=None):
        """Adds examples.

        Args:
            nats: `(batch_size,)` negative log-likelihoods.
            sample_weight: optional `(batch_size,)`.
        """
        super().update_state(
            bits_per_dimension(nats, self.num_dimensions), sample_weight
        )

    def get_config(self):
        return {
            "num_dimensions": self.num_dimensions,
            "name": self.name,
            "dtype": self.dtype,
        }
