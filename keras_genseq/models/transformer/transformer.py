import keras
from keras import ops

from keras_genseq.layers import PositionEmbedding
from keras_genseq.layers import SinusoidalPositionEncoding
from keras_genseq.layers import TransformerDecoderBlock
from keras_genseq.layers import TransformerEncoderBlock
from keras_genseq.models.base.presets import Preset
from keras_genseq.models.text.output_projection import tied_logits
from keras_genseq.models.text.output_projection import without_padding
from keras_genseq.models.text.sequence_to_sequence_model import (
    SequenceToSequenceModel,
)
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate
from keras_genseq.ops.values import check_flags

POSITIONS = ("sinusoidal", "learned")


@keras.saving.register_keras_serializable(package="keras_genseq")
class Transformer(SequenceToSequenceModel):
    """The encoder-decoder of "Attention Is All You Need".

    One matrix E embeds sources and targets, sqrt(d) E[token] + position, and
    makes the logits, y E^T. The encoder sees all of a source; the decoder what
    it wrote so far, and the encoded source.

    Args:
        vocabulary_size: int. Tokens of both languages, padding (0) and the end
            of a text (the last id) among them.
        num_layers: int. Blocks of the encoder, and of the decoder.
        hidden_dim: int. Width d of the residual stream.
        num_heads: int. A divisor of `hidden_dim`.
        intermediate_dim: int. Inner width of the feed-forward networks.
        dropout: float. Part of the embeddings and of every sublayer's outputs
            that training drops.
        attention_dropout: float. Part of the attention weights, likewise.
        activation: activation of the feed-forward networks.
        norm_first: bool. False normalises after each shortcut, as the paper
            does; True before each sublayer and at the end of both stacks.
        positions: `"sinusoidal"` or `"learned"`.
        use_bias: bool. Whether all projections have biases.
        label_smoothing, max_sequence_length, tokenizer: as for
            `SequenceToSequenceModel`.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        x: `(batch_size, source_time)` int32, sources; 0 is padding.
        y: `(batch_size, time)` int32, targets with their end (`with_end`), or
            None.
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, time, vocabulary_size)` float32 logits; those of a step
        depend on the source and the targets before it. Without `y`, the
        encoded sources, `(batch_size, source_time, hidden_dim)` float32.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    ```python
    tokenizer = tokenizers.ByteTokenizer()
    model = models.Transformer(
        258,
        num_layers=1,
        hidden_dim=16,
        num_heads=2,
        intermediate_dim=32,
        max_sequence_length=16,
        tokenizer=tokenizer,
    )
    schedule = models.TransformerSchedule(16)
    model.compile(keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9))
    model.fit(["Guten Tag"], ["good day"], verbose=0)
    texts = model.translate(["Guten Tag"], 8, beam_width=2)
    ```

    Differences from the paper: smoothed labels share their part out among the
    wrong tokens and the right one, but not padding.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762)
    """

    presets = {
        "transformer_base": Preset(
            config={"vocabulary_size": 37000},
            num_parameters=63_082_496,
            source="Table 3, base; 37,000 tokens, biases everywhere",
        ),
        "transformer_big": Preset(
            config={
                "vocabulary_size": 37000,
                "hidden_dim": 1024,
                "intermediate_dim": 4096,
                "num_heads": 16,
                "dropout": 0.3,
            },
            num_parameters=214_245_376,
            source="Table 3, big; 37,000 tokens, biases everywhere",
        ),
    }

    def __init__(
        self,
        vocabulary_size,
        *,
        num_layers=6,
        hidden_dim=512,
        num_heads=8,
        intermediate_dim=2048,
        dropout=0.1,
        attention_dropout=0.0,
        activation="relu",
        norm_first=False,
        positions="sinusoidal",
        use_bias=True,
        label_smoothing=0.1,
        max_sequence_length=512,
        tokenizer=None,
        **kwargs,
    ):
        (
            num_layers,
            hidden_dim,
            num_heads,
            intermediate_dim,
            max_sequence_length,
        ) = check_counts(
            num_layers=num_layers,
            hidden_dim=hidden_dim,
            num_heads=num_heads,
            intermediate_dim=intermediate_dim,
            max_sequence_length=max_sequence_length,
        )
        if positions not in POSITIONS:
            raise ValueError(
                f"`positions` must be one of {POSITIONS}. "
                f"Received: positions={positions!r}"
            )
        norm_first, use_bias = check_flags(
            norm_first=norm_first, use_bias=use_bias
        )
        super().__init__(
            vocabulary_size,
            label_smoothing=label_smoothing,
            max_sequence_length=max_sequence_length,
            tokenizer=tokenizer,
            **kwargs,
        )
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.activation = keras.activations.get(activation)
        self.norm_first = norm_first
        self.positions = positions
        self.use_bias = use_bias

        dtype = self.dtype_policy
        self.embedding = keras.layers.Embedding(
            self.vocabulary_size,
            hidden_dim,
            # Times sqrt(d), of unit variance, as large as the positions.
            embeddings_initializer=keras.initializers.RandomNormal(
                stddev=hidden_dim**-0.5
            ),
            dtype=dtype,
        )
        self.position = (
            SinusoidalPositionEncoding(dtype=dtype)
            if positions == "sinusoidal"
            else PositionEmbedding(max_sequence_length, dtype=dtype)
        )
        self.drop = keras.layers.Dropout(as_rate(dropout), dtype=dtype)
        self.encoder_blocks, self.decoder_blocks = (
            [
                block_class(
                    num_heads,
                    intermediate_dim,
                    activation=self.activation,
                    dropout=dropout,
                    attention_dropout=attention_dropout,
                    norm_first=norm_first,
                    use_bias=use_bias,
                    dtype=dtype,
                )
                for _ in range(num_layers)
            ]
            for block_class in (
                TransformerEncoderBlock,
                TransformerDecoderBlock,
            )
        )
        self.encoder_norm, self.decoder_norm = (
            keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype)
            if norm_first
            else None
            for _ in range(2)
        )
        self.build((None, None))

    def build(self, input_shape):
        shape = (None, None, self.hidden_dim)
        self.embedding.build((None, None))
        if not self.position.built:
            self.position.build(shape)
        for block in self.encoder_blocks:
            block.build(shape)
        for block in self.decoder_blocks:
            block.build(shape, shape)
        if self.norm_first:
            self.encoder_norm.build(shape)
            self.decoder_norm.build(shape)
        self.built = True

    def call(self, x, y=None, training=False):
        encoded = self.encode_ids(x, training=training)
        if y is None:
            return ops.cast(encoded, "float32")
        h = self.drop(self._shifted(y), training=training)
        # Padding of targets stands at their end: nothing before it sees it.
        for block in self.decoder_blocks:
            h = block(h, encoded, encoded_padding_mask=x > 0, training=training)
        return self._logits(h)

    def attention_maps(self, x, y):
        """How much each token of a target attends to each of its source.

        Args:
            x: list of str, or `(num_pairs, source_time)` token ids.
            y: the same of targets, without their end, which has a row, too.

        Returns:
            `(num_layers, num_pairs, num_heads, time + 1, source_time)` float32
            tensor. Row t is what the decoder looked at to write token t of the
            target; the weights of a row sum to 1.
        """
        x = self.check_inputs(x)
        y = self.with_end(self.check_inputs(y, "y"))
        return self.compile_method(self._attention_maps, jit_compile=False)(
            x, y
        )

    def _attention_maps(self, x, y):
        encoded, h, maps = self.encode_ids(x), self._shifted(y), []
        for block in self.decoder_blocks:
            h, scores = block(
                h,
                encoded,
                encoded_padding_mask=x > 0,
                return_attention_scores=True,
            )
            maps.append(scores)
        return ops.stack(maps)

    def _shifted(self, y):
        """What the decoder sees: the start and all tokens but the last."""
        start = ops.zeros_like(y[:, :1])
        return self._embed(ops.concatenate([start, y[:, :-1]], axis=1))

    def encode_ids(self, x, training=False):
        """What the encoder makes of sources.

        Args:
            x: `(batch_size, source_time)` int32.
            training: bool.

        Returns:
            `(batch_size, source_time, hidden_dim)`; padding has no meaning.
        """
        h = self.drop(self._embed(x), training=training)
        for block in self.encoder_blocks:
            h = block(h, padding_mask=x > 0, training=training)
        return self.encoder_norm(h) if self.norm_first else h

    def encode_source(self, x):
        encoded = self.encode_ids(x)
        keys_values = [
            block.cross_keys_values(encoded) for block in self.decoder_blocks
        ]
        return x > 0, keys_values

    def initial_cache(self, batch_size, num_steps):
        caches = [
            block.initial_cache(batch_size, num_steps)
            for block in self.decoder_blocks
        ]
        return [ops.zeros((), "int32"), caches]

    def decode_step(self, token_ids, cache, memory):
        (position, caches), (padding_mask, keys_values) = cache, memory
        h = self._embed(token_ids[:, None], position)
        after = []
        for block, past, source in zip(
            self.decoder_blocks, caches, keys_values, strict=True
        ):
            h, past = block.step(h, past, position, source, padding_mask)
            after.append(past)
        return self._logits(h[:, 0]), [position + 1, after]

    def get_config(self):
        names = (
            "num_layers",
            "hidden_dim",
            "num_heads",
            "intermediate_dim",
            "dropout",
            "attention_dropout",
            "norm_first",
            "positions",
            "use_bias",
        )
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "activation": keras.activations.serialize(self.activation),
        }

    def _embed(self, token_ids, start=0):
        h = self.embedding(token_ids)
        h = h * ops.cast(self.hidden_dim**0.5, h.dtype)
        # Uses check how long texts are, and round batches up with padding.
        return self.position(h, start=start, padded=True)

    def _logits(self, h):
        h = self.decoder_norm(h) if self.norm_first else h
        return without_padding(tied_logits(h, self.embedding.embeddings))
