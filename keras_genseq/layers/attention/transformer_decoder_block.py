import keras
from keras import ops

from keras_genseq.layers.attention.transformer_encoder_block import (
    TransformerEncoderBlock,
)


@keras.saving.register_keras_serializable(package="keras_genseq")
class TransformerDecoderBlock(TransformerEncoderBlock):
    """Causal self-attention, attention to an encoded source, feed-forward.

    Args:
        num_heads, intermediate_dim, **kwargs: as for `TransformerEncoderBlock`.

    Call arguments:
        x: `(batch_size, time, hidden_dim)`.
        encoded: `(batch_size, source_time, hidden_dim)`.
        padding_mask: optional `(batch_size, time)` booleans, True where a step
            counts; None takes the mask that `x` carries, if any. The output
            carries that of `x`.
        encoded_padding_mask: optional `(batch_size, source_time)` booleans;
            None takes the mask that `encoded` carries, if any.
        return_attention_scores: bool. Whether to return how much each step
            attends to each of the source.
        training: bool.

    Returns:
        Tensor like `x`; with `return_attention_scores` also float32 weights
        `(batch_size, num_heads, time, source_time)`.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), 3.1
    """

    def __init__(self, num_heads, intermediate_dim, **kwargs):
        super().__init__(num_heads, intermediate_dim, **kwargs)
        # Positions of another sequence: there are no distances between them.
        self.cross_attention = self._attention(
            rotary=False, attention_window=None
        )
        self.cross_attention_norm = self._norm()

    def build(self, x_shape, encoded_shape=None):
        self.cross_attention.build(x_shape, encoded_shape)
        self.cross_attention_norm.build(x_shape)
        super().build(x_shape)

    def call(
        self,
        x,
        encoded,
        padding_mask=None,
        encoded_padding_mask=None,
        return_attention_scores=False,
        training=False,
    ):
        x, padding_mask = self._padded(x, padding_mask, "padding_mask")
        encoded, encoded_padding_mask = self._padded(
            encoded, encoded_padding_mask, "encoded_padding_mask"
        )

        def attention(x):
            return self.self_attention(
                x,
                padding_mask=padding_mask,
                use_causal_mask=True,
                training=training,
            )

        x = self._around(self.self_attention_norm, attention, x, training)
        keys_values = self.cross_keys_values(encoded)
        scores = [] if return_attention_scores else None
        x = self._cross(x, keys_values, encoded_padding_mask, training, scores)
        x = self._fed_forward(x, training)
        return (x, *scores) if return_attention_scores else x

    def compute_output_shape(self, x_shape, encoded_shape=None):
        return x_shape

    def compute_output_spec(
        self,
        x,
        encoded,
        padding_mask=None,
        encoded_padding_mask=None,
        return_attention_scores=False,
        training=False,
    ):
        outputs = keras.KerasTensor(x.shape, self.compute_dtype)
        if not return_attention_scores:
            return outputs
        rows, time, _ = x.shape
        shape = (rows, self.num_heads, time, encoded.shape[1])
        return outputs, keras.KerasTensor(shape, "float32")

    def cross_keys_values(self, encoded):
        """Keys and values of a source, for all the steps to come.

        Args:
            encoded: `(batch_size, source_time, hidden_dim)`.

        Returns:
            Pair of tensors, for `step`.
        """
        return self.cross_attention.project(encoded)

    def step(self, x, cache, position, keys_values, encoded_padding_mask=None):
        """One step of a call, without dropout.

        Args:
            x: `(rows, 1, hidden_dim)`; there may be several rows, one after the
                other, for each source.
            cache: as `initial_cache` returns it.
            position: integer scalar tensor, the number of this step.
            keys_values: as `cross_keys_values` returns them.
            encoded_padding_mask: as in a call.

        Returns:
            Tensor like `x`, and the cache with this step in it.
        """
        x, cache = self._self_attention_step(x, cache, position)
        # Rows of one source are so many queries to the same keys.
        shape = ops.shape(x)
        x = ops.reshape(x, (ops.shape(keys_values[0])[0], -1, shape[-1]))
        x = self._cross(x, keys_values, encoded_padding_mask)
        x = ops.reshape(x, shape)
        return self._fed_forward(x), cache

    def _cross(self, x, keys_values, padding_mask, training=False, scores=None):
        """Attends to the source; appends the weights to the list `scores`."""

        def attention(x):
            x = self.cross_attention.attend(
                x,
                keys_values,
                padding_mask=padding_mask,
                return_attention_scores=scores is not None,
                training=training,
            )
            if scores is None:
                return x
            scores.append(x[1])
            return x[0]

        return self._around(self.cross_attention_norm, attention, x, training)
