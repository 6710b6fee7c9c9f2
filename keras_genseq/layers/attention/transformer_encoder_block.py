import keras
from keras import ops

from keras_genseq.layers.attention.attention_masks import implicit_mask
from keras_genseq.layers.attention.attention_masks import mask_of_positions
from keras_genseq.layers.attention.feed_forward import FeedForward
from keras_genseq.layers.attention.multi_head_attention import (
    MultiHeadAttention,
)
from keras_genseq.layers.attention.stochastic_depth import StochasticDepth
from keras_genseq.ops.attention import finite_padding
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate
from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class TransformerEncoderBlock(keras.layers.Layer):
    """Self-attention and a feed-forward network, each around a shortcut.

    x = norm(x + dropout(sublayer(x)))       as in the paper, or
    x = x + dropout(sublayer(norm(x)))       with `norm_first`

    With `use_causal_mask` it is the block of decoder-only language models, and
    `step` computes it one position at a time.

    Args:
        num_heads: int. Heads share the width of the inputs out.
        intermediate_dim: int. Inner width of the feed-forward network.
        activation: activation of the feed-forward network.
        dropout: float. Part of each sublayer's outputs that training drops.
        attention_dropout: float. Part of the attention weights, likewise.
        inner_dropout: float. Part of the activations inside the feed-forward
            network, likewise.
        stochastic_depth: float in [0, 1]. Share of the examples for which
            training leaves a sublayer out.
        norm_first: bool. Whether sublayers see normalized inputs; a stack of
            such blocks needs one more normalization at its end.
        norm_epsilon: float.
        num_key_value_heads, use_bias, rotary, attention_window, blockwise: as
            for `MultiHeadAttention`; `use_bias` for the feed-forward network
            too.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(batch_size, time, hidden_dim)`.
        padding_mask: optional `(batch_size, time)` booleans, True where a step
            counts; None takes the mask that `x` carries, if any. The output
            carries that of `x`.
        attention_mask: optional booleans that broadcast to `(batch_size, time,
            time)`, True where a step may see another.
        use_causal_mask: bool. Whether steps see only themselves and earlier
            ones.
        return_attention_scores: bool.
        training: bool.

    Returns:
        Tensor like `x`; with `return_attention_scores` also float32 weights
        `(batch_size, num_heads, time, time)`.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), 3.1
        - [Xiong et al., 2020](https://arxiv.org/abs/2002.04745), `norm_first`
    """

    def __init__(
        self,
        num_heads,
        intermediate_dim,
        *,
        activation="relu",
        dropout=0.1,
        attention_dropout=0.0,
        inner_dropout=0.0,
        stochastic_depth=0.0,
        norm_first=False,
        norm_epsilon=1e-6,
        num_key_value_heads=None,
        use_bias=True,
        rotary=False,
        attention_window=None,
        blockwise=False,
        **kwargs,
    ):
        num_heads, intermediate_dim = check_counts(
            num_heads=num_heads, intermediate_dim=intermediate_dim
        )
        num_key_value_heads, attention_window = (
            as_int(value, name, minimum=1, optional=True)
            for name, value in (
                ("num_key_value_heads", num_key_value_heads),
                ("attention_window", attention_window),
            )
        )
        dropout, attention_dropout, inner_dropout, stochastic_depth = (
            as_rate(value, name)
            for name, value in (
                ("dropout", dropout),
                ("attention_dropout", attention_dropout),
                ("inner_dropout", inner_dropout),
                ("stochastic_depth", stochastic_depth),
            )
        )
        norm_epsilon = check_numbers(norm_epsilon=norm_epsilon)
        norm_first, use_bias, rotary, blockwise = check_flags(
            norm_first=norm_first,
            use_bias=use_bias,
            rotary=rotary,
            blockwise=blockwise,
        )
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.activation = keras.activations.get(activation)
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.inner_dropout = inner_dropout
        self.stochastic_depth = stochastic_depth
        self.norm_first = norm_first
        self.norm_epsilon = norm_epsilon
        self.num_key_value_heads = num_key_value_heads
        self.use_bias = use_bias
        self.rotary = rotary
        self.attention_window = attention_window
        self.blockwise = blockwise
        self.supports_masking = True

        self.self_attention = self._attention(rotary, attention_window)
        self.self_attention_norm = self._norm()
        self.feed_forward = FeedForward(
            intermediate_dim,
            activation=self.activation,
            use_bias=use_bias,
            dropout=inner_dropout,
            dtype=self.dtype_policy,
        )
        self.feed_forward_norm = self._norm()
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.skip = StochasticDepth(stochastic_depth, dtype=self.dtype_policy)

    def build(self, x_shape):
        self.self_attention.build(x_shape)
        self.self_attention_norm.build(x_shape)
        self.feed_forward.build(x_shape)
        self.feed_forward_norm.build(x_shape)
        self.built = True

    def call(
        self,
        x,
        padding_mask=None,
        attention_mask=None,
        use_causal_mask=False,
        return_attention_scores=False,
        training=False,
    ):
        x, padding_mask = self._padded(x, padding_mask, "padding_mask")
        scores = []

        def attention(x):
            x = self.self_attention(
                x,
                padding_mask=padding_mask,
                attention_mask=attention_mask,
                use_causal_mask=use_causal_mask,
                return_attention_scores=return_attention_scores,
                training=training,
            )
            if return_attention_scores:
                scores.append(x[1])
                return x[0]
            return x

        x = self._around(self.self_attention_norm, attention, x, training)
        x = self._fed_forward(x, training)
        return (x, *scores) if return_attention_scores else x

    def initial_cache(self, batch_size, length):
        """What `step` remembers of up to `length` steps."""
        return self.self_attention.initial_cache(batch_size, length)

    def read(self, x, length):
        """A call with `use_causal_mask`, and what later steps need of it.

        Args:
            x: `(batch_size, time, hidden_dim)`.
            length: int or integer tensor, at least `time`. The most steps
                there will be.

        Returns:
            Tensor like `x`, and the cache that as many calls of `step` leave.
        """
        after = []

        def attention(x):
            x, cache = self.self_attention.read(x, length)
            after.append(cache)
            return x

        x = self._around(self.self_attention_norm, attention, x)
        return self._fed_forward(x), after[0]

    def step(self, x, cache, position, attention_mask=None):
        """One step of a call with `use_causal_mask`, without dropout.

        Args:
            x: `(batch_size, 1, hidden_dim)`.
            cache: as `initial_cache` returns it.
            position: integer scalar tensor, the number of this step.
            attention_mask: optional `(length,)` booleans, True where this step
                may see another.

        Returns:
            Tensor like `x`, and the cache with this step in it.
        """
        x, cache = self._self_attention_step(x, cache, position, attention_mask)
        return self._fed_forward(x), cache

    def compute_output_shape(self, x_shape):
        return x_shape

    def compute_output_spec(
        self,
        x,
        padding_mask=None,
        attention_mask=None,
        use_causal_mask=False,
        return_attention_scores=False,
        training=False,
    ):
        outputs = keras.KerasTensor(x.shape, self.compute_dtype)
        if not return_attention_scores:
            return outputs
        rows, time, _ = x.shape
        shape = (rows, self.num_heads, time, time)
        return outputs, keras.KerasTensor(shape, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "activation": keras.activations.serialize(self.activation),
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
            "inner_dropout": self.inner_dropout,
            "stochastic_depth": self.stochastic_depth,
            "norm_first": self.norm_first,
            "norm_epsilon": self.norm_epsilon,
            "num_key_value_heads": self.num_key_value_heads,
            "use_bias": self.use_bias,
            "rotary": self.rotary,
            "attention_window": self.attention_window,
            "blockwise": self.blockwise,
        }

    def _padded(self, x, mask, name):
        """Inputs whose padding is finite, and which steps are none."""
        mask = implicit_mask(x) if mask is None else mask
        x = ops.cast(x, self.compute_dtype)
        mask = mask_of_positions(mask, x, (1,), name)
        return finite_padding(x, mask), mask

    def _attention(self, rotary, attention_window):
        return MultiHeadAttention(
            self.num_heads,
            num_key_value_heads=self.num_key_value_heads,
            use_bias=self.use_bias,
            rotary=rotary,
            attention_window=attention_window,
            dropout=self.attention_dropout,
            blockwise=self.blockwise,
            dtype=self.dtype_policy,
        )

    def _norm(self):
        return keras.layers.LayerNormalization(
            epsilon=self.norm_epsilon, dtype=self.dtype_policy
        )

    def _around(self, norm, sublayer, x, training=False):
        """A sublayer with its shortcut and its normalization."""

        def added(x):
            x = self.drop(sublayer(x), training=training)
            return self.skip(x, training=training)

        if self.norm_first:
            return x + added(norm(x))
        return norm(x + added(x))

    def _fed_forward(self, x, training=False):
        def feed_forward(x):
            return self.feed_forward(x, training=training)

        return self._around(self.feed_forward_norm, feed_forward, x, training)

    def _self_attention_step(self, x, cache, position, attention_mask=None):
        after = []

        def attention(x):
            x, new = self.self_attention.step(
                x, cache, position, attention_mask
            )
            after.append(new)
            return x

        return self._around(self.self_attention_norm, attention, x), after[0]
