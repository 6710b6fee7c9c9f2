"""Masked layers as a sampler runs them: per pixel, only what it changes.

Each class is one layer (or several, as one), with three methods:

- `first_state(batch_size)`: the state above the first row;
- `next_row(state, row)`: the state when a row begins; what all finished rows
  say to the new one is computed here, for the whole row in one product;
- `at_pixel(x, state, column)`: the outputs `(batch_size, filters)` of a pixel
  from its inputs `(batch_size, channels)`, and the new state. Doing it again
  with more colors known replaces what was there.

Rows are `(width, batch_size, channels)`. Kernels are masked once, outside of
any loop. Everything is float32.
"""

import tensorflow as tf
from keras import ops


def zeros(*shape):
    """What a state holds before anything is known: float32."""
    return ops.zeros(shape, "float32")


def put(row, column, x):
    """Writes a pixel into a row."""
    return tf.tensor_scatter_nd_update(row, [[column]], x[None])


class IncrementalConv:
    """`MaskedConv2D`, stride 1, padded.

    Args:
        layer: the layer, built.
        width: int. Width of the image.
    """

    def __init__(self, layer, width):
        kernel = ops.cast(layer.masked_kernel, "float32")
        size = layer.kernel_size
        self.reach = (size[0] // 2, size[1] // 2)
        self.width = width
        self.channels, self.filters = kernel.shape[2:]
        self.above_kernel = kernel[: self.reach[0]]
        self.row_kernel = ops.reshape(
            kernel[self.reach[0], : self.reach[1] + 1], (-1, self.filters)
        )
        self.bias = ops.cast(layer.bias, "float32")
        self.activation = layer.activation

    def first_state(self, batch_size):
        rows, columns = self.reach
        if self.reach == (0, 0):
            return {}
        padded = self.width + 2 * columns
        state = {"row": zeros(padded, batch_size, self.channels)}
        if rows:
            state["above"] = zeros(rows, padded, batch_size, self.channels)
            state["terms"] = zeros(self.width, batch_size, self.filters)
        return state

    def next_row(self, state, row):
        if not self.reach[0]:
            return state
        finished = state["row"]
        above = ops.concatenate([state["above"], finished[None]])[1:]
        return {
            "row": ops.zeros_like(finished),
            "above": above,
            "terms": convolve_rows(above, self.above_kernel, self.width),
        }

    def at_pixel(self, x, state, column):
        state = self.reveal(x, state, column)
        window = x
        if self.reach[1]:
            window = window_before(state["row"], column, self.reach[1])
        x = ops.matmul(window, self.row_kernel) + self.bias
        if self.reach[0]:
            x = x + state["terms"][column]
        return self.activation(x), state

    def reveal(self, x, state, column):
        """The state when the inputs of a pixel are known."""
        if self.reach == (0, 0):
            return state
        return {**state, "row": put(state["row"], column + self.reach[1], x)}


def convolve_rows(rows, kernel, width):
    """The last row of a convolution over a few rows.

    Args:
        rows: `(height, padded_width, batch_size, channels)`.
        kernel: `(height, kernel_width, channels, filters)`.
        width: int. Pixels of the result.

    Returns:
        Tensor `(width, batch_size, filters)`.
    """
    height, kernel_width = kernel.shape[:2]
    windows = ops.concatenate(
        [
            rows[y, x : x + width]
            for y in range(height)
            for x in range(kernel_width)
        ],
        axis=-1,
    )
    return ops.matmul(windows, ops.reshape(kernel, (-1, kernel.shape[-1])))


def window_before(row, column, reach):
    """A pixel of a padded row and `reach` pixels before it, in one vector."""
    batch_size, channels = ops.shape(row)[1], row.shape[2]
    window = tf.slice(row, [column, 0, 0], [reach + 1, batch_size, channels])
    window = ops.transpose(window, (1, 0, 2))  # (B, reach + 1, C)
    return ops.reshape(window, (-1, (reach + 1) * channels))


def context_rows(layer, context):
    """What a map that is known whole adds to a layer, row by row.

    Args:
        layer: has a `context_conv`, or None.
        context: `(batch_size, height, width, context_filters)`, or None.

    Returns:
        `(height, width, batch_size, filters)`, or None without a map.
    """
    if layer.context_conv is None:
        return None
    kernel = ops.cast(layer.context_conv.kernel[0, 0], "float32")
    terms = ops.matmul(ops.cast(context, "float32"), kernel)
    return ops.transpose(terms, (1, 2, 0, 3))  # (H, W, B, F)


class AddedRows:
    """Adds a map, a pixel at a time.

    Args:
        rows: `(height, width, batch_size, filters)`, as `context_rows` gives.
    """

    def __init__(self, rows):
        self.rows = rows

    def first_state(self, batch_size):
        return ops.zeros_like(self.rows[0])

    def next_row(self, state, row):
        return ops.take(self.rows, row, axis=0)

    def at_pixel(self, x, state, column):
        return x + state[column], state


class Pointwise:
    """A function of a pixel alone, such as an activation.

    Args:
        function: callable of a tensor.
    """

    def __init__(self, function):
        self.function = function

    def first_state(self, batch_size):
        return {}

    def next_row(self, state, row):
        return state

    def at_pixel(self, x, state, column):
        return self.function(x), state


class Chain:
    """Parts one after the other.

    Args:
        parts: list of objects of this module.
        residual: bool. Whether the inputs are added to the outputs.
        prepare: optional function of a pixel's values, applied first.
    """

    def __init__(self, parts, *, residual=False, prepare=None):
        self.parts = parts
        self.residual = residual
        self.prepare = prepare or (lambda x: x)

    def first_state(self, batch_size):
        return [part.first_state(batch_size) for part in self.parts]

    def next_row(self, state, row):
        return [
            part.next_row(s, row)
            for part, s in zip(self.parts, state, strict=True)
        ]

    def at_pixel(self, x, state, column):
        x = inputs = self.prepare(x)
        after = []
        for part, before in zip(self.parts, state, strict=True):
            x, new = part.at_pixel(x, before, column)
            after.append(new)
        return (inputs + x if self.residual else x), after

    def reveal(self, x, state, column):
        """The state when the inputs of a pixel are known.

        No later layer than the first ever looks at the last color.
        """
        first = self.parts[0].reveal(self.prepare(x), state[0], column)
        return [first, *state[1:]]
