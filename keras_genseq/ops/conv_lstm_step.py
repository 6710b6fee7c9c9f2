"""The LSTM step of PixelRNN: a line of pixels that read their neighbors."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from keras_genseq.ops.recurrent_steps import sigmoid


@dataclasses.dataclass(frozen=True)
class NeighbourLSTMStep:
    """LSTM of all pixels of a line in parallel, Eq. 3 of the paper.

    A step of `keras_genseq.ops.recurrent.recurrence` whose rows are the pixels
    of a batch of lines, `(B * length, ...)`. The gates (output, forget, input
    and content) of a pixel read the hidden states of its neighbors in the line
    before; outside of the line these are 0. Weights: U, `(len(offsets) * H,
    4 * H)`.

    Args:
        offsets: tuple of int. Where the neighbors are; 0 is the pixel's own
            place in the line before.
        length: int. Pixels of a line.

    References:
        - [van den Oord et al., 2016](https://arxiv.org/abs/1601.06759)
    """

    offsets: tuple
    length: int

    couples_rows: ClassVar[bool] = True

    def saved_widths(self, units):
        return (len(self.offsets) * units,) + (units,) * 4

    def gradient_widths(self, units):
        return (4 * units,)

    def neighbors(self, hidden):
        """The states that each pixel reads, side by side.

        Args:
            hidden: `(B * length, H)`.

        Returns:
            Tensor `(B * length, len(offsets) * H)`.
        """
        lines = tf.reshape(hidden, (-1, self.length, hidden.shape[-1]))
        read = tf.concat([_moved(lines, o) for o in self.offsets], axis=-1)
        return tf.reshape(read, (-1, read.shape[-1]))

    def forward(self, x, states, weights):
        hidden, cell = states
        read = self.neighbors(hidden)
        gates = tf.split(x + tf.matmul(read, weights[0]), 4, axis=-1)
        o, f, i = (sigmoid(gate) for gate in gates[:3])
        g = tf.tanh(gates[3])
        cell = f * cell + i * g
        return (o * tf.tanh(cell), cell), (read, o, f, i, g)

    def backward(self, d_states, before, after, saved, transposed):
        dh, dc = d_states
        _, o, f, i, g = saved
        squashed = tf.tanh(after[1])
        dc = dc + dh * o * (1.0 - squashed * squashed)
        da = tf.concat(
            [
                dh * squashed * o * (1.0 - o),
                dc * before[1] * f * (1.0 - f),
                dc * g * i * (1.0 - i),
                dc * i * (1.0 - g * g),
            ],
            axis=-1,
        )
        read = tf.matmul(da, transposed[0])
        read = tf.reshape(read, (-1, self.length, read.shape[-1]))
        d_lines = tf.add_n(
            [
                _moved(part, -offset)
                for part, offset in zip(
                    tf.split(read, len(self.offsets), axis=-1),
                    self.offsets,
                    strict=True,
                )
            ]
        )
        return (da,), (tf.reshape(d_lines, (-1, dh.shape[-1])), dc * f)

    def transposed(self, weights):
        return (tf.transpose(weights[0]),)

    def weight_gradients(self, over_states, over, saved, gradients):
        return (over(saved[0], gradients[0]),)


def _moved(lines, offset):
    """`(B, length, H)`: at each position the value `offset` further."""
    length = lines.shape[1]
    if offset < 0:
        padding = [[0, 0], [-offset, 0], [0, 0]]
        return tf.pad(lines, padding)[:, :length]
    if offset > 0:
        padding = [[0, 0], [0, offset], [0, 0]]
        return tf.pad(lines, padding)[:, -length:]
    return lines
