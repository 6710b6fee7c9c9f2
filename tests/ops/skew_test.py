import numpy as np
import pytest

from keras_genseq.ops.skew import shift_down
from keras_genseq.ops.skew import skew
from keras_genseq.ops.skew import unskew


@pytest.mark.parametrize("height, width", [(3, 2), (2, 4), (1, 3), (3, 1)])
def test_columns_of_the_skewed_image_are_its_diagonals(height, width):
    x = np.arange(1.0, 2 * height * width + 1).astype("float32")
    x = x.reshape(1, height, width, 2)
    expected = np.zeros((1, height, width + height - 1, 2), "float32")
    for row in range(height):
        expected[:, row, row : row + width] = x[:, row]
    np.testing.assert_array_equal(skew(x), expected)
    np.testing.assert_array_equal(unskew(skew(x)), x)


def test_shifting_down_loses_the_last_row():
    x = np.arange(6.0).reshape(1, 3, 2, 1)
    np.testing.assert_array_equal(
        shift_down(x)[0, :, :, 0], [[0, 0], [0, 1], [2, 3]]
    )
