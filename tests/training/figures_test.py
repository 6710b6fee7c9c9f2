import numpy as np
from matplotlib import image

from training import figures


def test_grid_lays_images_out_in_rows():
    images = np.stack([np.full((2, 3, 1), v, "float32") for v in (0, 1, 0.2)])
    canvas = figures.grid(images, columns=2, border=1)
    assert canvas.shape == (7, 9, 1)
    np.testing.assert_array_equal(canvas[1:3, 1:4, 0], 0.0)
    np.testing.assert_array_equal(canvas[1:3, 5:8, 0], 1.0)
    np.testing.assert_allclose(canvas[4:6, 1:4, 0], 0.2)
    np.testing.assert_array_equal(canvas[4:6, 5:8, 0], 0.5)


def test_vectors_of_squares_become_images():
    x = np.arange(18.0).reshape(2, 9)
    images = figures.as_images(x)
    assert images.shape == (2, 3, 3, 1)
    np.testing.assert_array_equal(images[1, 1, :, 0], [12.0, 13.0, 14.0])
    assert figures.as_images(np.zeros((2, 7))).shape == (2, 1, 7, 1)


def test_images_survive_the_file(tmp_path):
    picture = np.linspace(0, 1, 12).reshape(3, 4, 1).astype("float32")
    figures.write_image(tmp_path / "a.png", picture)
    read = image.imread(tmp_path / "a.png")[..., :3]
    np.testing.assert_allclose(read, picture.repeat(3, -1), atol=1 / 255)


def test_plots_draw_what_they_get(tmp_path):
    history = [{"epoch": i, "nll": 9.0 - i} for i in range(4)]
    figures.write_curves(
        tmp_path / "a.png", history, ["nll"], ylabel="nats", levels={"t": 5.0}
    )
    figures.write_score_histogram(
        tmp_path / "b.png",
        {"in": np.zeros(9), "out": np.arange(9.0)},
        xlabel="nats",
    )
    for name in ("a.png", "b.png"):
        picture = image.imread(tmp_path / name)
        assert picture.shape[0] > 300 and picture[..., :3].std() > 0.01
