"""A Transformer that reads a caption as a whole, into one vector."""

import keras
from keras import ops

from keras_genseq.layers import ClassToken
from keras_genseq.layers import PositionEmbedding
from keras_genseq.layers import TransformerEncoderBlock
from keras_genseq.ops.values import as_rate


class CaptionEncoder(keras.layers.Layer):
    """Encodes captions: what a first, learned token gathers of their words.

    Padding is not seen, and of an empty caption that token alone is.

    Args:
        vocabulary_size: int. Token ids are below it; 0 is padding.
        text_length: int. The most tokens of a caption.
        num_layers: int. Blocks, one above the other.
        hidden_dim: int. Width of the tokens.
        num_heads: int. A divisor of `hidden_dim`.
        intermediate_dim: int. Inner width of the feed-forward networks.
        output_dim: int. Length of the vector.
        dropout: float. As for `TransformerEncoderBlock`, and of the embeddings.
        use_bias: bool. As for `TransformerEncoderBlock`.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        captions: `(batch_size, text_length)` int32 ids; 0 is padding, at the
            end.
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, output_dim)` float32 tensor.
    """

    def __init__(
        self,
        *,
        vocabulary_size,
        text_length,
        num_layers,
        hidden_dim,
        num_heads,
        intermediate_dim,
        output_dim,
        dropout,
        use_bias,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        dtype = self.dtype_policy
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            hidden_dim,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=dtype,
        )
        self.class_token = ClassToken(dtype=dtype)
        self.positions = PositionEmbedding(1 + text_length, dtype=dtype)
        self.drop = keras.layers.Dropout(as_rate(dropout), dtype=dtype)
        self.blocks = [
            TransformerEncoderBlock(
                num_heads,
                intermediate_dim,
                activation="gelu",
                dropout=dropout,
                norm_first=True,
                use_bias=use_bias,
                dtype=dtype,
            )
            for _ in range(num_layers)
        ]
        self.final_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype
        )
        self.head = keras.layers.Dense(output_dim, dtype="float32")

    def build(self, captions_shape=None):
        self.embedding.build((None, None))
        shape = (None, None, self.hidden_dim)
        for layer in (
            self.class_token,
            self.positions,
            *self.blocks,
            self.final_norm,
        ):
            layer.build(shape)
        self.head.build((None, self.hidden_dim))
        self.built = True

    def call(self, captions, training=False):
        is_shown = captions > 0
        is_shown = ops.concatenate(
            [ops.ones_like(is_shown[:, :1]), is_shown], axis=1
        )
        x = self.positions(self.class_token(self.embedding(captions)))
        x = self.drop(x, training=training)
        for block in self.blocks:
            x = block(x, padding_mask=is_shown, training=training)
        return self.head(self.final_norm(x)[:, 0])

    def compute_output_shape(self, captions_shape):
        return (captions_shape[0], self.output_dim)
