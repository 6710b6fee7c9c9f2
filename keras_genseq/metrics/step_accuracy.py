import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_genseq")
class StepAccuracy(keras.metrics.Mean):
    """Share of the steps of sequences that were labelled right.

    Every step weighs the same, however sequences are batched and whatever
    their lengths.

    Args:
        name: str. Name of the metric.
        dtype: dtype of its state.
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, values, sample_weight=None):
        """Adds sequences.

        Args:
            values: `(batch_size, 2)`: right labels of a sequence, and the
                number of its steps.
            sample_weight: not supported.
        """
        right, steps = values[:, 0], values[:, 1]
        super().update_state(right / ops.maximum(steps, 1.0), steps)
