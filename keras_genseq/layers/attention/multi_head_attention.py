import itertools
import math

import keras
import tensorflow as tf
from keras import ops

from keras_genseq.layers.embedding.rotary_embedding import RotaryEmbedding
from keras_genseq.ops.attention import causal_mask
from keras_genseq.ops.attention import dot_product_attention
from keras_genseq.ops.blockwise_attention import blockwise_attention
from keras_genseq.ops.checks import check_counts


@keras.saving.register_keras_serializable(package="keras_genseq")
class MultiHeadAttention(keras.layers.Layer):
    """Several attentions side by side, each with projections of its own.

    head_i = attention(query Q_i, key K_i, value V_i)
    output = concat(head_1, ..., head_h) O

    Weights are those of `keras.layers.MultiHeadAttention`, in the same order
    and shapes: `set_weights(other.get_weights())` works both ways.

    Args:
        num_heads: int.
        key_dim: int. Width of a head's queries and keys; None shares the
            width of `query` out among the heads.
        value_dim: optional int. Width of a head's values; None takes
            `key_dim`.
        num_key_value_heads: optional int, a divisor of `num_heads`. Heads of
            keys and values, each of which serves a group of query heads; None
            gives every head its own, 1 is multi-query attention.
        output_dim: optional int; None takes the width of `query`.
        use_bias: bool.
        rotary: bool. Whether queries and keys are turned by their positions.
        attention_window: optional int. Under a causal mask a query sees this
            many keys at most, the last ones, its own included.
        dropout: float. Part of the weights that training drops.
        blockwise: bool. Whether keys are worked off block by block: memory
            then grows with the length, not its square.
        kernel_initializer: initializer of the projections, as matrices.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        query: `(batch_size, queries, query_width)`.
        value: optional `(batch_size, keys, value_width)`; None takes `query`.
        key: optional `(batch_size, keys, key_width)`; None takes `value`.
        padding_mask: optional `(batch_size, keys)` booleans, True where a key
            counts.
        attention_mask: optional booleans that broadcast to `(batch_size,
            queries, keys)`, True where a query may see a key.
        use_causal_mask: bool. Whether query i sees only keys up to i.
        return_attention_scores: bool.
        training: bool.

    Returns:
        `(batch_size, queries, output_dim)`, zeros and the bias for queries that
        may see no key; with `return_attention_scores` also float32 weights
        `(batch_size, num_heads, queries, keys)`.

    Raises:
        ValueError: if heads do not divide, or what is asked for needs the
            weights that `blockwise` never holds.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), 3.2
        - [Ainslie et al., 2023](https://arxiv.org/abs/2305.13245), grouped
    """

    def __init__(
        self,
        num_heads,
        key_dim=None,
        *,
        value_dim=None,
        num_key_value_heads=None,
        output_dim=None,
        use_bias=True,
        rotary=False,
        attention_window=None,
        dropout=0.0,
        blockwise=False,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        given = {
            "num_heads": num_heads,
            "key_dim": key_dim,
            "value_dim": value_dim,
            "num_key_value_heads": num_key_value_heads,
            "output_dim": output_dim,
            "attention_window": attention_window,
        }
        check_counts(**{k: v for k, v in given.items() if v is not None})
        if num_heads % (num_key_value_heads or 1):
            raise ValueError(
                "`num_key_value_heads` must divide `num_heads`. Received: "
                f"num_heads={num_heads}, "
                f"num_key_value_heads={num_key_value_heads}"
            )
        if blockwise and dropout:
            raise ValueError(
                "Blockwise attention never holds its weights and cannot drop "
                "any: set `dropout=0`, or drop its outputs instead. Received: "
                f"dropout={dropout}"
            )
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.num_key_value_heads = num_key_value_heads
        self.output_dim = output_dim
        self.use_bias = use_bias
        self.rotary = rotary
        self.attention_window = attention_window
        self.dropout = dropout
        self.blockwise = blockwise
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        self.drop = keras.layers.Dropout(dropout, dtype="float32")
        self.turn = RotaryEmbedding(dtype=self.dtype_policy) if rotary else None

    def build(self, query_shape, value_shape=None, key_shape=None):
        width = query_shape[-1]
        value_width = (value_shape or query_shape)[-1]
        key_width = key_shape[-1] if key_shape else value_width
        if self.key_dim is None and width % self.num_heads:
            raise ValueError(
                f"{self.num_heads} heads cannot share a width of {width}: it "
                "must be a multiple of `num_heads`. Choose another, or say "
                "`key_dim`."
            )
        key_dim = self.key_dim or width // self.num_heads
        value_dim = self.value_dim or key_dim
        shared_heads = self.num_key_value_heads or self.num_heads
        self._head_dims = (shared_heads, key_dim, value_dim)
        self._add_projection("query", (width,), (self.num_heads, key_dim))
        self._add_projection("key", (key_width,), (shared_heads, key_dim))
        self._add_projection("value", (value_width,), (shared_heads, value_dim))
        self._add_projection(
            "output", (self.num_heads, value_dim), (self.output_dim or width,)
        )
        self.built = True

    def call(
        self,
        query,
        value=None,
        key=None,
        padding_mask=None,
        attention_mask=None,
        use_causal_mask=False,
        return_attention_scores=False,
        training=False,
    ):
        options = dict(
            padding_mask=padding_mask,
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
            return_attention_scores=return_attention_scores,
            training=training,
        )
        if value is None and key is None:
            queries, *keys_values = self._project_all(query)
            return self._attend(queries, keys_values, **options)
        value = query if value is None else value
        return self.attend(query, self.project(value, key), **options)

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
        (keys,) = self._to_heads(("key",), value if key is None else key)
        (values,) = self._to_heads(("value",), value)
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
                return_attention_scores, training: as in a call.

        Returns:
            As from a call.
        """
        (queries,) = self._to_heads(("query",), query)
        return self._attend(
            self._turned(queries, start),
            keys_values,
            padding_mask=padding_mask,
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
            return_attention_scores=return_attention_scores,
            training=training,
        )

    def _attend(
        self,
        queries,
        keys_values,
        padding_mask=None,
        attention_mask=None,
        use_causal_mask=False,
        return_attention_scores=False,
        training=False,
    ):
        """`attend`, from the heads of its queries on."""
        if not self.blockwise:
            x, scores = dot_product_attention(
                queries,
                *keys_values,
                _joined(padding_mask, attention_mask),
                use_causal_mask=use_causal_mask,
                window=self.attention_window,
                drop=self._drop if training and self.dropout else None,
            )
            x = self._from_heads(x)
            return (x, scores) if return_attention_scores else x
        if attention_mask is not None or return_attention_scores:
            raise ValueError(
                "Blockwise attention takes a `padding_mask` and "
                "`use_causal_mask`; for an `attention_mask`, or to return "
                "attention scores, set `blockwise=False`."
            )
        x = blockwise_attention(
            queries,
            *keys_values,
            padding_mask,
            use_causal_mask=use_causal_mask,
            window=self.attention_window,
        )
        return self._from_heads(x)

    def initial_cache(self, batch_size, length):
        """Room for the keys and values of `length` steps."""
        heads, key_dim, value_dim = self._head_dims
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
        x = self._attend(queries, keys_values, use_causal_mask=True)
        return x, cache

    def step(self, x, cache, position):
        """One step of causal self-attention, without dropout.

        Args:
            x: `(batch_size, 1, query_width)`.
            cache: keys and values of the steps before, as `initial_cache`
                returns them.
            position: integer scalar tensor, the number of this step.

        Returns:
            `(batch_size, 1, output_dim)`, and the cache with this step in it.
        """
        slots = ops.arange(ops.shape(cache[0])[2])
        is_here = (slots == position)[None, None, :, None]
        queries, *new = self._project_all(x, start=position)
        cache = tuple(
            ops.where(is_here, ops.cast(n, c.dtype), c)
            for n, c in zip(new, cache, strict=True)
        )
        seen = causal_mask(position, slots, self.attention_window)
        x, _ = dot_product_attention(queries, *cache, seen)
        return self._from_heads(x), cache

    def compute_output_shape(
        self, query_shape, value_shape=None, key_shape=None
    ):
        return (*query_shape[:-1], self.output_dim or query_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "num_key_value_heads": self.num_key_value_heads,
            "output_dim": self.output_dim,
            "use_bias": self.use_bias,
            "rotary": self.rotary,
            "attention_window": self.attention_window,
            "dropout": self.dropout,
            "blockwise": self.blockwise,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def _add_projection(self, name, inputs, outputs):
        """Adds `name_kernel` and `name_bias`."""
        matrix = (math.prod(inputs), math.prod(outputs))

        # On the whole shape Keras would count fans as those of a convolution.
        def initializer(shape, dtype):
            return ops.reshape(self.kernel_initializer(matrix, dtype), shape)

        kernel = self.add_weight(
            name=f"{name}_kernel",
            shape=(*inputs, *outputs),
            initializer=initializer,
        )
        setattr(self, f"{name}_kernel", kernel)
        if self.use_bias:
            bias = self.add_weight(
                name=f"{name}_bias", shape=outputs, initializer="zeros"
            )
            setattr(self, f"{name}_bias", bias)

    def _project_all(self, x, start=0):
        """Queries, keys and values of the same inputs, by one product."""
        heads = self._to_heads(("query", "key", "value"), x)
        queries, keys, values = heads
        return self._turned(queries, start), self._turned(keys, start), values

    def _turned(self, heads, start):
        return self.turn(heads, start=start) if self.rotary else heads

    def _product(self, names, x, width):
        """`x` times kernels side by side, as one product of matrices."""

        def joined(kind, shape):
            parts = [getattr(self, f"{name}_{kind}") for name in names]
            parts = [ops.reshape(ops.cast(p, x.dtype), shape) for p in parts]
            return ops.concatenate(parts, axis=-1) if parts[1:] else parts[0]

        x = ops.matmul(x, joined("kernel", (width, -1)))
        return x + joined("bias", (-1,)) if self.use_bias else x

    def _to_heads(self, names, x):
        """`(batch_size, heads, time, dim)` for each name."""
        shapes = [getattr(self, f"{name}_kernel").shape[1:] for name in names]
        sizes = [math.prod(shape) for shape in shapes]
        products = self._product(names, x, x.shape[-1])
        ends = list(itertools.accumulate(sizes))[:-1]
        parts = ops.split(products, ends, axis=-1) if ends else [products]
        rows, time = ops.shape(x)[:2]
        return [
            ops.transpose(ops.reshape(p, (rows, time, *shape)), (0, 2, 1, 3))
            for p, shape in zip(parts, shapes, strict=True)
        ]

    def _from_heads(self, x):
        heads, dim, _ = self.output_kernel.shape
        x = ops.transpose(x, (0, 2, 1, 3))  # (B, T, H, D)
        x = ops.reshape(x, (*ops.shape(x)[:2], heads * dim))
        return self._product(("output",), x, heads * dim)

    def _drop(self, weights):
        return self.drop(weights, training=True)


def _joined(padding_mask, attention_mask):
    """One mask that broadcasts to `(batch_size, num_heads, queries, keys)`."""
    mask = None
    if attention_mask is not None:
        mask = ops.cast(attention_mask, "bool")
        if len(mask.shape) == 3:
            mask = mask[:, None]
    if padding_mask is not None:
        keys = ops.cast(padding_mask, "bool")[:, None, None, :]
        mask = keys if mask is None else mask & keys
    return mask
