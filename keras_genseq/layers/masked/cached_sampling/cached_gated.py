"""Gated PixelCNN as a sampler runs it: see `incremental`."""

from keras import ops

from keras_genseq.layers.masked.cached_sampling.cached_sampling import (
    IncrementalConv,
)
from keras_genseq.layers.masked.cached_sampling.cached_sampling import (
    convolve_rows,
)
from keras_genseq.layers.masked.cached_sampling.cached_sampling import put
from keras_genseq.layers.masked.cached_sampling.cached_sampling import zeros
from keras_genseq.layers.masked.gated_masked_block import gate


class IncrementalGatedStack:
    """`GatedMaskedBlock`s, the vertical stack by rows, the other by pixels.

    The vertical stack of a row is computed as soon as the row is complete: when
    the next one begins, which is the first to see it.

    Args:
        blocks: list of the layers, built.
        width: int. Width of the image.
        condition: `(batch_size, condition_dim)`, or None.
    """

    def __init__(self, blocks, width, condition=None):
        self.blocks = [
            _IncrementalBlock(block, width, condition) for block in blocks
        ]
        self.width = width

    def first_state(self, batch_size):
        channels = self.blocks[0].channels
        return {
            "inputs": zeros(self.width, batch_size, channels),
            "blocks": [block.first_state(batch_size) for block in self.blocks],
        }

    def next_row(self, state, row):
        vertical, blocks = state["inputs"], []
        for block, before in zip(self.blocks, state["blocks"], strict=True):
            vertical, after = block.next_row(before, row, vertical)
            blocks.append(after)
        return {**state, "blocks": blocks}

    def at_pixel(self, x, state, column):
        state = self.reveal(x, state, column)
        blocks = []
        for block, before in zip(self.blocks, state["blocks"], strict=True):
            x, after = block.at_pixel(x, before, column)
            blocks.append(after)
        return x, {**state, "blocks": blocks}

    def reveal(self, x, state, column):
        """The state when the inputs of a pixel are known."""
        first, *others = state["blocks"]
        first = {
            **first,
            "conv": self.blocks[0].conv.reveal(x, first["conv"], column),
        }
        return {
            "inputs": put(state["inputs"], column, x),
            "blocks": [first, *others],
        }


class _IncrementalBlock:
    def __init__(self, layer, width, condition):
        self.width = width
        self.vertical_condition = self.horizontal_condition = 0.0
        if condition is not None:
            self.vertical_condition, self.horizontal_condition = (
                ops.matmul(condition, ops.cast(dense.kernel, "float32"))
                for dense in (
                    layer.vertical_condition,
                    layer.horizontal_condition,
                )
            )
        self.reach = layer.kernel_size // 2
        self.conv = IncrementalConv(layer.horizontal_conv, width)
        self.output = IncrementalConv(layer.output_conv, width)
        self.is_residual = layer.mask_type == "B"
        self.vertical_kernel, self.vertical_bias, self.link, self.bias = (
            ops.cast(weight, "float32")
            for weight in (
                layer.vertical_conv.kernel,
                layer.vertical_conv.bias,
                layer.link.kernel[0, 0],
                layer.link.bias,
            )
        )
        self.channels = self.vertical_kernel.shape[2]

    def first_state(self, batch_size):
        padded = self.width + 2 * self.reach
        rows = (self.reach, padded, batch_size, self.channels)
        terms = (self.width, batch_size, self.link.shape[1])
        return {
            "conv": self.conv.first_state(batch_size),
            "rows": zeros(*rows),
            "terms": zeros(*terms),
        }

    def next_row(self, state, row, vertical):
        """The state of a new row, and the finished one's vertical outputs."""
        padding = [[self.reach, self.reach], [0, 0], [0, 0]]
        rows = ops.concatenate(
            [state["rows"], ops.pad(vertical, padding)[None]]
        )
        v = convolve_rows(rows, self.vertical_kernel, self.width)
        v = v + self.vertical_bias + self.vertical_condition
        # Above the first row there is nothing, not even a bias.
        v = ops.where(row > 0, v, ops.zeros_like(v))
        return gate(v), {
            "conv": self.conv.next_row(state["conv"], row),
            "rows": rows[1:],
            "terms": ops.matmul(v, self.link) + self.bias,
        }

    def at_pixel(self, x, state, column):
        u, conv = self.conv.at_pixel(x, state["conv"], column)
        u = u + state["terms"][column] + self.horizontal_condition
        u, _ = self.output.at_pixel(gate(u), {}, 0)
        return (x + u if self.is_residual else u), {**state, "conv": conv}
