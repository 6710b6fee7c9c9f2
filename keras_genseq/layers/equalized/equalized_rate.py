"""Weights of deviation 1, scaled where they are used: equal rates for all."""

import math

import keras

GAIN = math.sqrt(2.0)


def unit_normal():
    """Initializer of every kernel: normal, deviation 1."""
    return keras.initializers.RandomNormal(0.0, 1.0)


def scaled(kernel, gain):
    """A kernel as He initialization would have it: `gain / sqrt(fan_in)` times.

    Args:
        kernel: tensor `(..., outputs)`.
        gain: float.
    """
    fan_in = math.prod(kernel.shape[:-1])
    return kernel * (gain / math.sqrt(fan_in))
