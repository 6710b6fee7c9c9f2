"""Key parts of images: where they are, what they show, what they cover.

A box is (left, top, width, height), in whole pixels; one without an area is no
part. All are pure functions of tensors, for `tf.data` as for a served graph.
"""

import functools

import numpy as np
from keras import ops

# Of the boxes that the authors' code brings for CelebA: their sides as shares
# of the image's, areas, ratios of sides and overlaps.
_SIDES = (1 / 4, 5 / 16, 3 / 8)
_AREAS = (0.07, 0.16)
_MOST_OBLONG = 1.5
_MOST_OVERLAP = 0.5
# Windows begin at every one of so many places along a side.
_PLACES = 32
# Steps of an edge's strength, and of a score.
_LEVELS = 256
_SCORE_LEVELS = 64
_NO_SCORE = -1e9


def detect_key_parts(x, num_parts):
    """Boxes of the parts that look most like things.

    A window is good where edges are dense inside and sparse in a frame around
    it: the mean strength of Sobel's edges inside less that in the frame, from
    integral images. Windows have the shapes of the paper's boxes: sides of 1/4,
    5/16 and 3/8 of the image's, a ratio of sides of up to 3 : 2 and 7 to 16 %
    of its area. The best ones are taken in turn; none overlaps one before it by
    more than half of their union.

    Edges are whole numbers and scores are rounded: where two windows are as
    good, the upper left one is taken, in any batch and on any device.

    Args:
        x: `(batch_size, height, width, channels)` floats in [0, 1], of static
            sides from 8 to 1,024.
        num_parts: int.

    Returns:
        `(batch_size, num_parts, 4)` int32 boxes, the best first; without an
        area where there are fewer.
    """
    windows = key_part_windows(*x.shape[1:3])
    scores = ops.where(_is_key_part(*x.shape[1:3]), _objectness(x), _NO_SCORE)
    boxes = []
    for _ in range(num_parts):
        best = ops.take(windows, ops.argmax(scores, axis=1), axis=0)
        is_found = ops.max(scores, axis=1) > _NO_SCORE
        boxes.append(ops.where(is_found[:, None], best, 0))
        overlaps = overlap(best[:, None], windows[None])
        scores = ops.where(overlaps > _MOST_OVERLAP, _NO_SCORE, scores)
    return ops.stack(boxes, axis=1)


@functools.lru_cache
def key_part_windows(height, width):
    """All windows that `detect_key_parts` compares: int32 `(num_windows, 4)`.

    Those of another shape than key parts have are among them.
    """
    return np.array(
        [
            (left, top, right - left, bottom - top)
            for top, bottom in _intervals(height)
            for left, right in _intervals(width)
        ],
        "int32",
    )


@functools.lru_cache
def _is_key_part(height, width):
    """Which windows have the shape of a key part: bool `(num_windows,)`."""
    _, _, wide, tall = key_part_windows(height, width).T
    area = wide * tall / (height * width)
    return (
        (area >= _AREAS[0])
        & (area <= _AREAS[1])
        & (wide <= _MOST_OBLONG * tall)
        & (tall <= _MOST_OBLONG * wide)
    )


def _intervals(size):
    lengths = sorted({round(share * size) for share in _SIDES})
    step = max(1, size // _PLACES)
    return [
        (start, start + length)
        for length in lengths
        for start in range(0, size - length + 1, step)
    ]


def _objectness(x):
    """Scores of all windows: `(batch_size, num_windows)`."""
    sums = ops.cumsum(ops.cumsum(_edges(x), axis=1), axis=2)
    integral = ops.pad(sums, [[0, 0], [1, 0], [1, 0]])
    sides = x.shape[1:3]
    inner = [np.array(_intervals(side)) for side in sides]
    outer = [
        np.clip(part + [-max(1, side // 16), max(1, side // 16)], 0, side)
        for part, side in zip(inner, sides, strict=True)
    ]
    inside, both = (_sums(integral, *each) for each in (inner, outer))
    area, area_of_both = (
        np.ptp(rows, axis=1)[:, None] * np.ptp(columns, axis=1)
        for rows, columns in (inner, outer)
    )
    frame = ops.cast(both - inside, "float32")
    # By factors: compilers would turn quotients into them, some of them.
    scores = ops.cast(inside, "float32") * (1.0 / area).astype("float32")
    scores -= frame * (1.0 / (area_of_both - area)).astype("float32")
    scores = ops.round(scores * _SCORE_LEVELS)
    return ops.reshape(scores, (-1, len(inner[0]) * len(inner[1])))


def _edges(x):
    """Strengths of edges, int32 `(batch_size, height, width)`."""
    x = ops.pad(
        ops.cast(x, "float32"), [[0, 0], [1, 1], [1, 1], [0, 0]], mode="reflect"
    )
    tall = x[:, :-2] + 2.0 * x[:, 1:-1] + x[:, 2:]
    wide = x[:, :, :-2] + 2.0 * x[:, :, 1:-1] + x[:, :, 2:]
    across = tall[:, :, 2:] - tall[:, :, :-2]
    along = wide[:, 2:] - wide[:, :-2]
    strength = ops.mean(ops.sqrt(across**2 + along**2), axis=-1)
    return ops.cast(ops.round(_LEVELS * strength), "int32")


def _sums(integral, rows, columns):
    """Sums over all pairs of an interval of rows and one of columns."""
    for axis, part in ((1, rows), (2, columns)):
        start, end = (ops.take(integral, i, axis=axis) for i in part.T)
        integral = end - start
    return integral


def overlap(a, b):
    """Intersection of boxes over their union, in [0, 1].

    Args:
        a: `(..., 4)` boxes.
        b: boxes that broadcast against `a`.

    Returns:
        float32 tensor `(...)`; 0 where neither has an area.
    """
    shared, areas = 1, [1, 1]
    for i in (0, 1):
        ends = ops.minimum(a[..., i] + a[..., i + 2], b[..., i] + b[..., i + 2])
        length = ends - ops.maximum(a[..., i], b[..., i])
        shared = shared * ops.maximum(length, 0)
        areas = [areas[0] * a[..., i + 2], areas[1] * b[..., i + 2]]
    union = ops.maximum(areas[0] + areas[1] - shared, 1)
    return ops.cast(shared, "float32") / ops.cast(union, "float32")


def has_area(boxes):
    """Which boxes are parts: bool `(...)` of `(..., 4)`."""
    return (boxes[..., 2] > 0) & (boxes[..., 3] > 0)


def cut_out(x, boxes):
    """What boxes show, each enlarged to the size of the whole image.

    Place and scale are lost. Enlarging is bicubic, from the pixels of the box
    alone.

    Args:
        x: `(batch_size, height, width, channels)` floats in [0, 1].
        boxes: `(batch_size, num_parts, 4)` int32, inside of the images.

    Returns:
        float32 tensor `(batch_size, num_parts, height, width, channels)` in
        [0, 1]; zeros for a box without an area.
    """
    left, top, width, height = _parts_of_boxes(boxes, "float32")
    rows = _cubic_weights(top, height, x.shape[1])
    columns = _cubic_weights(left, width, x.shape[2])
    patches = ops.einsum("bnih,bhwc->bniwc", rows, ops.cast(x, "float32"))
    patches = ops.einsum("bnjw,bniwc->bnijc", columns, patches)
    return ops.clip(patches, 0.0, 1.0)


def _cubic_weights(start, length, size):
    """What each pixel counts in each of an enlarged interval.

    Args:
        start: `(batch_size, num_parts)`.
        length: same shape.
        size: int. Pixels of the side, and of the enlarged interval.

    Returns:
        `(batch_size, num_parts, size, size)`: new pixels, then old ones.
    """
    new = ops.arange(size, dtype="float32") + 0.5
    # Places within the interval: the same, wherever it lies.
    places = new * (length / size)[..., None] - 0.5
    old = ops.arange(size, dtype="float32") - start[..., None]
    is_inside = (old >= 0.0) & (old < length[..., None])
    gaps = ops.abs(places[..., :, None] - old[..., None, :])
    # Keys, 1981, with a = -1/2.
    near = (1.5 * gaps - 2.5) * gaps * gaps + 1.0
    far = ((2.5 - 0.5 * gaps) * gaps - 4.0) * gaps + 2.0
    weights = ops.where(gaps < 1.0, near, ops.where(gaps < 2.0, far, 0.0))
    weights = weights * ops.cast(is_inside[..., None, :], "float32")
    total = ops.sum(weights, axis=-1, keepdims=True)
    return weights / ops.where(total > 0.0, total, 1.0)


def mask_of_boxes(boxes, height, width):
    """What boxes cover together.

    Args:
        boxes: `(batch_size, num_parts, 4)` int32.
        height: int.
        width: int.

    Returns:
        float32 tensor `(batch_size, height, width, 1)` of 1 inside of any box
        and 0 elsewhere.
    """
    left, top, wide, tall = (
        part[..., None] for part in _parts_of_boxes(boxes, "int32")
    )
    rows, columns = (
        ops.arange(height, dtype="int32"),
        ops.arange(width, dtype="int32"),
    )
    in_rows = (rows >= top) & (rows < top + tall)
    in_columns = (columns >= left) & (columns < left + wide)
    inside = in_rows[..., :, None] & in_columns[..., None, :]
    return ops.cast(ops.any(inside, axis=1), "float32")[..., None]


def mirrored_boxes(boxes, width):
    """The boxes of the mirrored image.

    Args:
        boxes: `(..., 4)` int32.
        width: int. Of the image.
    """
    left, top, wide, tall = _parts_of_boxes(boxes, "int32")
    return ops.stack([width - left - wide, top, wide, tall], axis=-1)


def _parts_of_boxes(boxes, dtype):
    return ops.unstack(ops.cast(boxes, dtype), 4, axis=-1)
