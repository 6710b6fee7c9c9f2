import keras

from keras_genseq.layers.recurrent.gate_preactivations import add_biases
from keras_genseq.layers.recurrent.gate_preactivations import gate_products
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.recurrent_steps import LSTMStep
from keras_genseq.ops.recurrent_steps import activation_name


@keras.saving.register_keras_serializable(package="keras_genseq")
class LSTMCell(keras.layers.LSTMCell):
    """One step of long short-term memory, with forget gate.

    Weights, arguments and defaults are those of `keras.layers.LSTMCell`; the
    gates lie in the kernels in the order input, forget, candidate, output. For
    whole sequences use `LSTM`, or `keras.layers.RNN` around this.

    Args:
        units: int. Width of each of the two states, the papers' n.
        *args, **kwargs: passed to `keras.layers.LSTMCell`.

    Call arguments:
        inputs: `(batch_size, features)`.
        states: `[hidden_state, cell_state]`, each `(batch_size, units)`.
        training: bool. Whether dropout acts.

    Returns:
        The output, which is the new hidden state, and
        `[hidden_state, cell_state]`.

    Raises:
        ValueError: if `units` is not a positive int.

    References:
        - [Hochreiter and Schmidhuber, 1997](
          https://doi.org/10.1162/neco.1997.9.8.1735)
        - [Gers et al., 2000](https://doi.org/10.1162/089976600300015015)
    """

    gate_names = (
        "input_gate",
        "forget_gate",
        "candidate",
        "output_gate",
        "cell_state",
        "hidden_state",
    )
    state_names = ("hidden_state", "cell_state")

    def __init__(self, units, *args, **kwargs):
        units = check_counts(units=units)
        super().__init__(units, *args, **for_keras(kwargs))

    def call(self, inputs, states, training=False):
        gates = self.gates(inputs, states, training=training)
        h, c = gates["hidden_state"], gates["cell_state"]
        return h, [h, c]

    def gates(self, inputs, states, training=False):
        """What the cell computes from its inputs and states, by name.

        Returns:
            dict of `(batch_size, units)` tensors: `input_gate`, `forget_gate`,
            `candidate`, `output_gate`, `cell_state`, `hidden_state`.
        """
        h, c = states
        input_masks = state_masks = None
        if training and 0.0 < self.dropout < 1.0:
            input_masks = self.get_dropout_mask(inputs)
        if training and 0.0 < self.recurrent_dropout < 1.0:
            state_masks = self.get_recurrent_dropout_mask(h)
        x = gate_products(inputs, self.kernel, 4, input_masks)
        x_i, x_f, x_g, x_o = add_biases(x, self.bias)
        u_i, u_f, u_g, u_o = gate_products(
            h, self.recurrent_kernel, 4, state_masks
        )
        # i = sigma(x W_i + h U_i + b_i), and so for f, g, o
        i = self.recurrent_activation(x_i + u_i)
        f = self.recurrent_activation(x_f + u_f)
        g = self.activation(x_g + u_g)
        o = self.recurrent_activation(x_o + u_o)
        # c_t = f * c_{t-1} + i * g,  h_t = o * tanh(c_t)
        c = f * c + i * g
        h = o * self.activation(c)
        return {
            "input_gate": i,
            "forget_gate": f,
            "candidate": g,
            "output_gate": o,
            "cell_state": c,
            "hidden_state": h,
        }

    @property
    def fused_step(self):
        """The step that fast loops use, or None if there is none."""
        activation = activation_name(self.activation)
        gate = activation_name(self.recurrent_activation)
        return LSTMStep(activation, gate) if activation and gate else None

    def input_bias(self):
        """What is added to `inputs @ kernel`, or None."""
        return self.bias

    def recurrent_weights(self):
        """The weights of `fused_step`."""
        return [self.recurrent_kernel]
