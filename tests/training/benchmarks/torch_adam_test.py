import keras
import numpy as np
import pytest

from training.benchmarks.torch_adam import adds_epsilon_as_keras

torch = pytest.importorskip("torch")

START = np.array([1.0, -2.0, 0.5], "float32")
SCALES = np.array([1e-5, 1.0, 1e-3], "float32")


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_updates_are_those_of_keras(name):
    # An epsilon far above two of the gradients shows where it is added.
    ours = keras.Variable(START)
    optimizer = getattr(keras.optimizers, name)(0.1, epsilon=1e-2)
    theirs = torch.nn.Parameter(torch.tensor(START))
    decay = {"weight_decay": 0.004} if name == "AdamW" else {}
    peer = adds_epsilon_as_keras(
        getattr(torch.optim, name)([theirs], lr=0.1, **decay), 1e-2
    )
    for _ in range(3):
        optimizer.apply([SCALES * keras.ops.convert_to_numpy(ours)], [ours])
        theirs.grad = torch.tensor(SCALES) * theirs.detach()
        peer.step()
        np.testing.assert_allclose(
            theirs.detach().numpy(), ours.numpy(), rtol=1e-5
        )
