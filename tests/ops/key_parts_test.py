"""Key parts: where they are found, what is cut out, what is covered."""

import numpy as np
import pytest
import tensorflow as tf

from keras_genseq.ops.key_parts import cut_out
from keras_genseq.ops.key_parts import detect_key_parts
from keras_genseq.ops.key_parts import has_area
from keras_genseq.ops.key_parts import key_part_windows
from keras_genseq.ops.key_parts import mask_of_boxes
from keras_genseq.ops.key_parts import mirrored_boxes
from keras_genseq.ops.key_parts import overlap


def images(count, size=32, channels=1, seed=0):
    """Dark images with one bright, textured square each."""
    rng = np.random.default_rng(seed)
    x = np.full((count, size, size, channels), 0.1, "float32")
    corners = rng.integers(3, size - 12, (count, 2))
    for image, (top, left) in zip(x, corners, strict=True):
        image[top : top + 9, left : left + 9] = rng.random((9, 9, channels))
    return x, corners


def box_mask(box, size):
    left, top, width, height = box
    mask = np.zeros((size, size), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_the_best_window_is_on_the_thing():
    x, corners = images(6)
    best = np.array(detect_key_parts(x, 1))[:, 0]
    for box, (top, left) in zip(best, corners, strict=True):
        thing = box_mask((left, top, 9, 9), 32)
        found = box_mask(box, 32)
        assert (thing & found).sum() > 0.8 * min(thing.sum(), found.sum())


@pytest.mark.parametrize("size", [16, 32, 64])
def test_boxes_have_the_shapes_of_the_papers(size):
    rng = np.random.default_rng(1)
    boxes = np.array(detect_key_parts(rng.random((3, size, size, 3)), 5))
    assert boxes.shape == (3, 5, 4) and boxes.dtype == np.int32
    for row in boxes:
        masks = [box_mask(box, size) for box in row]
        for i, (_, _, width, height) in enumerate(row):
            assert masks[i].sum() == width * height
            assert 0.07 <= width * height / size**2 <= 0.16
            assert 2 / 3 <= width / height <= 3 / 2
            for other in masks[:i]:
                shared = (masks[i] & other).sum()
                assert shared <= 0.5 * (masks[i] | other).sum()
                assert shared > 0 or (masks[i] != other).any()


def test_scores_are_edges_inside_less_those_around():
    """Every window is scored by hand, from TensorFlow's own Sobel edges."""
    x, _ = images(1, channels=3)
    edges = tf.image.sobel_edges(tf.constant(x))
    strength = np.sqrt((np.array(edges) ** 2).sum(-1)).mean(-1)[0]
    strength = np.round(256 * strength)
    found = {}
    for box in key_part_windows(32, 32):
        left, top, width, height = box
        share = width * height / 32**2
        fits = max(width, height) <= 1.5 * min(width, height)
        if not (fits and 0.07 <= share <= 0.16):
            continue
        inside = box_mask(box, 32)
        rows = slice(max(0, top - 2), top + height + 2)
        columns = slice(max(0, left - 2), left + width + 2)
        frame = np.zeros_like(inside)
        frame[rows, columns] = True
        frame &= ~inside
        found[tuple(box)] = strength[inside].mean() - strength[frame].mean()
    best = tuple(np.array(detect_key_parts(x, 1))[0, 0])
    assert found[best] >= max(found.values()) - 1 / 64


def test_boxes_do_not_depend_on_the_batch_or_the_mode():
    # Binary images, full of windows that are as good.
    x = np.random.default_rng(2).random((9, 16, 16, 1)) < 0.2
    x = x.astype("float32")
    together = np.array(detect_key_parts(x, 3))
    alone = [np.array(detect_key_parts(row[None], 3))[0] for row in x]
    np.testing.assert_array_equal(together, alone)
    for jit in (False, True):
        compiled = tf.function(
            lambda x: detect_key_parts(x, 3), jit_compile=jit, autograph=False
        )
        np.testing.assert_array_equal(compiled(x), together)
    data = tf.data.Dataset.from_tensor_slices(x).batch(4)
    mapped = [b.numpy() for b in data.map(lambda x: detect_key_parts(x, 3))]
    np.testing.assert_array_equal(np.concatenate(mapped), together)
    assert len(np.unique(together[:, 0], axis=0)) > 3


def test_there_may_be_fewer_parts_than_asked_for():
    x = np.random.default_rng(5).random((2, 8, 8, 1))
    boxes = np.array(detect_key_parts(x, 110))
    is_part = np.array(has_area(boxes))
    # The best come first, then nothing.
    assert 5 < is_part[0].sum() < 110
    assert (np.diff(is_part.astype(int), axis=1) <= 0).all()
    np.testing.assert_array_equal(boxes[~is_part], 0)


def test_patches_are_crops_enlarged_by_bicubic_interpolation():
    x = np.random.default_rng(3).random((2, 16, 16, 3)).astype("float32")
    boxes = np.array([[[3, 2, 6, 5], [0, 0, 16, 16]]] * 2, "int32")
    boxes[1, 0] = 10, 11, 6, 5
    patches = np.array(cut_out(x, boxes))
    for image, row, crops in zip(x, boxes, patches, strict=True):
        for (left, top, width, height), patch in zip(row, crops, strict=True):
            crop = image[top : top + height, left : left + width]
            expected = tf.image.resize(crop, (16, 16), method="bicubic")
            expected = np.clip(expected, 0.0, 1.0)
            np.testing.assert_allclose(patch, expected, atol=2e-5)
    np.testing.assert_allclose(patches[:, 1], x, atol=1e-6)


def test_a_patch_does_not_tell_its_place():
    rng = np.random.default_rng(4)
    content, x = rng.random((5, 6, 1)), rng.random((3, 16, 16, 1))
    boxes = np.array([[[0, 0, 6, 5]], [[7, 4, 6, 5]], [[10, 11, 6, 5]]])
    for image, ((left, top, _, _),) in zip(x, boxes, strict=True):
        image[top : top + 5, left : left + 6] = content
    patches = np.array(cut_out(x.astype("float32"), boxes.astype("int32")))
    np.testing.assert_allclose(patches[1:], patches[:2], atol=1e-6)
    # Nothing from outside of the box is seen.
    x[0, 5:] = x[0, :, 6:] = 0.0
    again = np.array(cut_out(x.astype("float32"), boxes.astype("int32")))
    np.testing.assert_array_equal(again, patches)


def test_masks_are_unions_of_boxes():
    boxes = np.array([[[3, 2, 6, 5], [6, 4, 8, 9], [0, 0, 0, 7]]], "int32")
    mask = np.array(mask_of_boxes(boxes, 16, 20))[0, :, :, 0]
    expected = np.zeros((16, 20))
    expected[2:7, 3:9] = expected[4:13, 6:14] = 1.0
    np.testing.assert_array_equal(mask, expected)


def test_mirrored_boxes_are_those_of_the_mirrored_image():
    boxes = np.array([[[3, 2, 6, 5], [10, 4, 6, 9]]], "int32")
    mirrored = np.array(mirrored_boxes(boxes, 16))
    np.testing.assert_array_equal(
        mask_of_boxes(mirrored, 16, 16)[:, :, ::-1],
        mask_of_boxes(boxes, 16, 16),
    )
    np.testing.assert_array_equal(mirrored_boxes(mirrored, 16), boxes)
    assert (mirrored != boxes).any()


def test_overlaps_are_intersection_over_union():
    a = np.array([2, 3, 4, 6], "int32")
    others = [[2, 3, 4, 6], [4, 3, 4, 6], [6, 3, 4, 6], [0, 0, 0, 0]]
    found = overlap(a[None], np.array(others, "int32"))
    np.testing.assert_allclose(found, [1.0, 12 / 36, 0.0, 0.0])
    assert float(overlap(0 * a, 0 * a)) == 0.0
