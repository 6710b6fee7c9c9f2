import warnings

import keras
import pytest

from keras_genseq.models.base.bounded_slopes import warn_if_unbounded
from tests.conformance.table import UNCONDITIONAL

# Weights of what bounds a critic.
PENALTIES = ("gradient_penalty_weight", "r1_weight")
GAMES = {n: c for n, c in UNCONDITIONAL.items() if c.kind == "game"}


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


@pytest.mark.parametrize("case", GAMES.values(), ids=GAMES)
def test_every_game_warns_of_a_wasserstein_loss_without_a_bound(case):
    model = case.make()
    config = model.get_config()
    free = dict.fromkeys(config.keys() & set(PENALTIES), 0.0)
    config |= {**free, "adversarial_loss": "wasserstein"}
    with pytest.warns(UserWarning, match="Nothing bounds the slope"):
        type(model).from_config(config)
