"""The LSTMs of PixelRNN as a sampler runs them: see `incremental`."""

from keras import ops

from keras_genseq.layers.masked.cached_sampling.cached_sampling import (
    IncrementalConv,
)
from keras_genseq.layers.masked.cached_sampling.cached_sampling import (
    context_rows,
)
from keras_genseq.layers.masked.cached_sampling.cached_sampling import put
from keras_genseq.layers.masked.cached_sampling.cached_sampling import zeros
from keras_genseq.ops.lstm_gates import lstm_step
from keras_genseq.ops.scan import scan


class IncrementalRowLSTM:
    """`RowLSTM`: all finished rows are summed up in the states of the last.

    Args:
        layer: the layer, built.
        width: int. Width of the image.
        context: `(batch_size, height, width, context_filters)`, or None.
    """

    def __init__(self, layer, width, context=None):
        self.layer = layer
        self.width = width
        self.context = context_rows(layer, context)
        self.conv = IncrementalConv(layer.input_conv, width)

    def first_state(self, batch_size):
        shape = (self.width, batch_size, self.layer.filters)
        first_hidden, first_cell = (
            ops.broadcast_to(ops.cast(first, "float32")[:, None], shape)
            for first in (self.layer.first_hidden, self.layer.first_cell)
        )
        gates = zeros(*shape[:2], 4 * self.layer.filters)
        return {
            "conv": self.conv.first_state(batch_size),
            "hidden": first_hidden,
            "cell": first_cell,
            "gates": gates,
            "cell_above": first_cell,
        }

    def next_row(self, state, row):
        hidden = ops.transpose(state["hidden"], (1, 0, 2))  # (B, W, F)
        gates = ops.transpose(self.layer.from_above(hidden), (1, 0, 2))
        if self.context is not None:
            gates = gates + ops.take(self.context, row, axis=0)
        return {
            **state,
            "conv": self.conv.next_row(state["conv"], row),
            "gates": gates,
            "cell_above": state["cell"],
        }

    def at_pixel(self, x, state, column):
        gates, conv = self.conv.at_pixel(x, state["conv"], column)
        gates = gates + state["gates"][column]
        hidden, cell = lstm_step(gates, state["cell_above"][column])
        return hidden, {
            **state,
            "conv": conv,
            "hidden": put(state["hidden"], column, hidden),
            "cell": put(state["cell"], column, cell),
        }


class IncrementalDiagonalBiLSTM:
    """`DiagonalBiLSTM`: the left direction pixel by pixel, the right by rows.

    What the right direction says to a row it knows as soon as the row above is
    complete; it runs over it backwards when the new row begins.

    Args:
        layer: the layer, built.
        width: int. Width of the image.
        context: as for `IncrementalRowLSTM`.
    """

    def __init__(self, layer, width, context=None):
        self.left, self.right = layer.left_to_right, layer.right_to_left
        self.filters = layer.filters
        self.width = width
        self.left_conv = IncrementalConv(self.left.input_conv, width)
        self.right_conv = IncrementalConv(self.right.input_conv, width)
        self.left_context = context_rows(self.left, context)
        self.right_context = context_rows(self.right, context)

    def first_state(self, batch_size):
        row = zeros(self.width, batch_size, self.filters)
        # One pixel longer: the states before the first pixel.
        longer = zeros(self.width + 1, batch_size, self.filters)
        channels = self.left_conv.channels
        gates = zeros(self.width, batch_size, 4 * self.filters)
        return {
            "context": gates,
            "inputs": zeros(self.width, batch_size, channels),
            "above": row,
            "hidden": longer,
            "cell": longer,
            "right": row,
        }

    def next_row(self, state, row):
        hidden, cell = (
            put(state[name], 0, _first(first, row, state[name][0]))
            for name, first in (
                ("hidden", self.left.first_hidden),
                ("cell", self.left.first_cell),
            )
        )
        right = self._right_of_finished_row(state, row)
        context = state["context"]
        if self.left_context is not None:
            context = ops.take(self.left_context, row, axis=0)
        return {
            "context": context,
            "inputs": state["inputs"],
            "above": state["hidden"][1:],
            "hidden": hidden,
            "cell": cell,
            # Above the first row there are no states.
            "right": ops.where(row > 0, right, ops.zeros_like(right)),
        }

    def _right_of_finished_row(self, state, row):
        gates = ops.matmul(state["inputs"], self.right_conv.row_kernel)
        gates = gates + self.right_conv.bias
        finished = ops.maximum(row - 1, 0)
        if self.right_context is not None:
            gates = gates + ops.take(self.right_context, finished, axis=0)
        nothing = state["right"][0]
        states = tuple(
            _first(first, finished, nothing)
            for first in (self.right.first_hidden, self.right.first_cell)
        )

        def step(states, inputs):
            gates, above = inputs
            states = self.right.step(gates, above, *states)
            return states, states[0]

        inputs = (gates, state["right"])
        return scan(step, states, inputs, reverse=True)[1]

    def at_pixel(self, x, state, column):
        gates, _ = self.left_conv.at_pixel(x, {}, column)
        hidden, cell = self.left.step(
            gates + state["context"][column],
            state["above"][column],
            state["hidden"][column],
            state["cell"][column],
        )
        outputs = ops.concatenate([hidden, state["right"][column]], axis=-1)
        return outputs, {
            **state,
            "inputs": put(state["inputs"], column, x),
            "hidden": put(state["hidden"], column + 1, hidden),
            "cell": put(state["cell"], column + 1, cell),
        }


def _first(first, row, like):
    """A row's learned first states for the whole batch."""
    first = ops.cast(ops.take(first, row, axis=0), "float32")
    return ops.zeros_like(like) + first
