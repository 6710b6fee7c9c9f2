import keras
import tensorflow as tf

from keras_genseq.ops.conv_lstm_step import NeighbourLSTMStep
from keras_genseq.ops.recurrent import recurrence


def lstm_over_lines(
    gates, kernel, first_states, offsets, *, begun=None, training=False
):
    """Runs an LSTM from line to line of a batch of images.

    In a training step XLA compiles the loop, and only the loop: a graph that is
    to be served must not contain such a region.

    Args:
        gates: `(num_lines, batch_size, length, 4 * filters)`, the inputs' share
            of the gates, in the order of `lstm_step`.
        kernel: `(len(offsets) * filters, 4 * filters)`.
        first_states: pair of `(length, filters)` tensors: the hidden and the
            cell states before the first line.
        offsets: tuple of int. The pixels of the line before that a pixel reads,
            by their position relative to its own.
        begun: optional `(num_lines, length)` array of booleans. Where False, a
            pixel keeps its first states.
        training: bool.

    Returns:
        Tensor `(num_lines, batch_size, length, filters)`: the hidden states.
    """
    num_lines, _, length, width = gates.shape
    batch_size = keras.ops.shape(gates)[1]
    states = []
    for state in first_states:
        state = keras.ops.convert_to_tensor(state)[None]
        state = keras.ops.broadcast_to(state, (batch_size, *state.shape[1:]))
        # (B, L, F) to (B * L, F): pixels are the rows of the recurrence.
        states.append(keras.ops.reshape(state, (-1, width // 4)))
    if begun is not None:
        begun = keras.ops.broadcast_to(
            keras.ops.convert_to_tensor(begun)[:, None],
            (num_lines, batch_size, length),
        )
        begun = keras.ops.reshape(begun, (num_lines, -1, 1))
    hidden, _ = recurrence(
        NeighbourLSTMStep(tuple(offsets), length),
        keras.ops.reshape(gates, (num_lines, -1, width)),
        [keras.ops.convert_to_tensor(kernel)],
        states,
        mask=begun,
        training=bool(training),
        jit_compile=bool(training) and not tf.executing_eagerly(),
    )
    # (num_lines, B * L, F) to (num_lines, B, L, F)
    return keras.ops.reshape(hidden, (num_lines, -1, length, width // 4))


def check_known(*sides):
    """Refuses images of a free size, for whose pixels states are learned.

    Args:
        *sides: the sides of the images that have to be known.

    Raises:
        ValueError: if one is None.
    """
    if None in sides:
        raise ValueError(
            "The states before the first line are learned, one for each pixel "
            "of it: the size of the images must be known. Give "
            "`keras.Input((height, width, channels))` of ints."
        )
