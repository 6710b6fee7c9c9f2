import numpy as np
import pytest

from training.benchmarks import vit
from training.benchmarks.environment import has_package
from training.benchmarks.vit_workload import Sizes
from training.benchmarks.vit_workload import keras_hub_arrays
from training.benchmarks.vit_workload import timm_state

SIZES = Sizes(
    image_size=8,
    patch_size=4,
    num_classes=5,
    num_layers=1,
    hidden_dim=8,
    num_heads=2,
    batch_size=3,
)


def check_same_losses(theirs, expected):
    assert theirs
    for name, step in theirs.items():
        if "compiled" not in name:
            losses = [step() for _ in expected]
            assert losses == pytest.approx(expected, rel=1e-4)


@pytest.fixture(scope="module")
def arrays():
    return vit.make_model(SIZES).get_weights()


@pytest.fixture(scope="module")
def expected():
    """Our logits, and our losses."""
    (step,) = vit.trainers(SIZES, "float32", modes=(False,)).values()
    (classify,) = vit.classifiers(SIZES).values()
    losses = [step() for _ in range(3)]
    assert losses[2] < losses[0]
    return classify(), losses


@pytest.mark.skipif(not has_package("torch"), reason="PyTorch is a peer")
def test_pytorch_computes_the_same(arrays, expected):
    from training.benchmarks import vit_torch

    state = timm_state(arrays)
    logits, losses = expected
    for name, classify in vit_torch.classifiers(SIZES, state).items():
        if "compiled" not in name:
            np.testing.assert_allclose(classify(), logits, atol=1e-5)
    check_same_losses(vit_torch.trainers(SIZES, state, "float32"), losses)


@pytest.mark.skipif(not has_package("keras_hub"), reason="KerasHub is a peer")
@pytest.mark.slow
def test_keras_hub_computes_the_same(arrays, expected):
    from training.benchmarks import vit_keras_hub

    arrays = keras_hub_arrays(arrays)
    logits, losses = expected
    (classify,) = vit_keras_hub.classifiers(SIZES, arrays).values()
    np.testing.assert_allclose(classify(), logits, atol=1e-5)
    check_same_losses(vit_keras_hub.trainers(SIZES, arrays, "float32"), losses)


def test_other_logits_are_refused():
    logits = np.array([[1e-4, -1.0]])
    vit.check_logits({"ours": [logits], "b": [logits + 1e-5]})
    with pytest.raises(RuntimeError, match="'b' does other work"):
        vit.check_logits({"ours": [logits], "b": [logits + 0.1]})
