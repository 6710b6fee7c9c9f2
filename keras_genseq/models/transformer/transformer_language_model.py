import keras
import tensorflow as tf
from keras import ops

from keras_genseq.layers import PositionEmbedding
from keras_genseq.layers import SinusoidalPositionEncoding
from keras_genseq.layers import TransformerEncoderBlock
from keras_genseq.models.base.batched_apply import map_rows
from keras_genseq.models.text.causal_language_model import CausalLanguageModel
from keras_genseq.models.text.output_projection import tied_logits
from keras_genseq.models.text.output_projection import without_padding
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import as_sequences
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate
from keras_genseq.ops.values import check_flags

POSITIONS = ("sinusoidal", "learned", "rotary")


@keras.saving.register_keras_serializable(package="keras_genseq")
class TransformerLanguageModel(CausalLanguageModel):
    """Language model over causal self-attention, a decoder-only Transformer.

    x_t = sqrt(d) E[token_{t-1}] + position_t,  logits_t = blocks(x_1..x_t) E^T

    Generation keeps the keys and values of every step in caches of a fixed
    shape: a new token costs one step.

    Args:
        vocabulary_size: int. Token ids are below it; 0 is padding.
        num_layers: int. Blocks, one above the other.
        hidden_dim: int. Width d of the residual stream.
        num_heads: int. A divisor of `hidden_dim`.
        intermediate_dim: optional int. Inner width of the feed-forward
            networks; None is four times `hidden_dim`.
        positions: `"sinusoidal"`, `"learned"` or `"rotary"`.
        max_sequence_length: int. Most tokens of a text, prompt and answer
            together.
        norm_first: bool. Whether sublayers see normalised inputs, which trains
            without a warm-up.
        tie_embeddings: bool. Whether the logits take E again, or a matrix of
            their own.
        dropout: float. Part of the embeddings and of every sublayer's outputs
            that training drops.
        activation, attention_dropout, num_key_value_heads, use_bias,
            attention_window, blockwise: as for `TransformerEncoderBlock`.
        tokenizer, stop_token_id: as for `CausalLanguageModel`.
        **kwargs: passed to `keras.Model`.

    Call arguments:
        token_ids: `(batch_size, time)` int32; 0 is padding, at the end of rows.
        training: bool. Whether dropout acts.

    Returns:
        `(batch_size, time, vocabulary_size)` float32 logits; those of a step
        depend on the tokens before it alone.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    ```python
    tokenizer = tokenizers.ByteTokenizer()
    model = models.TransformerLanguageModel(
        257, num_layers=1, hidden_dim=16, num_heads=2, tokenizer=tokenizer
    )
    model.compile("adam")
    model.fit(["To be, or not to be"], verbose=0)
    text = model.generate("To be", max_new_tokens=4, seed=0)
    ```

    Differences from the paper: none known.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762)
        - [Radford et al., 2019](
          https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf),
          `norm_first`
        - [Su et al., 2021](https://arxiv.org/abs/2104.09864), `"rotary"`
    """

    def __init__(
        self,
        vocabulary_size,
        *,
        num_layers=6,
        hidden_dim=512,
        num_heads=8,
        intermediate_dim=None,
        positions="sinusoidal",
        max_sequence_length=1024,
        norm_first=True,
        tie_embeddings=True,
        dropout=0.1,
        activation="gelu",
        attention_dropout=0.0,
        num_key_value_heads=None,
        use_bias=True,
        attention_window=None,
        blockwise=False,
        tokenizer=None,
        stop_token_id=None,
        **kwargs,
    ):
        num_layers, hidden_dim, num_heads, max_sequence_length = check_counts(
            num_layers=num_layers,
            hidden_dim=hidden_dim,
            num_heads=num_heads,
            max_sequence_length=max_sequence_length,
        )
        num_key_value_heads, intermediate_dim, attention_window = (
            as_int(value, name, minimum=1, optional=True)
            for name, value in (
                ("num_key_value_heads", num_key_value_heads),
                ("intermediate_dim", intermediate_dim),
                ("attention_window", attention_window),
            )
        )
        if positions not in POSITIONS:
            raise ValueError(
                f"`positions` must be one of {POSITIONS}. "
                f"Received: positions={positions!r}"
            )
        norm_first, tie_embeddings, use_bias, blockwise = check_flags(
            norm_first=norm_first,
            tie_embeddings=tie_embeddings,
            use_bias=use_bias,
            blockwise=blockwise,
        )
        super().__init__(
            vocabulary_size,
            tokenizer=tokenizer,
            stop_token_id=stop_token_id,
            **kwargs,
        )
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.positions = positions
        self.max_sequence_length = max_sequence_length
        self.norm_first = norm_first
        self.tie_embeddings = tie_embeddings
        self.dropout = dropout
        self.activation = keras.activations.get(activation)
        self.attention_dropout = attention_dropout
        self.num_key_value_heads = num_key_value_heads
        self.use_bias = use_bias
        self.attention_window = attention_window
        self.blockwise = blockwise

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
        self.position = None
        if positions == "sinusoidal":
            self.position = SinusoidalPositionEncoding(dtype=dtype)
        elif positions == "learned":
            self.position = PositionEmbedding(max_sequence_length, dtype=dtype)
        self.drop = keras.layers.Dropout(as_rate(dropout), dtype=dtype)
        self.blocks = [
            TransformerEncoderBlock(
                num_heads,
                intermediate_dim or 4 * hidden_dim,
                activation=self.activation,
                dropout=dropout,
                attention_dropout=attention_dropout,
                norm_first=norm_first,
                num_key_value_heads=num_key_value_heads,
                use_bias=use_bias,
                rotary=positions == "rotary",
                attention_window=attention_window,
                blockwise=blockwise,
                dtype=dtype,
            )
            for _ in range(num_layers)
        ]
        self.final_norm = (
            keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype)
            if norm_first
            else None
        )
        self.head = (
            None
            if tie_embeddings
            else keras.layers.Dense(
                self.vocabulary_size, use_bias=False, dtype=dtype
            )
        )
        self.build((None, None))

    def build(self, input_shape):
        shape = (None, None, self.hidden_dim)
        self.embedding.build((None, None))
        if self.position and not self.position.built:
            self.position.build(shape)
        for block in self.blocks:
            block.build(shape)
        if self.final_norm:
            self.final_norm.build(shape)
        if self.head:
            self.head.build(shape)
        self.built = True

    def call(self, token_ids, training=False):
        # The logits of a step see the tokens before it: one to the right.
        start = ops.zeros_like(token_ids[:, :1])
        inputs = ops.concatenate([start, token_ids[:, :-1]], axis=1)
        return self._logits(self._outputs(inputs, training=training))

    def initial_cache(self, batch_size, num_steps):
        caches = [b.initial_cache(batch_size, num_steps) for b in self.blocks]
        return [ops.zeros((), "int32"), caches]

    def prefill(self, token_ids, num_read, num_steps):
        x = self._embed(ops.pad(token_ids, [[0, 0], [1, 0]])[:, :-1])
        caches = []
        for block in self.blocks:
            # Later tokens, too, leave their keys: each is overwritten by the
            # step that comes there, before one sees it.
            x, cache = block.read(x, num_steps)
            caches.append(cache)
        return [ops.convert_to_tensor(num_read), caches]

    def decode_step(self, token_ids, cache):
        position, caches = cache
        x = self._embed(token_ids[:, None], position)
        after = []
        for block, past in zip(self.blocks, caches, strict=True):
            x, past = block.step(x, past, position)
            after.append(past)
        x = self.final_norm(x) if self.final_norm else x
        return self._logits(x[:, 0]), [position + 1, after]

    def encode_ids(self, token_ids):
        """What the last block makes of whole texts.

        Args:
            token_ids: `(batch_size, time)` int32.

        Returns:
            `(batch_size, hidden_dim)` float32: the output after the last token.
        """
        x = self._outputs(ops.pad(token_ids, [[0, 0], [1, 0]]))
        lengths = ops.sum(ops.cast(token_ids > 0, "int32"), axis=1)
        x = ops.take_along_axis(x, lengths[:, None, None], axis=1)
        return ops.cast(x[:, 0], "float32")

    def stream_log_prob(self, token_ids, window=256, batch_size=32):
        """Scores texts of any length by windows that overlap by half.

        Every token is scored once, given the tokens before it in its window:
        at least half a window of them, or all there are.

        Args:
            token_ids: `(num_texts, time)` integers; 0 is padding.
            window: int, even. Tokens seen at once.
            batch_size: int. Windows scored at once.

        Returns:
            `(num_texts,)` float64 array, in nats.
        """
        token_ids = as_sequences(token_ids, (), tf.int32, name="token_ids")
        token_ids = self.check_values(token_ids, "token_ids")
        num_rows, num_steps = token_ids.shape
        half = min(window, self.max_sequence_length) // 2
        # Half a window before the text, which does not count.
        padded = tf.pad(token_ids, [[0, 0], [0, -num_steps % half]])
        first = padded[:, : 2 * half]
        total = self.log_prob(first).numpy().astype("float64")
        if num_steps <= 2 * half:
            return total
        windows = tf.signal.frame(padded, 2 * half, half, axis=1)[:, 1:]
        rows = tf.reshape(windows, (-1, 2 * half))
        score = self.compile_method(self._score_second_half)
        log_prob = map_rows(score, (rows,), batch_size).numpy()
        parts = log_prob.reshape(num_rows, -1)
        return total + parts.sum(axis=1, dtype="float64")

    def get_config(self):
        names = (
            "num_layers",
            "hidden_dim",
            "num_heads",
            "intermediate_dim",
            "positions",
            "max_sequence_length",
            "norm_first",
            "tie_embeddings",
            "dropout",
            "attention_dropout",
            "num_key_value_heads",
            "use_bias",
            "attention_window",
            "blockwise",
        )
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "activation": keras.activations.serialize(self.activation),
        }

    def _embed(self, inputs, start=0):
        x = self.embedding(inputs)
        x = x * ops.cast(self.hidden_dim**0.5, x.dtype)
        if not self.position:
            return x
        # Uses check how long texts are, and round batches up with padding.
        return self.position(x, start=start, padded=True)

    def _outputs(self, inputs, training=False):
        x = self.drop(self._embed(inputs), training=training)
        # Padding stands at the end: what comes before does not see it.
        for block in self.blocks:
            x = block(x, use_causal_mask=True, training=training)
        return self.final_norm(x) if self.final_norm else x

    def _logits(self, x):
        if self.head:
            return without_padding(self.head(x))
        return without_padding(tied_logits(x, self.embedding.embeddings))

    def _score_second_half(self, x):
        half = x.shape[1] // 2
        logits = self(x, training=False)[:, half:]
        return self.log_prob_from_logits(x[:, half:], logits)
