"""Which weights an autoregressive network may have: masks as plain arrays."""

import numpy as np
from keras import ops

IMAGE_ATTENTION = ("full", "row", "column", "convolutional")


def connections(input_degrees, output_degrees, *, strict=False):
    """Mask of a dense kernel whose units have degrees.

    A unit of degree m knows the first m dimensions in the model's ordering, so
    that it may listen to units of degrees up to its own.

    Args:
        input_degrees: `(input_dim,)` integers, an array or a tensor.
        output_degrees: `(units,)` integers.
        strict: bool. Whether the degrees of inputs must be below the output's,
            as those of a network's last layer must.

    Returns:
        boolean tensor `(input_dim, units)`.

    References:
        - [Germain et al., 2015](https://arxiv.org/abs/1502.03509), Eq. 12, 13
    """
    inputs = ops.convert_to_tensor(input_degrees)[:, None]
    outputs = ops.convert_to_tensor(output_degrees)[None, :]
    return outputs > inputs if strict else outputs >= inputs


def draw_degrees(input_dim, units, random):
    """Degrees of the hidden units of MADE.

    Args:
        input_dim: int.
        units: sequence of ints. Widths of the hidden layers.
        random: `np.random.RandomState`, whose numbers no release of NumPy
            changes: degrees are not saved with a model.

    Returns:
        list of int32 arrays `(width,)`; each degree is uniform between the
        least of the layer before and `input_dim - 1`.
    """
    degrees, least = [], 1
    for width in units:
        most = max(least, input_dim - 1)
        drawn = random.randint(least, most + 1, size=width).astype("int32")
        degrees.append(drawn)
        least = int(drawn.min())
    return degrees


def units_by_degree(degrees, num_degrees):
    """Units of each degree, in rows of equal length.

    Args:
        degrees: `(width,)` integers.
        num_degrees: int. Rows: degrees 0 to `num_degrees - 1`.

    Returns:
        int32 array `(num_degrees, most units of one degree)`, filled up with
        `width`, which is not a unit's number.
    """
    counts = np.bincount(degrees, minlength=num_degrees)
    table = np.full((num_degrees, max(1, counts.max())), len(degrees), "int32")
    for degree in range(num_degrees):
        table[degree, : counts[degree]] = np.flatnonzero(degrees == degree)
    return table


def color_groups(channels, num_colors, num_maps=1):
    """Which color each channel of a layer belongs to.

    Args:
        channels: int.
        num_colors: int. Colors of the image, red first.
        num_maps: int. Maps that lie side by side, such as the gates of an
            LSTM; the channels of each are shared out among the colors.

    Returns:
        int array `(channels,)`; the shares are as equal as they can be.
    """
    width = channels // num_maps
    return np.arange(channels) % width * num_colors // width


def raster_mask(kernel_size, mask_type, input_colors, output_colors):
    """Mask of a convolution that is blind to later pixels in raster order.

    Args:
        kernel_size: pair of odd ints.
        mask_type: `"A"`: at the pixel itself an output sees earlier colors
            only; `"B"`: its own color too.
        input_colors: `(input_channels,)` array of `color_groups`.
        output_colors: `(filters,)` array of the same.

    Returns:
        float32 array `(height, width, input_channels, filters)`.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1601.06759),
          section 3.4
    """
    height, width = kernel_size
    mask = np.zeros(
        (height, width, len(input_colors), len(output_colors)), "float32"
    )
    mask[: height // 2] = 1.0
    mask[height // 2, : width // 2] = 1.0
    seen, sees = input_colors[:, None], output_colors[None, :]
    center = seen < sees if mask_type == "A" else seen <= sees
    mask[height // 2, width // 2] = center
    return mask


def image_attention_mask(kind, grid_shape, kernel_size=None):
    """Which earlier tokens of an image a token sees, in sparse attention.

    Tokens stand in raster order, and each sees itself. `"full"` shows all
    earlier ones; `"row"` as many before it as a row has, up to the one above;
    `"column"` those above it; `"convolutional"` the neighborhood of a kernel
    that goes on in the next row where it leaves one, as a row of tokens does.

    Args:
        kind: one of `IMAGE_ATTENTION`.
        grid_shape: pair of ints, (rows, columns).
        kernel_size: odd int, the side of the kernel of `"convolutional"`.

    Returns:
        boolean array `(rows * columns, rows * columns)`; rows are queries.

    References:
        - [Ramesh et al., 2021](https://arxiv.org/abs/2102.12092), figure 11
    """
    rows, columns = grid_shape
    places = np.arange(rows * columns)
    distance = places[:, None] - places[None, :]
    if kind == "full":
        near = True
    elif kind == "row":
        near = distance <= columns
    elif kind == "column":
        near = distance % columns == 0
    else:
        reach = kernel_size // 2
        offsets = [
            up * columns + left
            for up in range(reach + 1)
            for left in range(-reach, reach + 1)
        ]
        near = np.isin(distance, offsets)
    return (distance >= 0) & near


def after_prefix(mask, num_prefix):
    """The mask of steps that come after others, all of which they see.

    Args:
        mask: boolean array `(steps, steps)`.
        num_prefix: int. Steps before them, which see each earlier one.

    Returns:
        boolean array `(num_prefix + steps, num_prefix + steps)`.
    """
    size = num_prefix + len(mask)
    joined = np.tri(size, dtype=bool)
    joined[num_prefix:, num_prefix:] = mask
    return joined
