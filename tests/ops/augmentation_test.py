import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.augmentation import AUGMENTATIONS
from keras_genseq.ops.augmentation import augment

RNG = np.random.default_rng(0)
SEEDS = np.arange(400, dtype="int32")


def single_pixels(height, width, row, column):
    x = np.zeros((len(SEEDS), height, width, 1), "float32")
    x[:, row, column] = 1.0
    return x


def test_moves_by_whole_pixels_up_to_an_eighth():
    x = augment(single_pixels(16, 24, 8, 12), SEEDS, ["translation"])
    _, rows, columns, _ = np.nonzero(np.array(x) == 1.0)
    assert len(rows) == len(SEEDS)
    assert set(rows - 8) == {-2, -1, 0, 1, 2}
    assert set(columns - 12) == {-3, -2, -1, 0, 1, 2, 3}


def test_what_comes_in_from_outside_is_zero():
    x = np.ones((len(SEEDS), 16, 16, 1), "float32")
    moved = np.array(augment(x, SEEDS, ["translation"]))
    sides = {tuple(sorted((s.any(1).sum(), s.any(0).sum()))) for s in moved}
    assert sides <= {(a, b) for a in (14, 15, 16) for b in (14, 15, 16)}
    assert (14, 14) in sides


def test_cuts_out_a_rectangle_of_half_the_sides():
    x = np.ones((len(SEEDS), 16, 24, 2), "float32")
    lost = 1.0 - np.array(augment(x, SEEDS, ["cutout"]))
    assert set(np.unique(lost)) == {0.0, 1.0}
    np.testing.assert_array_equal(lost[..., 0], lost[..., 1])
    heights = lost[..., 0].any(2).sum(1)
    widths = lost[..., 0].any(1).sum(1)
    np.testing.assert_array_equal(lost[..., 0].sum((1, 2)), heights * widths)
    # Less at the edges, where a part of it falls outside.
    assert heights.max() == 8 and 4 <= heights.min() < 8
    assert widths.max() == 12 and 6 <= widths.min() < 12


def test_shear_slants_a_line_about_its_middle():
    x = np.zeros((len(SEEDS), 9, 21, 1), "float32")
    x[:, :, 10] = 1.0
    y = np.array(augment(x, SEEDS, ["shear"]))[..., 0]
    np.testing.assert_allclose(y.sum(2), 1.0, atol=1e-5)
    centers = (y * np.arange(21)).sum(2)
    slopes = np.diff(centers, axis=1)
    np.testing.assert_allclose(slopes, slopes[:, :1] + 0 * slopes, atol=1e-4)
    np.testing.assert_allclose(centers[:, 4], 10.0, atol=1e-5)
    assert -0.5 <= slopes.min() < -0.45 and 0.45 < slopes.max() <= 0.5


def test_zoom_stretches_each_side_about_the_middle():
    x = np.zeros((len(SEEDS), 24, 40, 1), "float32")
    x[:, 8:16, 16:24] = 1.0
    y = np.array(augment(x, SEEDS, ["zoom"]))[..., 0]
    heights, widths = y.max(2).sum(1), y.max(1).sum(1)
    for sizes in (heights, widths):
        assert 5.6 <= sizes.min() < 6.0 and 11.0 < sizes.max() <= 11.4
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.2
    np.testing.assert_allclose(
        (y.sum(2) * np.arange(24)).sum(1) / y.sum((1, 2)), 11.5, atol=1e-4
    )


def test_color_changes_brightness_saturation_and_contrast():
    grey = np.full((len(SEEDS), 4, 4, 3), 0.5, "float32")
    shifts = np.array(augment(grey, SEEDS, ["color"])) - 0.5
    assert np.ptp(shifts, axis=(1, 2, 3)).max() < 1e-6
    assert -0.25 <= shifts.min() < -0.24 and 0.24 < shifts.max() <= 0.25
    x = RNG.random((len(SEEDS), 4, 4, 3)).astype("float32")
    y = np.array(augment(x, SEEDS, ["color"]))

    def spreads(x):
        grey = x.mean(-1, keepdims=True)
        axes = (1, 2, 3)
        return np.array([(x - grey).std(axes), grey.std(axes)])

    saturation, contrast = spreads(y) / spreads(x)
    assert 0.5 <= contrast.min() < 0.55 and 1.45 < contrast.max() <= 1.5
    saturation /= contrast
    assert 0.0 <= saturation.min() < 0.05 and 1.95 < saturation.max() <= 2.001


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_depends_on_the_rows_own_seed_and_passes_gradients(name):
    x = tf.constant(RNG.random((3, 8, 8, 3)), "float32")
    seeds = np.array([5, 9, 5], "int32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = augment(x, seeds, [name])
    assert np.abs(tape.gradient(y, x)).sum() > 0.0
    np.testing.assert_allclose(
        augment(x[1:], seeds[1:], [name]), y[1:], rtol=1e-5, atol=1e-6
    )
    compiled = tf.function(augment, jit_compile=True, autograph=False)
    np.testing.assert_allclose(
        compiled(x, seeds, [name]), y, rtol=1e-5, atol=1e-5
    )
    assert np.abs(augment(x, seeds, [name], stream=1) - y).max() > 0.0
