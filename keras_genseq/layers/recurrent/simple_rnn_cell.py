import keras

from keras_genseq.layers.recurrent.gate_preactivations import add_biases
from keras_genseq.layers.recurrent.gate_preactivations import gate_products
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.recurrent_steps import SimpleRNNStep
from keras_genseq.ops.recurrent_steps import activation_name


@keras.saving.register_keras_serializable(package="keras_genseq")
class SimpleRNNCell(keras.layers.SimpleRNNCell):
    """One step of the vanilla (Elman) recurrent network.

    Weights, arguments and defaults are those of `keras.layers.SimpleRNNCell`.
    For whole sequences use `SimpleRNN`, or `keras.layers.RNN` around this.

    Args:
        units: int. Width of the state, the papers' n.
        *args, **kwargs: passed to `keras.layers.SimpleRNNCell`.

    Call arguments:
        inputs: `(batch_size, features)`.
        states: `[hidden_state]`, `(batch_size, units)`.
        training: bool. Whether dropout acts.

    Returns:
        The output, which is the new hidden state, and `[hidden_state]`.

    Raises:
        ValueError: if `units` is not a positive int.

    References:
        - [Elman, 1990](https://doi.org/10.1207/s15516709cog1402_1)
    """

    gate_names = ("hidden_state",)
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
            dict of `(batch_size, units)` tensors: `hidden_state`.
        """
        h = states[0] if isinstance(states, (list, tuple)) else states
        input_mask = self.get_dropout_mask(inputs) if training else None
        state_mask = self.get_recurrent_dropout_mask(h) if training else None
        x = gate_products(inputs, self.kernel, 1, input_mask)
        (x,) = add_biases(x, self.bias)
        (u,) = gate_products(h, self.recurrent_kernel, 1, state_mask)
        # h_t = g(x_t W + h_{t-1} U + b)
        return {"hidden_state": self.activation(x + u)}

    @property
    def fused_step(self):
        """The step that fast loops use, or None if there is none."""
        activation = activation_name(self.activation)
        return activation and SimpleRNNStep(activation)

    def input_bias(self):
        """What is added to `inputs @ kernel`, or None."""
        return self.bias

    def recurrent_weights(self):
        """The weights of `fused_step`."""
        return [self.recurrent_kernel]
