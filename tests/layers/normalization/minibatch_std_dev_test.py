"""Minibatch standard deviation: one channel that tells how images vary."""

import numpy as np
import pytest

from keras_genseq.layers import MinibatchStdDev


def images(size):
    return np.random.default_rng(3).normal(size=(size, 4, 4, 3))


def maps_of(x, group_size=4):
    outputs = np.array(MinibatchStdDev(group_size)(x.astype("float32")))
    np.testing.assert_array_equal(outputs[..., :-1], x.astype("float32"))
    return outputs[..., -1]


def by_hand(group):
    """Each feature's deviation over the group; their mean."""
    return np.sqrt(group.var(0) + 1e-8).mean()


@pytest.mark.parametrize(
    "size, groups",
    [
        (8, [slice(0, 4), slice(4, 8)]),
        (3, [slice(0, 3)]),
        # What is over joins the last group.
        (11, [slice(0, 4), slice(4, 11)]),
    ],
)
def test_the_map_is_the_mean_deviation_of_the_group(size, groups):
    x = images(size)
    x[4:] *= 3.0
    maps = maps_of(x)
    assert maps.shape == (size, 4, 4)
    for group in groups:
        np.testing.assert_allclose(maps[group], by_hand(x[group]), rtol=1e-5)
    assert len(groups) == 1 or maps[-1, 0, 0] > 2.0 * maps[0, 0, 0]


@pytest.mark.parametrize("size", [1, 4])
def test_equal_images_have_the_root_of_epsilon(size):
    x = np.repeat(images(1), size, axis=0)
    np.testing.assert_allclose(maps_of(x), 1e-4, rtol=1e-3)


def test_groups_change_places_with_their_maps():
    x = images(8)
    x[4:] *= 3.0
    moved = maps_of(np.concatenate([x[4:], x[:4]]))
    np.testing.assert_allclose(moved[4:], maps_of(x)[:4], rtol=1e-6)
    np.testing.assert_allclose(moved[:4], maps_of(x)[4:], rtol=1e-6)


def test_halves_of_a_batch_have_the_groups_of_the_whole():
    """What two replicas see, where the group's size divides their shares."""
    x = images(8)
    halves = np.concatenate([maps_of(x[:4], 2), maps_of(x[4:], 2)])
    np.testing.assert_allclose(halves, maps_of(x, 2), rtol=1e-6)
    apart = np.concatenate([maps_of(x[:4], 3), maps_of(x[4:], 3)])
    assert np.abs(apart - maps_of(x, 3)).max() > 1e-3


def test_a_group_needs_an_example():
    with pytest.raises(ValueError, match="`group_size`"):
        MinibatchStdDev(group_size=0)


def test_vectors_are_refused():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=2"):
        MinibatchStdDev()(np.ones((4, 5), "float32"))
