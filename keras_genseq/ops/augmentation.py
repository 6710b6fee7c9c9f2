"""Random changes of images through which gradients pass.

A discriminator that is shown reals and fakes with such changes alone learns
nothing that the changes hide, and learns few images by heart less soon; the
generator's images stay free of them, as long as its teacher changes both.
"""

from keras import ops

from keras_genseq.ops.random import row_uniform

# Which draws of a row each change takes: not those of another one.
_DRAWS = {
    "color": range(3),
    "translation": range(3, 5),
    "cutout": range(5, 7),
    "shear": range(7, 8),
    "zoom": range(8, 10),
}
_NUM_DRAWS = 10
AUGMENTATIONS = tuple(_DRAWS)


def augment(x, seeds, names, stream=0):
    """Changes each image of a batch by chance.

    `"color"`, `"translation"` and `"cutout"` are those of DiffAugment:
    brightness (up to a quarter of the range, up or down), saturation (of 0 to 2
    times) and contrast (of 0.5 to 1.5 times); moves by up to an eighth of
    the sides, in whole pixels; and a rectangle of half the sides, its middle
    anywhere, set to 0. `"shear"` moves every row aside by up to half of its
    distance from the middle, which slants what is upright by up to 27 degrees;
    `"zoom"` makes height and width, each by itself, up to 1.41 times as large
    or as small. What comes in from outside is 0: black, where DiffAugment, of
    images in [-1, 1], has gray.

    Args:
        x: `(batch_size, height, width, channels)` floats in [0, 1]; colors may
            leave that range.
        seeds: `(batch_size,)` integers: equal seeds, equal changes.
        names: sequence of `AUGMENTATIONS`, made in the order given.
        stream: int. As for `row_uniform`.

    Returns:
        Tensor of the shape of `x`.

    References:
        - [Zhao et al., 2020](https://arxiv.org/abs/2006.10738)
    """
    changes = {
        "color": _recolored,
        "translation": _translated,
        "cutout": _cut_out,
        "shear": _sheared,
        "zoom": _zoomed,
    }
    uniforms = row_uniform(seeds, _NUM_DRAWS, stream=stream)
    for name in names:
        # Each `(batch_size, 1, 1, 1)`.
        draws = [uniforms[:, i, None, None, None] for i in _DRAWS[name]]
        x = changes[name](x, *draws)
    return x


def _recolored(x, brightness, saturation, contrast):
    x = x + 0.5 * (brightness - 0.5)
    gray = ops.mean(x, axis=-1, keepdims=True)
    x = gray + 2.0 * saturation * (x - gray)
    mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
    return mean + (contrast + 0.5) * (x - mean)


def _translated(x, down, right):
    for axis, draw in ((1, down), (2, right)):
        size = x.shape[axis]
        most = round(size / 8)
        # Whole pixels from -most to most, each equally likely.
        offset = ops.floor(draw * (2 * most + 1)) - most
        x = _resampled(x, axis, _positions(size)[:, None] - offset)
    return x


def _cut_out(x, down, right):
    kept = 0.0
    for axis, draw in ((1, down), (2, right)):
        size = x.shape[axis]
        shape = [1, 1, 1, 1]
        shape[axis] = size
        gap = ops.abs(ops.reshape(_positions(size) + 0.5, shape) - size * draw)
        kept = ops.maximum(kept, ops.cast(gap >= size / 4, x.dtype))
    return x * kept


def _sheared(x, draw):
    height, width = x.shape[1:3]
    slope = draw - 0.5
    rows = _positions(height)[:, None, None] - (height - 1) / 2
    return _resampled(x, 2, _positions(width)[:, None] + slope * rows)


def _zoomed(x, tall, wide):
    for axis, draw in ((1, tall), (2, wide)):
        middle = (x.shape[axis] - 1) / 2
        away = _positions(x.shape[axis])[:, None] - middle
        x = _resampled(x, axis, middle + away * 2.0 ** (draw - 0.5))
    return x


def _positions(size):
    return ops.arange(size, dtype="float32")


def _resampled(x, axis, positions):
    """Reads `x` at other positions along an axis, between two of its pixels.

    It is a product with the weights of linear interpolation: no gathering,
    which is slow to differentiate.

    Args:
        x: `(batch_size, height, width, channels)`.
        axis: 1 or 2.
        positions: `(batch_size, 1 or the size of the other axis, size, 1)`.
    """
    if axis == 1:
        x = ops.transpose(x, (0, 2, 1, 3))
    size = x.shape[2]
    weights = ops.relu(1.0 - ops.abs(positions - _positions(size)))
    weights = ops.broadcast_to(
        weights, (ops.shape(x)[0], x.shape[1], size, size)
    )
    x = ops.matmul(ops.cast(weights, x.dtype), x)
    return ops.transpose(x, (0, 2, 1, 3)) if axis == 1 else x
