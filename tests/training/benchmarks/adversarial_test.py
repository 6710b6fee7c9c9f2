import numpy as np
import pytest

from training.benchmarks import adversarial
from training.benchmarks.environment import has_torch

SIZES = adversarial.Sizes(
    batch_size=6, image_shape=(16, 16, 2), latent_dim=3, filters=4
)


@pytest.mark.parametrize(
    "modes", [(False,), pytest.param((True, False), marks=pytest.mark.slow)]
)
@pytest.mark.skipif(not has_torch(), reason="needs PyTorch")
def test_all_candidates_take_the_same_steps(modes):
    steps = adversarial.training_steps(SIZES, modes)
    values = adversarial.shared_values(SIZES)
    steps |= adversarial.torch_candidates(*values, SIZES)
    losses = {name: [step() for _ in range(2)] for name, step in steps.items()}
    expected, *others = map(np.array, losses.values())
    assert (expected[1] != expected[0]).all()
    for values in others:
        np.testing.assert_allclose(values, expected, rtol=1e-3)


def test_other_losses_are_refused():
    with pytest.raises(RuntimeError, match="does other work"):
        adversarial.check_losses({"a": [[1.0, 2.0]], "b": [[1.0, 2.1]]})
