"""Optimizers as several recipes have them."""

import keras

from training.factory import Factory


def decaying(optimizer, learning_rate, ema_momentum, **kwargs):
    """A rate that falls linearly to 0 at the end of a run, averaged weights.

    Args:
        optimizer: class, such as `keras.optimizers.Adam`.
        learning_rate: float. The first rate.
        ema_momentum: float. Of the moving averages, which validate and are
            kept as the best weights.
        **kwargs: passed to the optimizer.

    Returns:
        `Factory` of the optimizer.
    """
    return Factory(
        optimizer,
        learning_rate=Factory(
            keras.optimizers.schedules.PolynomialDecay,
            initial_learning_rate=learning_rate,
            end_learning_rate=0.0,
        ),
        use_ema=True,
        ema_momentum=ema_momentum,
        **kwargs,
    )
