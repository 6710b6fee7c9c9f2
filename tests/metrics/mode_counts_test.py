import math

import numpy as np
import pytest

from keras_genseq.metrics import ModeCounts


def test_counts_kinds_and_how_far_their_shares_are_off():
    counts = ModeCounts(4).update([0, 0, 1]).update([0])
    np.testing.assert_allclose(counts.shares, [0.75, 0.25, 0.0, 0.0])
    assert counts.num_found() == 2
    assert counts.num_found(least_share=0.3) == 1
    by_hand = 0.75 * math.log(3.0) + 0.25 * math.log(1.0)
    assert counts.divergence([0.25] * 4) == pytest.approx(by_hand)
    assert counts.divergence([0.75, 0.25, 0.5, 0.5]) == pytest.approx(0.0)


def test_names_what_is_no_kind():
    with pytest.raises(ValueError, match=r"from 0 to 2\. Received: from 1"):
        ModeCounts(3).update([1, 3])
