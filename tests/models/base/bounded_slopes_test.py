import warnings

import keras
import pytest

from keras_genseq.models.base.bounded_slopes import warn_if_unbounded


def critic(wrap=lambda layer: layer, **kwargs):
    return keras.Sequential(
        [keras.Input((3,)), wrap(keras.layers.Dense(1, **kwargs))]
    )


def test_every_critic_needs_a_bound():
    clipped = critic(kernel_constraint="max_norm")
    for critics in ([critic()], [clipped, critic()]):
        with pytest.warns(UserWarning, match="Nothing bounds .* Do this.$"):
            warn_if_unbounded("wasserstein", critics, "Do this.")


def test_bounds_and_other_losses_are_silent():
    clipped = critic(kernel_constraint="max_norm")
    spectral = critic(keras.layers.SpectralNormalization)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_unbounded("wasserstein", [clipped, spectral], "Do this.")
        warn_if_unbounded("hinge", [critic()], "Do this.")
