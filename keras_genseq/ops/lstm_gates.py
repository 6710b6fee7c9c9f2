"""The LSTM step of PixelRNN."""

from keras import ops


def lstm_step(gates, cell):
    """New hidden and cell states, Eq. 3 of the paper.

    Args:
        gates: `(..., 4 * units)` pre-activations: output, forget and input
            gates, and the content.
        cell: `(..., units)` cell states before.

    Returns:
        Pair of `(..., units)` tensors.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1601.06759)
    """
    output, forget, update, content = ops.split(gates, 4, axis=-1)
    cell = ops.sigmoid(forget) * cell
    cell = cell + ops.sigmoid(update) * ops.tanh(content)
    return ops.sigmoid(output) * ops.tanh(cell), cell
