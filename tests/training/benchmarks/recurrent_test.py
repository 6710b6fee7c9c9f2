import pytest

from training.benchmarks import recurrent
from training.benchmarks.environment import has_torch

SIZES = recurrent.Sizes(
    batch_size=3, sequence_length=5, vocabulary_size=7, units=4
)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_all_candidates_take_the_same_steps(kind):
    steps = recurrent.candidates(kind, SIZES)
    if has_torch():
        steps |= recurrent.torch_candidates(kind, SIZES)
    losses = {name: [step() for _ in range(3)] for name, step in steps.items()}
    expected = losses.pop(recurrent.PLAIN)
    assert expected[2] < expected[0]
    for values in losses.values():
        assert values == pytest.approx(expected, rel=1e-4)
