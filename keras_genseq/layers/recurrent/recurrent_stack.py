import keras
from keras import ops

from keras_genseq.layers.checkpointed_lists import CheckpointedLists
from keras_genseq.layers.recurrent.registry import layer_class
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate


@keras.saving.register_keras_serializable(package="keras_genseq")
class RecurrentStack(CheckpointedLists, keras.layers.Layer):
    """Recurrent layers on top of each other, with dropout after each.

    Dropout acts between layers, not between steps (Zaremba et al.,
    2014).

    Args:
        units: int. Width of every layer.
        cell: `"lstm"`, `"gru"` or `"simple_rnn"`.
        num_layers: int.
        dropout: float. Part of every layer's outputs that training drops.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(batch_size, time, features)`.
        states: list of `(batch_size, units)` tensors, as `initial_states`
            returns; None begins with those.
        mask: optional `(batch_size, time)` booleans; where False, a step
            leaves the states as they were.
        training: bool.

    Returns:
        Outputs `(batch_size, time, units)` and the list of states after the
        last step.

    Raises:
        ValueError: if `cell`, `num_layers` or `dropout` is out of range.

    References:
        - [Zaremba et al., 2014](https://arxiv.org/abs/1409.2329)
    """

    def __init__(
        self, units, *, cell="lstm", num_layers=1, dropout=0.0, **kwargs
    ):
        recurrent = layer_class(cell)
        units, num_layers = check_counts(units=units, num_layers=num_layers)
        super().__init__(**kwargs)
        self.units = units
        self.cell = cell
        self.num_layers = num_layers
        self.dropout = dropout
        self.supports_masking = True

        dtype = self.dtype_policy
        self.recurrent_layers = [
            recurrent(
                units, return_sequences=True, return_state=True, dtype=dtype
            )
            for _ in range(num_layers)
        ]
        self.dropouts = [
            keras.layers.Dropout(as_rate(dropout), dtype=dtype)
            for _ in range(num_layers)
        ]

    def build(self, input_shape):
        width = input_shape[-1]
        for layer in self.recurrent_layers:
            layer.build((None, None, width))
            width = self.units
        self.built = True

    def call(self, x, states=None, mask=None, training=False):
        states = self._by_layer(states, ops.shape(x)[0])
        return self._up(x, [], states, mask, training)

    def call_tokens(
        self, token_ids, embeddings, states=None, mask=None, training=False
    ):
        """Calls the stack on the embeddings of tokens, at a lower cost.

        Args:
            token_ids: `(batch_size, time)` integers.
            embeddings: `(vocabulary_size, features)` matrix.
            states, mask, training: as in a call.

        Returns:
            As from a call.
        """
        states = self._by_layer(states, ops.shape(token_ids)[0])
        x, *first = self.recurrent_layers[0].call_tokens(
            token_ids,
            embeddings,
            mask=mask,
            initial_state=states[0],
            training=training,
        )
        x = self.dropouts[0](x, training=training)
        return self._up(x, first, states, mask, training)

    def step(self, x, states):
        """One step, without dropout.

        Args:
            x: `(batch_size, features)`.
            states: list of states.

        Returns:
            Outputs `(batch_size, units)` and the list of new states.
        """
        after = []
        states = self._by_layer(states, None)
        for layer, before in zip(self.recurrent_layers, states, strict=True):
            x, new = layer.cell(x, before, training=False)
            after += new
        return x, after

    def initial_states(self, batch_size):
        """Zeros: the states before the first step."""
        num_states = len(self.recurrent_layers[0].cell.state_names)
        zeros = ops.zeros((batch_size, self.units), self.compute_dtype)
        return [zeros] * (num_states * self.num_layers)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "num_layers": self.num_layers,
            "dropout": self.dropout,
        }

    def _up(self, x, after, states, mask, training):
        """Runs the layers above those whose states are known already."""
        done = 1 if after else 0
        for i in range(done, self.num_layers):
            x, *new = self.recurrent_layers[i](
                x, initial_state=states[i], mask=mask, training=training
            )
            x = self.dropouts[i](x, training=training)
            after = after + new
        return x, after

    def _by_layer(self, states, batch_size):
        if states is None:
            states = self.initial_states(batch_size)
        size = len(states) // self.num_layers
        return [
            [ops.cast(s, self.compute_dtype) for s in states[i : i + size]]
            for i in range(0, len(states), size)
        ]
