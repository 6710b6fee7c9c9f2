import keras
from keras import ops

from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.positions import as_start
from keras_genseq.ops.positions import positions_from
from keras_genseq.ops.values import refuse_ragged


@keras.saving.register_keras_serializable(package="keras_genseq")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector for each position to embedded tokens.

    Args:
        sequence_length: int. Positions there are.
        initializer: initializer of the vectors.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(..., time, hidden_dim)`.
        start: int or integer scalar tensor. Position of the first step.
        padded: bool. Whether steps beyond the last position are padding: they
            take its vector.

    Returns:
        Tensor like `x`.

    Raises:
        ValueError: if there are more steps than positions, and `padded` does
            not allow it. Where a graph does not know how many there are, they
            take the last vector, too.

    References:
        - [Gehring et al., 2017](https://arxiv.org/abs/1705.03122), 3.1
    """

    def __init__(
        self, sequence_length, *, initializer="glorot_uniform", **kwargs
    ):
        sequence_length = check_counts(sequence_length=sequence_length)
        super().__init__(**kwargs)
        self.sequence_length = sequence_length
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.sequence_length, input_shape[-1]),
            initializer=self.initializer,
        )

    def call(self, x, start=0, padded=False):
        refuse_ragged(x=x)
        x = ops.cast(x, self.compute_dtype)
        start = as_start(start)
        self._check_length(x.shape, start, padded)
        positions = positions_from(start, ops.shape(x)[-2])
        positions = ops.minimum(positions, self.sequence_length - 1)
        # A product, not a gather: its gradient is dense and deterministic.
        chosen = ops.one_hot(positions, self.sequence_length, dtype=x.dtype)
        added = ops.matmul(chosen, ops.cast(self.embeddings, x.dtype))
        # Of equal rank: with one row, Grappler mistakes the shapes for equal.
        leading = (1,) * (len(x.shape) - 2)
        return x + ops.reshape(added, (*leading, *ops.shape(added)))

    def _check_length(self, shape, start, padded=False):
        if len(shape) < 2:
            raise ValueError(
                "Embedded tokens have a shape (..., time, hidden_dim). "
                f"Received: shape={tuple(shape)}"
            )
        known = isinstance(start, int) and shape[-2] is not None and not padded
        if known and start + shape[-2] > self.sequence_length:
            raise ValueError(
                f"There are {self.sequence_length} positions "
                f"(`sequence_length`). Received: {shape[-2]} steps from "
                f"position {start} on. Cut them, or make a layer with more."
            )

    def compute_output_shape(self, input_shape):
        self._check_length(input_shape, 0)
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "initializer": keras.initializers.serialize(self.initializer),
        }
