import numpy as np
import pytest

from training.benchmarks import recurrent
from training.benchmarks.environment import has_torch

SIZES = recurrent.Sizes(
    batch_size=3,
    sequence_length=5,
    vocabulary_size=7,
    units=4,
    recomputed=(12,),
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


def test_all_candidates_write_the_same_text():
    calls = recurrent.generators(SIZES, 12)
    assert set(calls) == {recurrent.OURS, recurrent.RECOMPUTED}
    if has_torch():
        calls |= recurrent.torch_generators(SIZES, 12)
    texts = [call() for call in calls.values()]
    assert texts[0].shape == (1, 12)
    for text in texts[1:]:
        np.testing.assert_array_equal(text, texts[0])


def test_only_short_texts_are_recomputed():
    assert set(recurrent.generators(SIZES, 3)) == {recurrent.OURS}
