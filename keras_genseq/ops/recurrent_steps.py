"""One step of each recurrent cell, forward and backward, gates fused.

A step is what `keras_genseq.ops.recurrent.recurrence` loops over. The input's
share of the pre-activations, `x W + b`, comes in ready-made; what is left for
the loop is the recurrent product and the elementwise rest. `backward` is the
transposed Jacobian of `forward` at the values that `forward` saved.

`x` is `(B, G * H)` for G gates of H units, every state is `(B, H)`. A step
`couples_rows` where the states of a row depend on those of others before it.
"""

import dataclasses
from typing import ClassVar

import keras
import tensorflow as tf


def sigmoid(x):
    # By tanh, for which XLA has a fast kernel.
    return 0.5 * tf.tanh(0.5 * x) + 0.5


# Each activation with its derivative as a function of its own output: the
# backward passes keep outputs, not pre-activations.
_ACTIVATIONS = {
    "tanh": (tf.tanh, lambda y: 1.0 - y * y),
    "sigmoid": (sigmoid, lambda y: y * (1.0 - y)),
    "relu": (tf.nn.relu, lambda y: tf.cast(y > 0.0, y.dtype)),
    "linear": (lambda x: x, tf.ones_like),
    "hard_sigmoid": (
        lambda x: tf.nn.relu6(x + 3.0) / 6.0,
        lambda y: tf.cast((y > 0.0) & (y < 1.0), y.dtype) / 6.0,
    ),
}


def activation_name(activation):
    """Name of an activation that the steps know, else None.

    Args:
        activation: callable, as a Keras cell keeps it.
    """
    for name in _ACTIVATIONS:
        if activation is keras.activations.get(name):
            return name
    return None


def _activate(name, x):
    return _ACTIVATIONS[name][0](x)


def _slope(name, y):
    return _ACTIVATIONS[name][1](y)


@dataclasses.dataclass(frozen=True)
class SimpleRNNStep:
    """`h' = g(x + h U)`; weights: U."""

    couples_rows: ClassVar[bool] = False

    activation: str = "tanh"

    def saved_widths(self, units):
        return ()

    def gradient_widths(self, units):
        return (units,)

    def forward(self, x, states, weights):
        (h,) = states
        h = _activate(self.activation, x + tf.matmul(h, weights[0]))
        return (h,), ()

    def backward(self, d_states, before, after, saved, transposed):
        da = d_states[0] * _slope(self.activation, after[0])
        return (da,), (tf.matmul(da, transposed[0]),)

    def transposed(self, weights):
        """The weights as `backward` multiplies by them."""
        return (tf.transpose(weights[0]),)

    def weight_gradients(self, over_states, over, saved, gradients):
        """Gradients of the weights, from those of all steps together.

        Args:
            over_states: callable `d -> sum over steps and examples of h^T d`,
                for h the states before each step.
            over: callable `(a, d) -> sum over steps and examples of a^T d`.
            saved: stacked values that `forward` saved.
            gradients: stacked gradients that `backward` returned first.
        """
        return (over_states(gradients[0]),)


@dataclasses.dataclass(frozen=True)
class LSTMStep:
    """Long short-term memory, gates in the order i, f, g, o; weights: U."""

    couples_rows: ClassVar[bool] = False

    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"

    def saved_widths(self, units):
        return (units,) * 4

    def gradient_widths(self, units):
        return (4 * units,)

    def forward(self, x, states, weights):
        h, c = states
        i, f, g, o = tf.split(x + tf.matmul(h, weights[0]), 4, axis=-1)
        i, f, o = (_activate(self.recurrent_activation, a) for a in (i, f, o))
        g = _activate(self.activation, g)
        c = f * c + i * g
        h = o * _activate(self.activation, c)
        return (h, c), (i, f, g, o)

    def backward(self, d_states, before, after, saved, transposed):
        dh, dc = d_states
        i, f, g, o = saved
        squashed = _activate(self.activation, after[1])
        dc = dc + dh * o * _slope(self.activation, squashed)
        da = tf.concat(
            [
                dc * g * _slope(self.recurrent_activation, i),
                dc * before[1] * _slope(self.recurrent_activation, f),
                dc * i * _slope(self.activation, g),
                dh * squashed * _slope(self.recurrent_activation, o),
            ],
            axis=-1,
        )
        return (da,), (tf.matmul(da, transposed[0]), dc * f)

    def transposed(self, weights):
        return (tf.transpose(weights[0]),)

    def weight_gradients(self, over_states, over, saved, gradients):
        return (over_states(gradients[0]),)


@dataclasses.dataclass(frozen=True)
class GRUResetAfterStep:
    """GRU, gates z, r, candidate; the reset gate scales `h U + b'`.

    Weights: U and the recurrent bias b'.
    """

    couples_rows: ClassVar[bool] = False

    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"

    def saved_widths(self, units):
        return (units,) * 4

    def gradient_widths(self, units):
        return (3 * units, 3 * units)

    def forward(self, x, states, weights):
        (h,) = states
        kernel, bias = weights
        x_z, x_r, x_g = tf.split(x, 3, axis=-1)
        u_z, u_r, u_g = tf.split(tf.matmul(h, kernel) + bias, 3, axis=-1)
        z = _activate(self.recurrent_activation, x_z + u_z)
        r = _activate(self.recurrent_activation, x_r + u_r)
        g = _activate(self.activation, x_g + r * u_g)
        return (z * h + (1.0 - z) * g,), (z, r, g, u_g)

    def backward(self, d_states, before, after, saved, transposed):
        (dh,) = d_states
        z, r, g, u_g = saved
        da_g = dh * (1.0 - z) * _slope(self.activation, g)
        da_z = dh * (before[0] - g) * _slope(self.recurrent_activation, z)
        da_r = da_g * u_g * _slope(self.recurrent_activation, r)
        dx = tf.concat([da_z, da_r, da_g], axis=-1)
        du = tf.concat([da_z, da_r, da_g * r], axis=-1)
        return (dx, du), (dh * z + tf.matmul(du, transposed[0]),)

    def transposed(self, weights):
        return (tf.transpose(weights[0]),)

    def weight_gradients(self, over_states, over, saved, gradients):
        du = gradients[1]
        return (over_states(du), tf.reduce_sum(du, axis=(0, 1)))


@dataclasses.dataclass(frozen=True)
class GRUResetBeforeStep:
    """GRU, gates z, r, candidate; the reset gate scales h; weights: U."""

    couples_rows: ClassVar[bool] = False

    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"

    def saved_widths(self, units):
        return (units,) * 4

    def gradient_widths(self, units):
        return (3 * units, 2 * units, units)

    def forward(self, x, states, weights):
        (h,) = states
        units = h.shape[-1]
        x_zr, x_g = x[:, : 2 * units], x[:, 2 * units :]
        zr = x_zr + tf.matmul(h, weights[0][:, : 2 * units])
        zr = _activate(self.recurrent_activation, zr)
        z, r = tf.split(zr, 2, axis=-1)
        kept = r * h
        g = x_g + tf.matmul(kept, weights[0][:, 2 * units :])
        g = _activate(self.activation, g)
        return (z * h + (1.0 - z) * g,), (z, r, g, kept)

    def backward(self, d_states, before, after, saved, transposed):
        (dh,) = d_states
        (h,) = before
        z, r, g, _ = saved
        transposed_zr, transposed_g = transposed
        da_g = dh * (1.0 - z) * _slope(self.activation, g)
        da_z = dh * (h - g) * _slope(self.recurrent_activation, z)
        d_kept = tf.matmul(da_g, transposed_g)
        da_r = d_kept * h * _slope(self.recurrent_activation, r)
        da_zr = tf.concat([da_z, da_r], axis=-1)
        dh = dh * z + d_kept * r + tf.matmul(da_zr, transposed_zr)
        dx = tf.concat([da_zr, da_g], axis=-1)
        return (dx, da_zr, da_g), (dh,)

    def transposed(self, weights):
        units = weights[0].shape[0]
        kernel = tf.transpose(weights[0])
        return kernel[: 2 * units], kernel[2 * units :]

    def weight_gradients(self, over_states, over, saved, gradients):
        _, da_zr, da_g = gradients
        return (tf.concat([over_states(da_zr), over(saved[3], da_g)], -1),)
