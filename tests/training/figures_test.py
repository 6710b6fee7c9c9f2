import numpy as np
import pytest
from matplotlib import image
from matplotlib import pyplot as plt

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
    filled = figures.as_images(np.zeros((2, 7)))
    assert filled.shape == (2, 3, 3, 1) and filled[0, 2, 1, 0] == 0.5
    colors = figures.as_images(np.zeros((2, 24)), (2, 4, 3))
    assert colors.shape == (2, 2, 4, 3)


def test_images_survive_the_file(tmp_path):
    picture = np.linspace(0, 1, 12).reshape(3, 4, 1).astype("float32")
    figures.write_image(tmp_path / "a.png", picture)
    read = image.imread(tmp_path / "a.png")[..., :3]
    np.testing.assert_allclose(read, picture.repeat(3, -1), atol=1 / 255)


@pytest.fixture
def drawn(monkeypatch):
    """Axes of the figures drawn, in place of their pixels."""
    monkeypatch.setattr(figures, "pixels", lambda figure: figure.axes)
    yield
    plt.close("all")


def test_curves_go_through_the_metrics_of_every_epoch(drawn):
    history = [{"epoch": i, "nll": 9.0 - i} for i in range(4)]
    del history[2]["nll"]
    (axes,) = figures.curves(
        history, ["nll"], ylabel="nats", levels={"goal": 5.0}
    )
    curve, level = axes.get_lines()
    assert curve.get_xydata().tolist() == [[1, 9], [2, 8], [4, 6]]
    assert set(level.get_ydata()) == {5.0}
    assert axes.get_ylabel() == "nats"
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["nll", "goal"]
    assert curve.get_marker() == "None"
    # A run of one epoch shows it.
    (axes,) = figures.curves(history[:1], ["nll"], ylabel="nats")
    assert axes.get_lines()[0].get_marker() == "o"


def test_a_histogram_counts_every_score_of_every_set(drawn):
    scores = {"in": np.zeros(9), "out": np.linspace(0.0, 8.0, 90)}
    (axes,) = figures.score_histogram(scores, xlabel="nats")
    inside, outside = axes.containers
    assert (np.array([bar.get_height() for bar in inside]) > 0).sum() == 1
    assert (np.array([bar.get_height() for bar in outside]) > 0).all()
    for bars in (inside, outside):
        area = sum(bar.get_height() * bar.get_width() for bar in bars)
        assert area == pytest.approx(1.0)


def test_a_forecast_begins_at_its_origin(drawn):
    quantiles = [np.full(3, value) for value in (-1.0, 0.5, 2.0)]
    (axes,) = figures.forecast(np.arange(9.0), 6, quantiles, ylabel="degrees")
    series, median = axes.get_lines()
    assert series.get_ydata().tolist() == list(range(9))
    assert median.get_xydata().tolist() == [[6, 0.5], [7, 0.5], [8, 0.5]]


def test_pixels_are_what_matplotlib_draws():
    figure, axes = plt.subplots(figsize=(1, 1))
    axes.set_position([0.0, 0.0, 1.0, 1.0])
    axes.axis("off")
    axes.imshow([[[1.0, 0.0, 0.0]]], aspect="auto")
    drawn = figures.pixels(figure)
    assert drawn.shape == (120, 120, 3) and not plt.get_fignums()
    np.testing.assert_allclose(drawn[60, 60], [1.0, 0.0, 0.0], atol=0.01)


def test_lines_of_samples_are_called_as_the_columns(drawn):
    class Model:
        def sample(self, count, length, seed):
            return np.zeros((count, length, 2))

    class Data:
        columns = ("degrees", "depth")

    axes = figures.sample_lines(Model(), dataset=Data())
    names = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert names == ["degrees", "depth"] and len(axes) == 4
    assert figures.sample_lines(Model())[0].get_legend() is None
