"""Attention of heads to heads: all queries together, or one step at a time."""

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.layers.attention.attention_masks import Masks
from keras_genseq.layers.attention.attention_masks import mask_of_positions
from keras_genseq.layers.attention.attention_masks import mask_of_weights
from keras_genseq.layers.attention.head_projections import HeadProjections
from keras_genseq.layers.attention.head_projections import check_same_rows
from keras_genseq.layers.embedding.rotary_embedding import RotaryEmbedding
from keras_genseq.ops.attention import dot_product_attention
from keras_genseq.ops.attention import position_mask
from keras_genseq.ops.blockwise_attention import blockwise_attention
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.values import as_rate
from keras_genseq.ops.values import check_flags


class AttentionCore(HeadProjections):
    """Attention over the one axis between batch and features.

    `MultiHeadAttention` adds the weights, further axes, and the masks that
    tensors carry.

    Args:
        window: optional int. A query sees only keys less than this many
            positions away.
        rotary: bool. Whether queries and keys are rotated by their positions.
        dropout: float. Part of the weights that training drops.
        seed: optional int. Of the dropout.
        use_gate: bool. Whether a projection `gate` multiplies the outputs.
        online_softmax: bool. Whether keys are processed block by block.
        **kwargs: passed to `HeadProjections`.
    """

    def __init__(
        self,
        *,
        window,
        rotary,
        dropout,
        seed,
        use_gate,
        online_softmax,
        **kwargs,
    ):
        if online_softmax and dropout:
            raise ValueError(
                "Blockwise attention never holds its weights and cannot drop "
                "any: set `dropout=0`, or drop its outputs instead. Received: "
                f"dropout={dropout}"
            )
        seed = as_int(seed, "seed", optional=True)
        rotary, use_gate = check_flags(rotary=rotary, use_gate=use_gate)
        super().__init__(**kwargs)
        self.rotary = rotary
        self.dropout = dropout
        self.seed = seed
        self.use_gate = use_gate
        self._sliding_window = window
        self._online_softmax = online_softmax
        self.drop = keras.layers.Dropout(
            as_rate(dropout), seed=seed, dtype="float32"
        )
        self.turn = RotaryEmbedding(dtype=self.dtype_policy) if rotary else None

    def project(self, value, key=None, start=0):
        """Keys and values, to be attended to any number of times.

        Args:
            value: `(batch_size, keys, value_width)`.
            key: optional `(batch_size, keys, key_width)`.
            start: position of the first one, where `rotary`.

        Returns:
            Tensors `(batch_size, num_key_value_heads, keys, key_dim)` and
            `(batch_size, num_key_value_heads, keys, value_dim)`.
        """
        (keys,) = self.to_heads(("key",), value if key is None else key)
        (values,) = self.to_heads(("value",), value)
        return self._turned(keys, start), values

    def attend(
        self,
        query,
        keys_values,
        start=0,
        padding_mask=None,
        attention_mask=None,
        use_causal_mask=False,
        return_attention_scores=False,
        training=False,
    ):
        """Attends to keys and values that `project` gave.

        Args:
            query: `(batch_size, queries, query_width)`.
            keys_values: what `project` gave.
            start: position of the first query, where `rotary`.
            padding_mask, attention_mask, use_causal_mask,
                return_attention_scores, training: as in a call. No masks are
                read but those that are given.

        Returns:
            As from a call.
        """
        check_same_rows(query, *keys_values)
        keys = keys_values[0][:, 0]
        rows, time = ops.shape(query)[:2]
        shape = (rows, self.num_heads, time, ops.shape(keys)[1])
        masks = Masks(
            key=mask_of_positions(padding_mask, keys, (1,), "padding_mask"),
            attention=mask_of_weights(attention_mask, shape, 1),
        )
        x, scores = self.attend_heads(
            query,
            self._query_heads(query, start),
            keys_values,
            masks,
            use_causal_mask=use_causal_mask,
            return_attention_scores=return_attention_scores,
            training=training,
        )
        return (x, scores) if return_attention_scores else x

    def attend_heads(
        self,
        query,
        queries,
        keys_values,
        masks=None,
        *,
        use_causal_mask=False,
        return_attention_scores=False,
        training=False,
    ):
        """Attends, once the heads are known.

        Args:
            query: `(batch_size, queries, query_width)`.
            queries: heads of them.
            keys_values: what `project` gave.
            masks: optional `Masks`.
            use_causal_mask, return_attention_scores, training: as in a call.

        Returns:
            Outputs, and weights `(batch_size, num_heads, queries, keys)`, which
            are None with an online softmax.
        """
        masks = Masks() if masks is None else masks
        if not self._online_softmax:
            heads, scores = dot_product_attention(
                queries,
                *keys_values,
                masks.joined(),
                use_causal_mask=use_causal_mask,
                window=self._sliding_window,
                drop=self._drop if training and self.dropout else None,
            )
            return self._outputs_of(heads, query), scores
        self.check_weights_exist(masks.attention, return_attention_scores)
        heads = blockwise_attention(
            queries,
            *keys_values,
            masks.key,
            use_causal_mask=use_causal_mask,
            window=self._sliding_window,
        )
        if masks.query is not None:
            counts = ops.cast(masks.query, heads.dtype)
            heads = heads * counts[:, None, :, None]
        return self._outputs_of(heads, query), None

    def check_weights_exist(self, attention_mask, return_attention_scores):
        """Refuses what needs weights that an online softmax never holds.

        Raises:
            ValueError: if there is an `attention_mask`, or the weights are
                asked for.
        """
        wanted = attention_mask is not None or return_attention_scores
        if self._online_softmax and wanted:
            raise ValueError(
                "Blockwise attention takes a `padding_mask` and "
                "`use_causal_mask`; for an `attention_mask`, or to return "
                "attention scores, set `blockwise=False`."
            )

    def initial_cache(self, batch_size, length):
        """Room for the keys and values of `length` steps."""
        heads, value_dim = self.value_kernel.shape[1:]
        key_dim = self.key_kernel.shape[-1]
        return tuple(
            ops.zeros((batch_size, heads, length, width), self.compute_dtype)
            for width in (key_dim, value_dim)
        )

    def read(self, x, length):
        """Causal self-attention, without dropout, and its keys and values.

        Args:
            x: `(batch_size, time, query_width)`.
            length: int or integer tensor, at least `time`.

        Returns:
            `(batch_size, time, output_dim)`, and a cache with room for `length`
            steps, as `time` calls of `step` leave it.
        """
        queries, *keys_values = self._project_all(x)
        room = [[0, 0], [0, 0], [0, length - ops.shape(x)[1]], [0, 0]]
        cache = tuple(tf.pad(values, room) for values in keys_values)
        x, _ = self.attend_heads(x, queries, keys_values, use_causal_mask=True)
        return x, cache

    def step(self, x, cache, position, attention_mask=None):
        """One step of causal self-attention, without dropout.

        Args:
            x: `(batch_size, 1, query_width)`.
            cache: keys and values of the steps before, as `initial_cache`
                returns them.
            position: integer scalar tensor, the number of this step.
            attention_mask: optional `(length,)` booleans, True where this step
                may see a step of the cache.

        Returns:
            `(batch_size, 1, output_dim)`, and the cache with this step in it.
        """
        slots = ops.arange(ops.shape(cache[0])[2], dtype="int32")
        is_here = (slots == position)[None, None, :, None]
        queries, *new = self._project_all(x, start=position)
        cache = tuple(
            ops.where(is_here, ops.cast(n, c.dtype), c)
            for n, c in zip(new, cache, strict=True)
        )
        seen = position_mask(position, slots, True, self._sliding_window)
        if attention_mask is not None:
            seen = seen & attention_mask
        heads, _ = dot_product_attention(queries, *cache, seen)
        return self._outputs_of(heads, x), cache

    def get_config(self):
        return {
            **super().get_config(),
            "rotary": self.rotary,
            "dropout": self.dropout,
            "seed": self.seed,
            "use_gate": self.use_gate,
        }

    def _project_all(self, x, start=0):
        """Queries, keys and values of the same inputs, by one product."""
        heads = self.to_heads(("query", "key", "value"), x)
        queries, keys, values = heads
        return self._turned(queries, start), self._turned(keys, start), values

    def _query_heads(self, query, start=0):
        (queries,) = self.to_heads(("query",), query)
        return self._turned(queries, start)

    def _turned(self, heads, start):
        return self.turn(heads, start=start) if self.rotary else heads

    def _outputs_of(self, heads, query):
        if self.use_gate:
            (gate,) = self.to_heads(("gate",), query)
            heads = heads * ops.sigmoid(gate)
        return self.from_heads(heads)

    def _drop(self, weights):
        return self.drop(weights, training=True)
