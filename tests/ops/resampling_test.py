import numpy as np

from keras_genseq.ops.resampling import doubled
from keras_genseq.ops.resampling import halved


def test_a_pixel_becomes_four_and_four_their_mean():
    x = np.arange(12, dtype="float32").reshape(1, 2, 3, 2)
    twice = np.array(doubled(x))
    np.testing.assert_array_equal(twice, x.repeat(2, 1).repeat(2, 2))
    np.testing.assert_array_equal(halved(twice), x)
    rows = np.float32([[0, 2], [4, 6]])[None, :, :, None]
    np.testing.assert_array_equal(halved(rows), [[[[3.0]]]])
