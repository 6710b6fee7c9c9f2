"""The base of models that read a sequence and predict something else."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.layers.recurrent.recurrent_encoder import RecurrentEncoder
from keras_genseq.models.base.base_model import BaseModel
from keras_genseq.models.base.endpoint import Endpoint
from keras_genseq.models.base.endpoint import tensor_input
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import all_finite
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import ensure

POOLINGS = ("last", "mean", "max")


class SequencePredictor(BaseModel):
    """Reads tokens or features with recurrent layers.

    A subclass says `predict_from(z)`, `check_targets(y, x)` and
    `example_losses`. Data for `fit` are pairs `(x, y)`.

    Args:
        units: int. Width of each recurrent layer.
        vocabulary_size: optional int. Inputs are token ids below it, and 0 is
            padding.
        embedding_dim: optional int. Width of an embedded token; by default
            `units`.
        channels: optional int. Inputs are this many floats a step; with
            neither this nor `vocabulary_size`, series of rank 2.
        padding_value: optional float. Steps whose values all equal it do not
            count, wherever they stand; None counts every step of floats.
        cell: `"simple_rnn"`, `"lstm"` or `"gru"`.
        num_layers: int. Recurrent layers, one above the other.
        bidirectional: bool. Whether they read both ways.
        dropout: float. Rate between the layers and before the first one.
        pooling: what is predicted from: the `"last"` outputs, or the `"mean"`
            or `"max"` of those of all steps that count.
        return_sequences: bool. Whether every step has a prediction.
        **kwargs: passed to `keras.Model`.
    """

    def __init__(
        self,
        units,
        *,
        vocabulary_size=None,
        embedding_dim=None,
        channels=None,
        padding_value=None,
        cell="lstm",
        num_layers=1,
        bidirectional=False,
        dropout=0.0,
        pooling="last",
        return_sequences=False,
        **kwargs,
    ):
        if vocabulary_size is not None and channels is not None:
            raise ValueError(
                "Inputs are tokens or floats: give `vocabulary_size` or "
                "`channels`, not both. Received: "
                f"vocabulary_size={vocabulary_size}, channels={channels}"
            )
        vocabulary_size, embedding_dim, channels = (
            as_int(value, name, minimum=1, optional=True)
            for name, value in (
                ("vocabulary_size", vocabulary_size),
                ("embedding_dim", embedding_dim),
                ("channels", channels),
            )
        )
        units = check_counts(units=units)
        if pooling not in POOLINGS:
            raise ValueError(
                f"`pooling` must be one of {POOLINGS}. "
                f"Received: pooling={pooling!r}"
            )
        bidirectional, return_sequences = check_flags(
            bidirectional=bidirectional, return_sequences=return_sequences
        )
        super().__init__(**kwargs)
        # Padding is found in what was sent, before any rounding.
        self.autocast = False
        self.units = units
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.channels = channels
        self.padding_value = padding_value
        self.cell = cell
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.pooling = pooling
        self.return_sequences = return_sequences
        self.step_shape = () if channels is None else (channels,)
        self.input_spec = keras.layers.InputSpec(
            shape=(None, None, *self.step_shape)
        )
        self.step_dtype = tf.int32 if vocabulary_size else tf.float32

        dtype = self.dtype_policy
        self.features = channels or 1
        if vocabulary_size:
            self.features = embedding_dim or units
            self.embedding = keras.layers.Embedding(
                vocabulary_size, self.features, dtype=dtype
            )
            self.embedding.build()
        self.encoder = RecurrentEncoder(
            units,
            cell=cell,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            return_sequences=return_sequences or pooling != "last",
            dtype=dtype,
        )
        self.encoder.build((None, None, self.features))

    def predict_from(self, z):
        """Predictions from encodings, `(batch_size, ..., width)` float32."""
        raise NotImplementedError

    def call(self, x, training=False):
        return self.predict_from(self.read(x, training=training))

    def read(self, x, training=False):
        """Encodings of checked inputs.

        Returns:
            `(batch_size, width)` float32 tensor, or with `return_sequences`
            `(batch_size, time, width)`.
        """
        mask = self.padding_mask(x)
        if self.vocabulary_size:
            h = self.embedding(x)
        else:
            h = self.standardized(x if self.channels else x[..., None])
        h = self.encoder(h, mask=mask, training=training)
        h = ops.cast(h, "float32")
        if self.return_sequences or self.pooling == "last":
            return h
        return _pooled(h, mask, self.pooling)

    def standardized(self, x):
        """Real values as the recurrent layers read them."""
        return x

    def padding_mask(self, x):
        """`(batch_size, time)` booleans, True where a step counts, or None."""
        if self.vocabulary_size:
            return x != 0
        if self.padding_value is None:
            return None
        counts = x != ops.cast(self.padding_value, x.dtype)
        return ops.any(counts, axis=-1) if self.channels else counts

    def encode(self, x, *, batch_size=256):
        """What the model reads out of sequences before it predicts.

        Args:
            x: sequences as for `fit`.
            batch_size: int. Sequences encoded at once.

        Returns:
            `(num_examples, width)` float32 tensor, with `return_sequences`
            `(num_examples, time, width)`; the width is `units`, twice that if
            bidirectional.

        Raises:
            ValueError: if `x` has another shape or dtype, values out of range,
                or a row without any step that counts.
        """
        return self.ask("encode", x=x, batch_size=batch_size)

    def check_inputs(self, x, name="x"):
        """Checks sequences and returns them as a tensor.

        Raises:
            ValueError: in eager code (in a graph: `InvalidArgumentError`).
        """
        x = as_sequences(x, self.step_shape, self.step_dtype, name=name)
        if self.vocabulary_size:
            x = ensure(
                x,
                tf.reduce_all((x >= 0) & (x < self.vocabulary_size)),
                f"`{name}` must hold token ids from 0 (padding) to "
                f"{self.vocabulary_size - 1}. Received at least one other.",
            )
        else:
            x = all_finite(x, name=name)
        mask = self.padding_mask(x)
        if mask is None:
            return x
        return ensure(
            x,
            tf.reduce_all(tf.reduce_any(mask, axis=1)),
            f"`{name}` has a sequence that is nothing but padding. Remove it.",
        )

    def endpoints(self):
        encode = Endpoint(
            self.features_of,
            {"x": self.example_input()},
            "z",
            description="encodings of sequences",
        )
        return {**super().endpoints(), "encode": encode}

    def features_of(self, x):
        """Encodings of checked inputs: see `read`."""
        return self.read(x)

    def example_input(self, name="x"):
        """The `Input` of endpoints that read sequences."""
        return tensor_input(
            (None, *self.step_shape),
            "sequences",
            lambda x: self.check_inputs(x, name),
            self.step_dtype,
            example=tf.ones((1, 8, *self.step_shape), self.step_dtype).numpy(),
        )

    def get_config(self):
        names = (
            "units",
            "vocabulary_size",
            "embedding_dim",
            "channels",
            "padding_value",
            "cell",
            "num_layers",
            "bidirectional",
            "dropout",
            "pooling",
            "return_sequences",
        )
        config = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **config}

    @property
    def _width(self):
        return 2 * self.units if self.bidirectional else self.units


def _pooled(h, mask, pooling):
    """Mean or maximum over the steps that count."""
    if mask is None:
        return ops.mean(h, 1) if pooling == "mean" else ops.max(h, 1)
    inside = mask[..., None]
    if pooling == "max":
        return ops.max(ops.where(inside, h, float("-inf")), axis=1)
    count = ops.sum(ops.cast(inside, h.dtype), axis=1)
    return ops.sum(ops.where(inside, h, 0.0), axis=1) / ops.maximum(count, 1.0)
