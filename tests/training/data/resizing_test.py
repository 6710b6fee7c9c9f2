import numpy as np
import pytest

from training.data.resizing import crop_and_resize


@pytest.mark.parametrize("shape", [(8, 24, 1), (24, 8, 3), (8, 8, 1)])
def test_centre_square_fills_the_result(shape):
    image = np.zeros(shape, "float32")
    top, left = (shape[0] - 8) // 2, (shape[1] - 8) // 2
    image[top : top + 8, left : left + 8] = 1.0
    resized = crop_and_resize(image, 4)
    assert resized.shape == (4, 4, shape[-1])
    np.testing.assert_allclose(resized, 1.0, atol=1e-6)


def test_fine_stripes_become_grey():
    image = np.zeros((64, 64, 1), "float32")
    image[::2] = 1.0
    inner = crop_and_resize(image, 8)[1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0.5, atol=0.02)


def test_own_size_changes_nothing():
    image = np.random.RandomState(0).rand(5, 5, 3).astype("float32")
    np.testing.assert_allclose(crop_and_resize(image, 5), image, atol=1e-6)
