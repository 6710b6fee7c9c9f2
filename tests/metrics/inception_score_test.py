import math

import numpy as np
import pytest

from keras_genseq.metrics import InceptionScore


def test_it_is_one_where_all_look_alike_and_the_classes_where_none_does():
    alike = InceptionScore(4, 2).update(np.full((20, 4), 0.25))
    assert alike.mean == pytest.approx(1.0)
    sure = InceptionScore(4, 2).update(np.eye(4)[np.arange(40) // 2 % 4])
    assert sure.mean == pytest.approx(4.0)
    assert sure.deviation == pytest.approx(0.0, abs=1e-9)
    one_kind = InceptionScore(4, 2).update(np.eye(4)[np.zeros(20, int)])
    assert one_kind.mean == pytest.approx(1.0)


def test_the_value_worked_out_by_hand():
    # p(y) = (3/4, 1/4); KL of (1, 0) and of (1/2, 1/2) from it.
    p = np.array([[1.0, 0.0], [0.5, 0.5]])
    first = math.log(4 / 3)
    second = 0.5 * math.log(2 / 3) + 0.5 * math.log(2.0)
    score = InceptionScore(2, 1).update(p)
    assert score.mean == pytest.approx(math.exp((first + second) / 2))


def test_batches_do_not_matter():
    p = np.random.default_rng(0).dirichlet(np.ones(5), 103)
    whole = InceptionScore(5, 10).update(p)
    parts = InceptionScore(5, 10)
    for part in np.split(p, [1, 14, 60]):
        parts.update(part)
    np.testing.assert_allclose(whole.scores, parts.scores, rtol=1e-10)
    every_tenth = InceptionScore(5, 1).update(p[3::10])
    assert whole.scores[3] == pytest.approx(every_tenth.mean)
    assert whole.deviation == pytest.approx(whole.scores.std())


@pytest.mark.parametrize(
    "p", [np.ones((2, 3)), np.full((2, 3), np.nan), np.ones((2, 1))]
)
def test_names_what_is_wrong(p):
    with pytest.raises(ValueError, match=r"\(batch_size, 3\) and rows that"):
        InceptionScore(3).update(p)
    with pytest.raises(ValueError, match="10 splits take as many"):
        _ = InceptionScore(3).scores
