"""Exponential moving averages of the weights of a network."""

import keras
from keras import ops

from keras_genseq.ops.values import check_numbers


class WeightAverage:
    """A copy of a network whose weights follow it by a moving average.

    Args:
        network: built Keras model.
        decay: float in [0, 1). What of an average stays at an update.
    """

    def __init__(self, network, decay):
        self.network = network
        self.decay = decay
        self.copy = frozen_copy(network)

    def update(self, updates):
        """Moves the average one update on.

        Args:
            updates: integer scalar. Updates before this one; in the first ones
                less stays, so that the initial weights are soon forgotten.
        """
        done = ops.cast(updates, "float32")
        share = 1.0 - ops.minimum(self.decay, (1.0 + done) / (10.0 + done))
        for average, variable in zip(
            self.copy.weights, self.network.weights, strict=True
        ):
            part = ops.cast(share, average.dtype)
            average.assign_add(part * (variable - average))


def check_decay(ema_decay):
    """Refuses a decay that is neither None nor in [0, 1).

    Raises:
        ValueError: that says what came.
    """
    if ema_decay is not None and check_numbers(ema_decay=ema_decay) >= 1.0:
        raise ValueError(
            "`ema_decay` must be None or in [0, 1). "
            f"Received: ema_decay={ema_decay!r}"
        )


def frozen_copy(network):
    """A copy of a network that no optimizer trains, with the same weights."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy
