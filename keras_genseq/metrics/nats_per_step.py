import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_genseq")
class NatsPerStep(keras.metrics.Mean):
    """Mean negative log-likelihood of a step of a sequence, in nats.

    Every step weighs the same, however sequences are batched and whatever
    their lengths.

    Args:
        name: str. Name of the metric.
        dtype: dtype of its state.
    """

    def __init__(self, name="nll_per_step", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, values, sample_weight=None):
        """Adds sequences.

        Args:
            values: `(batch_size, 2)`: negative log-likelihood of a whole
                sequence in nats, and the number of its steps.
            sample_weight: not supported.
        """
        nats, steps = values[:, 0], values[:, 1]
        super().update_state(nats / ops.maximum(steps, 1.0), steps)


@keras.saving.register_keras_serializable(package="keras_genseq")
class Perplexity(NatsPerStep):
    """Exponential of the nats per step: `num_states` for a uniform model.

    Args:
        name: str. Name of the metric.
        dtype: dtype of its state.
    """

    def __init__(self, name="perplexity", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def result(self):
        return ops.exp(super().result())
