"""Grids of vectors at another resolution."""

from keras import ops


def resize_grid(grid, grid_shape):
    """Reads a grid of vectors at another number of rows and columns.

    Corners stay corners; between, it is linear along each side. A grid of its
    own size stays as it is, and a constant one constant.

    Args:
        grid: `(rows, columns, width)` floats, of static shape.
        grid_shape: pair of ints, or of integer scalar tensors.

    Returns:
        Tensor `(*grid_shape, width)`.
    """
    rows, columns = (
        _interpolation(old, new, grid.dtype)
        for old, new in zip(grid.shape[:2], grid_shape, strict=True)
    )
    if rows is not None:
        grid = ops.einsum("nr,rcd->ncd", rows, grid)
    if columns is not None:
        grid = ops.einsum("nc,rcd->rnd", columns, grid)
    return grid


def _interpolation(old, new, dtype):
    """Weights `(new, old)` of each old place in each new one, or None."""
    if isinstance(new, int) and new == old:
        return None
    steps = ops.cast(new - 1, "float32")
    places = ops.cast(ops.arange(new, dtype="int32"), "float32")
    # A single place is the middle.
    places = places * ops.divide_no_nan(float(old - 1), steps)
    places = ops.where(steps > 0.0, places, (old - 1) / 2)
    gaps = ops.abs(places[:, None] - ops.arange(old, dtype="float32"))
    return ops.cast(ops.relu(1.0 - gaps), dtype)
