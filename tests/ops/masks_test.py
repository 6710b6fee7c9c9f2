import numpy as np
import pytest

from keras_genseq.ops.masks import IMAGE_ATTENTION
from keras_genseq.ops.masks import color_groups
from keras_genseq.ops.masks import connections
from keras_genseq.ops.masks import draw_degrees
from keras_genseq.ops.masks import image_attention_mask
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


def test_image_attention_is_that_of_the_paper():
    n = 32
    average = {
        kind: image_attention_mask(kind, (n, n), 11).sum(1).mean()
        for kind in IMAGE_ATTENTION
    }
    assert average["full"] == 512.5
    assert average["column"] == 16.5
    # Each sees itself and 32 before it, where there are as many.
    assert average["row"] == pytest.approx(33 - 33 * 32 / 2 / n**2)
    # Five rows of 11 above, five before it and itself; fewer in first rows.
    seen = image_attention_mask("convolutional", (n, n), 11)
    assert seen[-1].sum() == 5 * 11 + 5 + 1 and seen[0].sum() == 1
    for kind in IMAGE_ATTENTION:
        mask = image_attention_mask(kind, (4, 3), 3)
        assert not np.triu(mask, 1).any() and mask.diagonal().all()
    two_hops = np.linalg.matrix_power(
        image_attention_mask("row", (4, 3)).astype(int)
        + image_attention_mask("column", (4, 3)),
        2,
    )
    assert (two_hops[np.tril_indices(12)] > 0).all()


def test_what_the_last_token_of_an_image_sees():
    # The last token of 3 x 3 and what it sees: its place, row by row.
    for kind, seen in {
        "full": [1, 1, 1, 1, 1, 1, 1, 1, 1],
        "row": [0, 0, 0, 0, 0, 1, 1, 1, 1],
        "column": [0, 0, 1, 0, 0, 1, 0, 0, 1],
        # The kernel goes on in its own row where it leaves the one above.
        "convolutional": [0, 0, 0, 0, 1, 1, 1, 1, 1],
    }.items():
        mask = image_attention_mask(kind, (3, 3), 3)
        np.testing.assert_array_equal(mask[-1], seen, err_msg=kind)
