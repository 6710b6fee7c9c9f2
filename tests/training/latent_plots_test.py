import keras
import numpy as np
import pytest
from matplotlib import pyplot as plt

from keras_genseq.models import VAE
from training import figures
from training import latent_plots

RNG = np.random.default_rng(0)


def make_vae():
    keras.utils.set_random_seed(0)
    return VAE((4, 4, 1), 3, hidden_units=(5,), seed=0)


def examples(count):
    return (RNG.random((count, 4, 4, 1)) < 0.5).astype("float32")


def tile(canvas, row, column, size=4, scale=14):
    """One image of a grid, at its own resolution."""
    step = size * scale + 1
    top, left = 1 + row * step, 1 + column * step
    part = canvas[top : top + size * scale, left : left + size * scale]
    return part[::scale, ::scale]


def test_reconstructions_stand_beside_their_examples():
    model, x = make_vae(), examples(3)
    canvas = latent_plots.reconstruction_grid(model, x, columns=2)
    again = model.reconstruct(x).numpy()
    for i in range(3):
        np.testing.assert_array_equal(tile(canvas, i, 0), x[i])
        np.testing.assert_allclose(tile(canvas, i, 1), again[i], atol=1e-6)


def test_ways_begin_and_end_at_reconstructions():
    model, x = make_vae(), examples(4)
    canvas = latent_plots.interpolation_grid(model, x, num_steps=5)
    again = model.reconstruct(x).numpy()
    for row, pair in enumerate((0, 0, 1, 1)):
        start, end = again[2 * pair], again[2 * pair + 1]
        np.testing.assert_allclose(tile(canvas, row, 0), start, atol=1e-5)
        np.testing.assert_allclose(tile(canvas, row, 4), end, atol=1e-5)


def test_traversals_pass_dimensions_in_the_order_of_their_relevance():
    model, x = make_vae(), examples(1)
    canvas = latent_plots.traversal_grid(
        model, x, np.array([0.1, 3.0, 2.0]), num_steps=3, extent=2.0
    )
    z = np.array(model.encode(x)["z"])[0]
    for row, dimension in enumerate((1, 2, 0)):
        moved = z.copy()
        moved[dimension] = 2.0
        expected = model.decode(moved[None]).numpy()[0]
        np.testing.assert_allclose(tile(canvas, row, 2), expected, atol=1e-5)


def test_arithmetic_exchanges_the_mean_codes_of_classes():
    model, x = make_vae(), examples(6)
    labels = np.array([4, 7, 4, 7, 7, 4])
    canvas = latent_plots.arithmetic_grid(model, x, labels)
    z = np.array(model.encode(x)["z"])
    step = z[labels == 7].mean(0) - z[labels == 4].mean(0)
    np.testing.assert_array_equal(tile(canvas, 1, 0), x[1])
    for row, column, code in (
        (0, 1, z[0]),
        (0, 2, z[0] + step),
        (1, 1, z[1] - step),
    ):
        expected = model.decode(code[None]).numpy()[0]
        np.testing.assert_allclose(
            tile(canvas, row, column), expected, atol=1e-5
        )


@pytest.fixture
def drawn(monkeypatch):
    """Axes of the figures drawn, in place of their pixels."""
    monkeypatch.setattr(figures, "pixels", lambda figure: figure.axes)
    yield
    plt.close("all")


def test_units_are_sorted_by_their_kl(drawn):
    kl, variance = latent_plots.units(
        np.array([0.1, 2.0]), np.array([0.9, 1.1]), np.array([False, True])
    )
    for axes, heights in ((kl, [2.0, 0.1]), (variance, [1.1, 0.9])):
        bars = axes.containers[0]
        assert [bar.get_height() for bar in bars] == heights
        assert bars[0].get_facecolor() != bars[1].get_facecolor()


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_a_map_has_the_codes_of_each_class(drawn, dim):
    z = RNG.normal(size=(30, dim))
    labels = np.arange(30) % 3
    (axes,) = latent_plots.latent_map(z, labels)
    points = [np.array(c.get_offsets()) for c in axes.collections]
    assert [len(p) for p in points] == [10, 10, 10]
    if dim == 1:
        expected = np.concatenate([z, np.zeros_like(z)], axis=1)
    elif dim == 2:
        expected = z
    else:
        centred = z - z.mean(0)
        _, vectors = np.linalg.eigh(centred.T @ centred)
        expected = centred @ vectors[:, :-3:-1]
    for label in range(3):
        np.testing.assert_allclose(
            abs(points[label]), abs(expected[labels == label]), atol=1e-8
        )
    (axes,) = latent_plots.latent_map(z, labels, ("ant", "bee", "cat"))
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["ant", "bee", "cat"]
