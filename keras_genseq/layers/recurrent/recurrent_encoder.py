import keras

from keras_genseq.layers.checkpointed_lists import CheckpointedLists
from keras_genseq.layers.recurrent.registry import layer_class
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class RecurrentEncoder(CheckpointedLists, keras.layers.Layer):
    """Recurrent layers one above the other, each fed by the one below.

    Args:
        units: int. Width of each layer's state.
        cell: `"simple_rnn"`, `"lstm"` or `"gru"`.
        num_layers: int.
        bidirectional: bool. Each layer reads the sequence both ways; its
            outputs stand side by side, `2 * units` of them.
        dropout: float. Rate at which the inputs of each layer are dropped in
            training, anew at every step; the recurrent connections are not.
        return_sequences: bool. Whether to return the outputs of all steps or
            the last one, which of a layer that reads backwards is that of the
            first step.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch_size, time, features)`.
        mask: optional `(batch_size, time)` booleans; where False, a step
            leaves the states as they were.
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, units)`, or with `return_sequences`
        `(batch_size, time, units)`; twice as wide if bidirectional.

    Raises:
        ValueError: if `cell` is unknown, `units` or `num_layers` is not
            positive, or `dropout` not in [0, 1).

    References:
        - [Zaremba et al., 2014](https://arxiv.org/abs/1409.2329): where
          dropout acts.
        - [Schuster and Paliwal, 1997](https://doi.org/10.1109/78.650093)
    """

    def __init__(
        self,
        units,
        *,
        cell="lstm",
        num_layers=1,
        bidirectional=False,
        dropout=0.0,
        return_sequences=False,
        **kwargs,
    ):
        recurrent = layer_class(cell)
        units, num_layers = check_counts(units=units, num_layers=num_layers)
        if not as_rate(dropout) < 1.0:
            raise ValueError(
                f"`dropout` must be in [0, 1). Received: dropout={dropout}"
            )
        bidirectional, return_sequences = check_flags(
            bidirectional=bidirectional, return_sequences=return_sequences
        )
        super().__init__(**kwargs)
        self.units = units
        self.cell = cell
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.return_sequences = return_sequences
        self.supports_masking = True

        dtype = self.dtype_policy
        self.layers, self.dropouts = [], []
        for i in range(num_layers):
            is_last = i == num_layers - 1
            layer = recurrent(
                units,
                return_sequences=return_sequences or not is_last,
                dtype=dtype,
            )
            if bidirectional:
                layer = keras.layers.Bidirectional(layer, dtype=dtype)
            self.layers.append(layer)
            self.dropouts.append(
                keras.layers.Dropout(as_rate(dropout), dtype=dtype)
            )

    def build(self, input_shape):
        shape = tuple(input_shape)
        for layer, dropout in zip(self.layers, self.dropouts, strict=True):
            dropout.build(shape)
            layer.build(shape)
            shape = (*shape[:2], self._width)
        self.built = True

    def call(self, inputs, mask=None, training=False):
        x = inputs
        for layer, dropout in zip(self.layers, self.dropouts, strict=True):
            x = layer(dropout(x, training=training), mask=mask)
        return x

    def compute_mask(self, inputs, mask=None):
        return mask if self.return_sequences else None

    def compute_output_shape(self, input_shape):
        if self.return_sequences:
            return (*input_shape[:2], self._width)
        return (input_shape[0], self._width)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "num_layers": self.num_layers,
            "bidirectional": self.bidirectional,
            "dropout": self.dropout,
            "return_sequences": self.return_sequences,
        }

    @property
    def _width(self):
        return 2 * self.units if self.bidirectional else self.units
