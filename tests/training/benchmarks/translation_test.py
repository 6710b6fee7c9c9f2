import numpy as np
import pytest

from training.benchmarks import translation
from training.benchmarks.environment import has_torch

SIZES = translation.Sizes(
    image_size=16,
    filters=3,
    num_blocks=1,
    receptive_field=16,
    cyclegan_batch=2,
    stargan_batch=3,
    levels=(1,),
    base_filters=16,
    max_filters=4,
    latent_dim=3,
    progressive_batch=8,
)


@pytest.mark.parametrize(
    "system", [("cyclegan",), ("stargan",), ("progressive_gan", 1)]
)
@pytest.mark.skipif(not has_torch(), reason="needs PyTorch")
def test_pytorch_takes_the_same_steps(system, eager_functions):
    (ours,) = translation.training_steps(SIZES, *system).values()
    shared = translation.shared_values(SIZES, *system)
    steps = translation.torch_steps(*shared, SIZES, *system)
    expected = np.array([ours() for _ in range(2)])
    assert (expected[1] != expected[0]).all()
    losses = [steps["PyTorch"]() for _ in range(2)]
    np.testing.assert_allclose(losses, expected, rtol=1e-3)
