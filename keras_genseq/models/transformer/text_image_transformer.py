"""One stream of tokens, a text and then an image, and who sees whom in it."""

import keras
from keras import ops

from keras_genseq.layers import TransformerEncoderBlock
from keras_genseq.ops.masks import after_prefix
from keras_genseq.ops.masks import image_attention_mask
from keras_genseq.ops.values import as_rate
from keras_genseq.samplers.token_sampling import EXCLUDED

_DEVIATION = 0.02


class TextImageTransformer(keras.layers.Layer):
    """Causal Transformer over a start, a text and the tokens of an image.

    Ids of the stream: 0 is the start, 1 to `num_image_tokens` are the tokens of
    images, then come those of texts from id 1 on, and at last a padding for
    each position of a text.

    Args:
        vocabulary_size: int. Ids of texts, of which 0 is the padding.
        text_length: int. Positions of a text.
        num_image_tokens: int. Tokens of images are the ints below it.
        grid_shape: pair of ints, (rows, columns) of an image's tokens.
        hidden_dim: int. Width of the residual stream.
        num_heads: int. A divisor of `hidden_dim`.
        intermediate_dim: int. Inner width of the feed-forward networks.
        attention_types: sequence of str, one a layer: how the tokens of images
            see each other, see `image_attention_mask`.
        kernel_size: int. Of `"convolutional"` attention.
        dropout, attention_dropout, use_bias: as for `TransformerEncoderBlock`.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        captions: `(batch_size, text_length)` int32 ids of texts; 0 is padding.
        tokens: `(batch_size, rows, columns)` int32 tokens of images.
        training: bool. Whether dropout acts.

    Returns:
        float32 logits of every text token, `(batch_size, text_length,
        vocabulary_size - 1 + text_length)`, and of every image token,
        `(batch_size, rows * columns, num_image_tokens)`, each given all before
        it.
    """

    def __init__(
        self,
        *,
        vocabulary_size,
        text_length,
        num_image_tokens,
        grid_shape,
        hidden_dim,
        num_heads,
        intermediate_dim,
        attention_types,
        kernel_size,
        dropout,
        attention_dropout,
        use_bias,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.text_length = text_length
        self.num_image_tokens = num_image_tokens
        self.hidden_dim = hidden_dim
        rows, columns = grid_shape
        # The start takes the place of the last token, which nothing follows.
        self.num_steps = text_length + rows * columns
        self.masks = [
            after_prefix(
                image_attention_mask(kind, grid_shape, kernel_size),
                text_length + 1,
            )[: self.num_steps, : self.num_steps]
            for kind in attention_types
        ]

        dtype = self.dtype_policy
        text_ids = vocabulary_size - 1 + text_length
        (
            self.embedding,
            self.text_positions,
            self.row_positions,
            self.column_positions,
        ) = (
            keras.layers.Embedding(
                size,
                hidden_dim,
                embeddings_initializer=_normal(),
                dtype=dtype,
            )
            for size in (
                1 + num_image_tokens + text_ids,
                text_length,
                rows,
                columns,
            )
        )
        self.drop = keras.layers.Dropout(as_rate(dropout), dtype=dtype)
        self.blocks = [
            TransformerEncoderBlock(
                num_heads,
                intermediate_dim,
                activation="gelu",
                dropout=dropout,
                attention_dropout=attention_dropout,
                norm_first=True,
                use_bias=use_bias,
                dtype=dtype,
            )
            for _ in attention_types
        ]
        self.final_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=dtype
        )
        # Two heads in place of one whose logits are masked: neither knows the
        # ids of the other.
        self.text_head, self.image_head = (
            keras.layers.Dense(
                size,
                kernel_initializer=_normal(),
                use_bias=use_bias,
                dtype=dtype,
            )
            for size in (text_ids, num_image_tokens)
        )

    def build(self, captions_shape=None, tokens_shape=None):
        shape = (None, None, self.hidden_dim)
        for layer in (
            self.embedding,
            self.text_positions,
            self.row_positions,
            self.column_positions,
        ):
            layer.build((None, None))
        for layer in (
            *self.blocks,
            self.final_norm,
            self.text_head,
            self.image_head,
        ):
            layer.build(shape)
        self.built = True

    def call(self, captions, tokens, training=False):
        x = self.embed(self.text_ids(captions), tokens)
        x = self.outputs_of(x, training=training)
        text, image = x[:, : self.text_length], x[:, self.text_length :]
        return (
            ops.cast(self.text_head(text), "float32"),
            ops.cast(self.image_head(image), "float32"),
        )

    def text_ids(self, captions):
        """The ids of texts in the stream: each position has its own padding."""
        first = self.num_image_tokens + self.vocabulary_size
        padding = first + ops.arange(self.text_length, dtype="int32")
        ids = captions + self.num_image_tokens
        return ops.where(captions > 0, ids, padding[None, :])

    def embed(self, text_ids, tokens):
        """What the first block sees.

        Args:
            text_ids: what `text_ids` returned.
            tokens: `(batch_size, rows, columns)` int32.

        Returns:
            `(batch_size, num_steps, hidden_dim)` tensor.
        """
        images = ops.reshape(tokens, (-1, self.num_steps - self.text_length))
        start = ops.zeros_like(text_ids[:, :1])
        ids = ops.concatenate([start, text_ids, images[:, :-1] + 1], axis=1)
        x = self.embedding(ids)
        return x + ops.cast(self._positions(), x.dtype)[None]

    def outputs_of(self, x, training=False):
        """What the last block makes of what `embed` returned."""
        x = self.drop(x, training=training)
        for block, mask in zip(self.blocks, self.masks, strict=True):
            x = block(x, attention_mask=mask[None], training=training)
        return self.final_norm(x)

    def prefill(self, text_ids):
        """What decoding knows of texts but for their last tokens.

        Args:
            text_ids: what `text_ids` returned.

        Returns:
            Cache of the steps so far, with room for all.
        """
        start = ops.zeros_like(text_ids[:, :1])
        ids = ops.concatenate([start, text_ids[:, :-1]], axis=1)
        x = self.embedding(ids)
        positions = self._positions()[: self.text_length]
        x = x + ops.cast(positions, x.dtype)[None]
        caches = []
        # The tokens of a text see all before them, in every layer.
        for block in self.blocks:
            x, cache = block.read(x, self.num_steps)
            caches.append(cache)
        return [ops.convert_to_tensor(self.text_length, "int32"), caches]

    def decode_step(self, ids, cache):
        """One step: from the token last seen to the next one of the image.

        Args:
            ids: `(batch_size,)` int32 ids of the stream.
            cache: as `prefill` returns it.

        Returns:
            `(batch_size, 1 + num_image_tokens)` float32 logits of the ids of
            the stream up to those of images, and the new cache.
        """
        position, caches = cache
        x = self.embedding(ids[:, None])
        here = ops.take(self._positions(), position, axis=0)
        x = x + ops.cast(here, x.dtype)[None, None]
        after = []
        for block, mask, past in zip(
            self.blocks, self.masks, caches, strict=True
        ):
            seen = ops.take(ops.convert_to_tensor(mask), position, axis=0)
            x, past = block.step(x, past, position, seen)
            after.append(past)
        logits = self.image_head(self.final_norm(x))[:, 0]
        logits = ops.cast(logits, "float32")
        # No image begins anew.
        start = ops.full_like(logits[:, :1], EXCLUDED)
        logits = ops.concatenate([start, logits], axis=-1)
        return logits, [position + 1, after]

    def joined_logits(self, text_logits, image_logits):
        """The logits of both heads over all ids of the stream.

        Args:
            text_logits, image_logits: what a call returned.

        Returns:
            `(batch_size, num_steps, ids)`: `EXCLUDED` for what a position
            cannot be.
        """
        num_text, num_image = text_logits.shape[-1], self.num_image_tokens
        text = _padded(text_logits, 1 + num_image, 0)
        image = _padded(image_logits, 1, num_text)
        return ops.concatenate([text, image], axis=1)

    def _positions(self):
        rows = ops.convert_to_tensor(self.row_positions.embeddings)
        columns = ops.convert_to_tensor(self.column_positions.embeddings)
        grid = rows[:, None] + columns[None]
        grid = ops.reshape(grid, (-1, self.hidden_dim))[:-1]
        text = ops.convert_to_tensor(self.text_positions.embeddings)
        # The start is told by its id.
        return ops.concatenate([ops.zeros_like(text[:1]), text, grid], axis=0)


def _padded(logits, before, after):
    return ops.pad(
        logits, [[0, 0], [0, 0], [before, after]], constant_values=EXCLUDED
    )


def _normal():
    return keras.initializers.RandomNormal(stddev=_DEVIATION)
