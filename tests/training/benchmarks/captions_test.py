import numpy as np
import pytest

from training.benchmarks import captions
from training.benchmarks.environment import has_torch

SIZES = captions.Sizes(
    captioned_shape=(8, 8, 2),
    captioned_batch=4,
    captioned={
        "latent_dim": 3,
        "filters": 4,
        "discriminator_filters": 4,
        "text_units": 3,
    },
    text_dim=5,
    parted_shape=(8, 8, 2),
    parted_batch=5,
    parted={"filters": 3, "code_dim": 4, "latent_dim": 2},
)


@pytest.mark.parametrize("name", ["text_to_image", "key_patch"])
@pytest.mark.skipif(not has_torch(), reason="needs PyTorch")
def test_pytorch_takes_the_same_steps(name, eager_functions):
    (ours,) = captions.training_steps(SIZES, name).values()
    shared = captions.shared_values(SIZES, name)
    steps = captions.torch_steps(*shared, SIZES, name)
    expected = np.array([ours() for _ in range(2)])
    assert (expected[1] != expected[0]).all()
    losses = [steps["PyTorch"]() for _ in range(2)]
    np.testing.assert_allclose(losses, expected, rtol=1e-3)
