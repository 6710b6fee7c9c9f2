import keras
from keras import ops

from keras_genseq.layers.recurrent.gate_preactivations import add_biases
from keras_genseq.layers.recurrent.gate_preactivations import gate_products
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.recurrent_steps import GRUResetAfterStep
from keras_genseq.ops.recurrent_steps import GRUResetBeforeStep
from keras_genseq.ops.recurrent_steps import activation_name


@keras.saving.register_keras_serializable(package="keras_genseq")
class GRUCell(keras.layers.GRUCell):
    """One step of the gated recurrent unit.

    Weights, arguments and defaults are those of `keras.layers.GRUCell`; the
    gates lie in the kernels in the order update, reset, candidate. For whole
    sequences use `GRU`, or `keras.layers.RNN` around this.

    Args:
        units: int. Width of the state, the papers' n.
        *args, **kwargs: passed to `keras.layers.GRUCell`. With
            `reset_after=True` (the default, and cuDNN's variant) the reset gate
            scales the product of state and kernel, and the bias has two rows,
            one for the inputs and one for the state; with False it scales the
            state, as in the paper.

    Call arguments:
        inputs: `(batch_size, features)`.
        states: `[hidden_state]`, `(batch_size, units)`.
        training: bool. Whether dropout acts.

    Returns:
        The output, which is the new hidden state, and `[hidden_state]`.

    Raises:
        ValueError: if `units` is not a positive int.

    Differences from the paper: the update gate z keeps the old state where it
    is 1, as in Keras and cuDNN; the paper's keeps it where it is 0.

    References:
        - [Cho et al., 2014](https://arxiv.org/abs/1406.1078)
    """

    gate_names = ("update_gate", "reset_gate", "candidate", "hidden_state")
    state_names = ("hidden_state",)

    def __init__(self, units, *args, **kwargs):
        units = check_counts(units=units)
        super().__init__(units, *args, **for_keras(kwargs))

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        h = self.gates(inputs, states, training=training)["hidden_state"]
        return h, [h] if nested else h

    def gates(self, inputs, states, training=False):
        """What the cell computes from its inputs and states, by name.

        Returns:
            dict of `(batch_size, units)` tensors: `update_gate`, `reset_gate`,
            `candidate`, `hidden_state`.
        """
        h = states[0] if isinstance(states, (list, tuple)) else states
        input_masks = state_masks = None
        if training and 0.0 < self.dropout < 1.0:
            input_masks = self.get_dropout_mask(inputs)
        if training and 0.0 < self.recurrent_dropout < 1.0:
            state_masks = self.get_recurrent_dropout_mask(h)
        x = gate_products(inputs, self.kernel, 3, input_masks)
        x_z, x_r, x_g = add_biases(x, self.input_bias())
        if self.reset_after:
            u = gate_products(h, self.recurrent_kernel, 3, state_masks)
            u_z, u_r, u_g = add_biases(u, self._recurrent_bias())
        else:
            masks = [state_masks] * 3 if state_masks is None else state_masks
            k_z, k_r, k_g = ops.split(self.recurrent_kernel, 3, axis=1)
            (u_z,) = gate_products(h, k_z, 1, masks[0])
            (u_r,) = gate_products(h, k_r, 1, masks[1])
        # z = sigma(x W_z + h U_z + b_z),  r = sigma(x W_r + h U_r + b_r)
        z = self.recurrent_activation(x_z + u_z)
        r = self.recurrent_activation(x_r + u_r)
        if self.reset_after:
            # g = tanh(x W_h + b_h + r * (h U_h + b'_h))
            g = self.activation(x_g + r * u_g)
        else:
            # g = tanh(x W_h + b_h + (r * h) U_h)
            (u_g,) = gate_products(r * h, k_g, 1, masks[2])
            g = self.activation(x_g + u_g)
        # h_t = z * h_{t-1} + (1 - z) * g
        h = z * h + (1.0 - z) * g
        return {
            "update_gate": z,
            "reset_gate": r,
            "candidate": g,
            "hidden_state": h,
        }

    @property
    def fused_step(self):
        """The step that fast loops use, or None if there is none."""
        activation = activation_name(self.activation)
        gate = activation_name(self.recurrent_activation)
        if not activation or not gate:
            return None
        step = GRUResetAfterStep if self.reset_after else GRUResetBeforeStep
        return step(activation, gate)

    def input_bias(self):
        """What is added to `inputs @ kernel`, or None."""
        if self.bias is None or not self.reset_after:
            return self.bias
        return ops.convert_to_tensor(self.bias)[0]

    def recurrent_weights(self):
        """The weights of `fused_step`."""
        if not self.reset_after:
            return [self.recurrent_kernel]
        bias = self._recurrent_bias()
        if bias is None:
            bias = ops.zeros((3 * self.units,), self.recurrent_kernel.dtype)
        return [self.recurrent_kernel, bias]

    def _recurrent_bias(self):
        if self.bias is None:
            return None
        return ops.convert_to_tensor(self.bias)[1]
