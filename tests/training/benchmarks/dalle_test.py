import numpy as np
import pytest

from training.benchmarks import dalle
from training.benchmarks.dalle import OURS
from training.benchmarks.dalle import RECOMPUTED

TINY = dalle.Sizes(
    image_shape=(8, 12, 1),
    num_tokens=5,
    text_length=3,
    hidden_dim=8,
    num_layers=1,
    num_sampled=(2,),
)


def test_both_ways_draw_the_same_tokens():
    draws = {k: draw() for k, draw in dalle.samplers(TINY, 2).items()}
    assert draws[OURS].shape == (2, 2, 3) and len(np.unique(draws[OURS])) > 1
    np.testing.assert_array_equal(draws[OURS], draws[RECOMPUTED])


def test_wrong_tokens_are_not_timed():
    right = np.zeros((2, 2, 3), "int32")
    candidates = {OURS: lambda: right, RECOMPUTED: lambda: right + 1}
    with pytest.raises(RuntimeError, match="pass per token' does other work"):
        dalle.sampling_part(candidates, 1, 2)
