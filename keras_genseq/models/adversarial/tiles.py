"""Images that are too large to be worked off at once, tile by tile."""

import numpy as np


def map_tiles(function, image, tile_size, overlap, multiple, out=None):
    """Maps an image to another one of its height and width by tiles.

    Where tiles overlap, their answers fade into each other. Only tiles are in
    memory, so that image and `out` may be files (`numpy.memmap`).

    Args:
        function: callable `(1, height, width, channels) -> (1, height, width,
            new_channels)`, for sides that are multiples of `multiple`.
        image: `(height, width, channels)` array of any size.
        tile_size: int. Side of a tile, a multiple of `multiple`.
        overlap: int, at most half of `tile_size`. Pixels that neighbors share.
        multiple: int.
        out: `(height, width, new_channels)` array of zeros that is written to;
            None makes one.

    Returns:
        `out`.
    """
    height, width = image.shape[:2]
    for top, rows in _spans(height, tile_size, overlap):
        for left, columns in _spans(width, tile_size, overlap):
            place = (
                slice(top, top + len(rows)),
                slice(left, left + len(columns)),
            )
            tile = _padded(np.asarray(image[place]), multiple)
            answer = np.asarray(function(tile[None]))[0]
            if out is None:
                out = np.zeros((height, width, answer.shape[-1]), "float32")
            weights = rows[:, None, None] * columns[:, None]
            out[place] += weights * answer[: len(rows), : len(columns)]
    return out


def _spans(size, tile_size, overlap):
    """Where tiles begin along an axis, and how much each of their pixels count.

    Returns:
        list of (int, array); the weights of all tiles on a pixel sum up to 1.
    """
    length = min(size, tile_size)
    starts = [*range(0, size - length, tile_size - overlap), size - length]
    # From each edge of a tile, what it says rises to full weight.
    to_edge = np.minimum(np.arange(length), np.arange(length)[::-1])
    weights = np.minimum(to_edge, overlap) + 1.0
    total = np.zeros(size)
    for start in starts:
        total[start : start + length] += weights
    return [
        (start, (weights / total[start : start + length]).astype("float32"))
        for start in starts
    ]


def _padded(tile, multiple):
    """A tile with sides that are multiples, mirrored at its edges."""
    pads = [(0, -side % multiple) for side in tile.shape[:2]]
    return np.pad(tile, (*pads, (0, 0)), mode="symmetric")
