import numpy as np
import pytest
from scipy import linalg

from keras_genseq.metrics import FeatureMoments
from keras_genseq.metrics import frechet_distance

RNG = np.random.default_rng(0)


def moments(x):
    return FeatureMoments(x.shape[1]).update(x)


def normals(count, size, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(size, size))
    return rng.normal(size=(count, size)) @ mixing + rng.normal(size=size)


def test_batches_do_not_matter_nor_does_a_far_origin():
    x = normals(1_000, 5) + 1e4
    together, apart = moments(x), FeatureMoments(5)
    for part in np.array_split(x, 7):
        apart.update(part)
    np.testing.assert_allclose(apart.mean, x.mean(0), rtol=1e-12)
    for each in (together, apart):
        np.testing.assert_allclose(
            each.covariance, np.cov(x.T), rtol=1e-9, atol=1e-9
        )


def test_equals_the_root_of_scipy_and_is_symmetric():
    x, y = normals(400, 6, seed=1), normals(300, 6, seed=2)
    a, b = np.cov(x.T), np.cov(y.T)
    root = linalg.sqrtm(a @ b).real
    expected = np.square(x.mean(0) - y.mean(0)).sum()
    expected += np.trace(a + b - 2.0 * root)
    distance = frechet_distance(moments(x), moments(y))
    assert distance == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(moments(y), moments(x)) == pytest.approx(distance)


def test_closed_forms_of_normal_laws():
    x = RNG.normal(size=(50_000, 4))
    shift = np.array([1.0, -2.0, 0.0, 0.5])
    far = frechet_distance(moments(x), moments(x + shift))
    assert far == pytest.approx(np.square(shift).sum(), rel=1e-9)
    # tr(I + 9 I - 2 * 3 I) = 4 (3 - 1)^2.
    y = 3.0 * RNG.normal(size=(50_000, 4))
    wide = frechet_distance(moments(x), moments(y))
    assert wide == pytest.approx(16.0, rel=0.02)
    assert frechet_distance(moments(x), moments(x)) < 1e-9


def test_a_rotation_of_all_features_changes_nothing():
    x, y = normals(300, 5, seed=3), normals(300, 5, seed=4)
    rotation, _ = np.linalg.qr(RNG.normal(size=(5, 5)))
    assert frechet_distance(
        moments(x @ rotation), moments(y @ rotation)
    ) == pytest.approx(frechet_distance(moments(x), moments(y)), rel=1e-9)


def test_fewer_examples_than_features_have_a_distance():
    x, y = RNG.normal(size=(2, 5, 20))
    distance = frechet_distance(moments(x), moments(y))
    assert np.isfinite(distance) and distance > 0.0


def test_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"shape \(batch_size, 3\)"):
        FeatureMoments(3).update(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="must be finite"):
        FeatureMoments(1).update(np.full((2, 1), np.nan))
    with pytest.raises(ValueError, match="at least 2 examples"):
        FeatureMoments(1).update(np.zeros((1, 1))).covariance  # noqa: B018
