"""What batch normalizations remember, and of whom."""

import contextlib

import keras
import tensorflow as tf


@contextlib.contextmanager
def frozen_statistics(*networks):
    """Keeps the moving statistics of batch normalizations as they are.

    Examples are normalized by their batch as ever; but the statistics that
    inference uses follow a network's own updates alone.
    """
    # Replicas are traced by threads that take turns inside a normalization:
    # what they share, such as its `momentum`, must not be changed for a while.
    statistics = [
        variable
        for network in networks
        for layer in network._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in layer.non_trainable_variables
    ]
    kept = [tf.identity(variable.value) for variable in statistics]
    yield
    for variable, value in zip(statistics, kept, strict=True):
        variable.assign(value)
