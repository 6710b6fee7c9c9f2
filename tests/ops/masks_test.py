import numpy as np

from keras_genseq.ops.masks import color_groups
from keras_genseq.ops.masks import connections
from keras_genseq.ops.masks import draw_degrees
from keras_genseq.ops.masks import raster_mask
from keras_genseq.ops.masks import units_by_degree


def test_a_unit_listens_to_degrees_up_to_its_own():
    mask = np.array(connections([1, 2, 3], [1, 2]))
    np.testing.assert_array_equal(mask, [[1, 1], [0, 1], [0, 0]])


def test_an_output_listens_to_degrees_below_its_own():
    mask = np.array(connections([1, 2, 2], [1, 2, 3], strict=True))
    np.testing.assert_array_equal(mask, [[0, 1, 1], [0, 0, 1], [0, 0, 1]])


def test_degrees_are_of_known_dimensions_and_never_below_the_layer_before():
    first, second = draw_degrees(5, [400, 300], np.random.RandomState(0))
    np.testing.assert_array_equal(np.unique(first), [1, 2, 3, 4])
    np.testing.assert_array_equal(np.unique(second), [1, 2, 3, 4])
    narrow, after = draw_degrees(50, [1, 300], np.random.RandomState(0))
    assert after.min() >= narrow[0] > 1
    # Degrees are not saved: these numbers must never change.
    drawn = draw_degrees(9, [4, 3], np.random.RandomState(7))
    assert [list(d) for d in drawn] == [[8, 5, 2, 7], [5, 5, 6]]


def test_units_stand_in_the_row_of_their_degree():
    table = units_by_degree(np.array([2, 1, 2]), 4)
    np.testing.assert_array_equal(table, [[3, 3], [1, 3], [0, 2], [3, 3]])


def test_channels_are_shared_out_among_colors_map_by_map():
    np.testing.assert_array_equal(color_groups(3, 3), [0, 1, 2])
    np.testing.assert_array_equal(color_groups(8, 3), [0, 0, 0, 1, 1, 1, 2, 2])
    np.testing.assert_array_equal(
        color_groups(8, 2, num_maps=2), [0, 0, 1, 1, 0, 0, 1, 1]
    )


def test_the_center_of_a_raster_mask_depends_on_type_and_colors():
    grey = np.zeros(1, int)
    for mask_type, center in (("A", 0), ("B", 1)):
        mask = raster_mask((3, 3), mask_type, grey, grey)[:, :, 0, 0]
        np.testing.assert_array_equal(
            mask, [[1, 1, 1], [1, center, 0], [0, 0, 0]]
        )
    colors = np.arange(3)
    seen = raster_mask((1, 1), "A", colors, colors)[0, 0]
    np.testing.assert_array_equal(seen, [[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    seen = raster_mask((1, 1), "B", colors, colors)[0, 0]
    np.testing.assert_array_equal(seen, [[1, 1, 1], [0, 1, 1], [0, 0, 1]])
