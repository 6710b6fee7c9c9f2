import numpy as np
import pytest

from training.benchmarks import vae
from training.benchmarks.environment import has_torch

SIZES = vae.Sizes(
    batch_size=6,
    image_shape=(3, 4, 1),
    hidden_units=(5, 4),
    latent_dim=2,
    num_bounded=3,
    num_codes=4000,
)


def theirs(kind):
    return vae.torch_candidate(kind, *vae.shared_values(SIZES), SIZES)


def test_all_candidates_take_the_same_steps():
    steps = vae.training_steps(SIZES)
    if has_torch():
        steps |= theirs("train_step")
    losses = {name: [step() for _ in range(2)] for name, step in steps.items()}
    expected = losses.pop(vae.OURS)
    assert expected[1] != expected[0]
    for values in losses.values():
        assert values == pytest.approx(expected, rel=1e-4)


@pytest.mark.skipif(not has_torch(), reason="needs PyTorch")
def test_bounds_agree_within_their_noise():
    (ours,) = vae.bounding_calls(SIZES).values()
    (other,) = theirs("bounding_call").values()
    np.testing.assert_allclose(ours(), other(), rtol=2e-2)
