"""Large images in tiles: nothing lost, no seams, any size."""

import numpy as np
import pytest

from keras_genseq.models.adversarial.tiles import map_tiles


def image(height, width, channels=2):
    rng = np.random.default_rng(4)
    return rng.random((height, width, channels)).astype("float32")


@pytest.mark.parametrize("size", [(8, 8), (20, 13), (5, 30), (17, 16)])
@pytest.mark.parametrize("overlap", [0, 3, 4])
def test_tiles_make_the_whole_image(size, overlap):
    sizes = set()

    def copy(tiles):
        sizes.add(tiles.shape[1:3])
        return tiles

    x = image(*size)
    answer = map_tiles(copy, x, 8, overlap, 4)
    np.testing.assert_allclose(answer, x, atol=1e-6)
    assert all(n % 4 == 0 and n <= 8 for pair in sizes for n in pair)


def test_tiles_fade_into_each_other():
    numbers = iter(range(10))

    def number(tiles):
        return np.full(tiles.shape, next(numbers), "float32")

    answer = map_tiles(number, image(8, 28), 16, 4, 4)[0, :, 0]
    # 0 to 11 and 16 to 27 are each of one tile.
    np.testing.assert_allclose(answer[:12], 0.0)
    np.testing.assert_allclose(answer[16:], 1.0)
    assert (np.diff(answer[11:17]) > 0.0).all()


def test_tiles_are_written_to_a_file(tmp_path):
    x = image(20, 12)
    stored = np.memmap(tmp_path / "x", "float32", "w+", shape=x.shape)
    stored[:] = x
    out = np.memmap(tmp_path / "out", "float32", "w+", shape=(20, 12, 1))
    answer = map_tiles(lambda t: 0.5 * t[..., :1], stored, 8, 2, 4, out)
    assert answer is out
    np.testing.assert_allclose(out, 0.5 * x[..., :1], atol=1e-6)
