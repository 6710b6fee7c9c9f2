import numpy as np
import pytest

from keras_genseq.metrics import PatchDescriptors
from keras_genseq.metrics import sliced_wasserstein_distances
from keras_genseq.metrics.sliced_wasserstein import collapsed_pyramid
from keras_genseq.metrics.sliced_wasserstein import laplacian_pyramid
from keras_genseq.metrics.sliced_wasserstein import level_sizes


def smooth(count, side=32, channels=1, seed=0):
    """Blobs at random places."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    cy, cx = rng.uniform(0, side, (2, count, 1, 1))
    blobs = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / side)
    return np.repeat(blobs[..., None], channels, -1).astype("float32")


def distances(a, b, num_patches=16):
    sets = [
        PatchDescriptors(x.shape[1:], num_patches, seed=i).update(x)
        for i, x in enumerate((a, b))
    ]
    return sliced_wasserstein_distances(*sets, num_directions=64)[0]


def test_the_pyramid_is_taken_apart_and_put_together():
    x = np.random.default_rng(0).random((2, 64, 32, 3)).astype("float32")
    assert level_sizes((64, 32, 3)) == [(64, 32), (32, 16)]
    assert level_sizes((64, 64, 1)) == [(64, 64), (32, 32), (16, 16)]
    assert level_sizes((28, 28, 1)) == [(28, 28)]
    levels = laplacian_pyramid(x)
    assert [level.shape[1:3] for level in levels] == [(64, 32), (32, 16)]
    np.testing.assert_allclose(collapsed_pyramid(levels), x, atol=1e-6)
    # A level of one brightness has no details.
    flat = laplacian_pyramid(np.full((1, 32, 32, 1), 0.7))
    np.testing.assert_allclose(flat[0], 0.0, atol=1e-6)
    np.testing.assert_allclose(flat[1], 0.7, atol=1e-6)


def test_one_direction_is_the_gap_of_sorted_values():
    # With one patch an image, descriptors are the images, normalized.
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 50, 7, 7, 1)) ** [[[[[1]]]], [[[[4]]]]]
    sets = [PatchDescriptors((7, 7, 1), 1).update(x) for x in (a, b)]
    mean, error = sliced_wasserstein_distances(*sets, num_directions=2, seed=3)
    directions = np.random.default_rng(3).normal(size=(49, 2))
    directions /= np.linalg.norm(directions, axis=0)
    rows = [((x - x.mean()) / x.std()).reshape(50, 49) for x in (a, b)]
    sorted_ = [np.sort(r @ directions, axis=0) for r in rows]
    gaps = np.abs(sorted_[0] - sorted_[1]).mean(0)
    assert mean[0] == pytest.approx(gaps.mean(), rel=1e-4)
    assert error[0] == pytest.approx(gaps.std() / np.sqrt(2), rel=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_other_images_are_farther_than_others_of_their_kind(channels):
    a, b = (smooth(120, channels=channels, seed=s) for s in (0, 1))
    noise = np.random.default_rng(2).random(a.shape)
    alike, unlike = distances(a, b), distances(a, noise)
    assert alike.shape == (2,)
    assert (alike < 0.5 * unlike).all()
    np.testing.assert_allclose(distances(a, a[::-1]), alike, atol=0.1)
    # Brightness and contrast are normalized away.
    np.testing.assert_allclose(
        distances(a, 0.5 * b + 0.2), alike, rtol=1e-2, atol=1e-3
    )


def test_batches_do_not_matter_to_the_numbers_of_patches():
    x = smooth(30)
    parts = PatchDescriptors(x.shape[1:], 4)
    for part in np.split(x, [7, 20]):
        parts.update(part)
    assert [level.shape for level in parts.levels] == [(120, 49)] * 2
    for level in parts.levels:
        assert level.mean() == pytest.approx(0.0, abs=1e-5)
        assert level.std() == pytest.approx(1.0, abs=1e-4)


def test_names_what_is_wrong():
    with pytest.raises(ValueError, match="at least 7 pixels"):
        PatchDescriptors((6, 8, 1))
    sets = [PatchDescriptors((8, 8, 1), 2) for _ in range(2)]
    with pytest.raises(ValueError, match="must have shape"):
        sets[0].update(smooth(3))
    for count, each in zip((3, 4), sets, strict=True):
        each.update(smooth(count, side=8))
    with pytest.raises(ValueError, match="as many patches"):
        sliced_wasserstein_distances(*sets)
