import pytest

from training.benchmarks import pixels
from training.benchmarks.environment import has_torch
from training.benchmarks.pixels import OURS
from training.benchmarks.pixels import RECOMPUTED

TINY = pixels.Sizes(
    batch_size=3,
    image_shape=(4, 5, 1),
    filters=3,
    num_layers=2,
    head_filters=4,
    num_sampled=(2,),
)


@pytest.mark.skipif(not has_torch(), reason="needs PyTorch")
def test_pytorch_takes_the_same_steps():
    model = pixels.make_model(TINY)
    ours = pixels._step(model, TINY, jit_compile=False)
    (theirs,) = pixels.torch_step(pixels.shared_weights(TINY), TINY).values()
    losses = [[step() for _ in range(2)] for step in (ours, theirs)]
    assert losses[0][1] != losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_wrong_samples_are_not_timed():
    right = pixels.make_model(TINY).sample(2, seed=0).numpy()
    candidates = {OURS: lambda: right, RECOMPUTED: lambda: 1.0 - right}
    with pytest.raises(RuntimeError, match="pass per pixel' does other work"):
        pixels.sampling_part(candidates, 1, 2)


@pytest.mark.slow
def test_every_candidate_is_in_the_tables(in_this_process):
    in_this_process(pixels)
    text = pixels.benchmark(1, 1, TINY)
    headings = [x for x in text.splitlines() if x.startswith("###")]
    assert headings == [
        "### Training step",
        "### Training step of the LSTMs",
        "### Sampling, 2 at once",
    ]
    step, _, rest = text.partition("### Training step of the LSTMs")
    assert ("| PixelCNN, PyTorch |" in step) == has_torch()
    lstms, _, sampling = rest.partition("### Sampling")
    for name in ("Diagonal BiLSTM", "Row LSTM"):
        assert f"| {name} |" in lstms and f"| {name} |" in sampling
        assert f"| {name} without XLA |" in lstms
    for name in (OURS, RECOMPUTED, "Gated PixelCNN"):
        assert f"| {name} |" in sampling
