import keras
from keras import ops

from keras_genseq.layers.attention.attention_core import AttentionCore
from keras_genseq.layers.attention.attention_masks import Masks
from keras_genseq.layers.attention.attention_masks import both
from keras_genseq.layers.attention.attention_masks import implicit_mask
from keras_genseq.layers.attention.attention_masks import mask_of_keys
from keras_genseq.layers.attention.attention_masks import mask_of_positions
from keras_genseq.layers.attention.attention_masks import mask_of_weights
from keras_genseq.layers.attention.attention_masks import set_implicit_mask
from keras_genseq.layers.attention.head_projections import check_same_rows
from keras_genseq.ops.attention import finite_padding
from keras_genseq.ops.attention_axes import as_attention_axes
from keras_genseq.ops.attention_axes import fold_axes
from keras_genseq.ops.attention_axes import scores_shape
from keras_genseq.ops.attention_axes import unfold_axes
from keras_genseq.ops.checks import as_counts
from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class MultiHeadAttention(AttentionCore):
    """Several attentions side by side, each with projections of its own.

    head_i = attention(query Q_i, key K_i, value V_i)
    output = concat(head_1, ..., head_h) O

    A drop-in for `keras.layers.MultiHeadAttention`: its arguments and calls,
    the masks that tensors carry included, and its weights in the same order
    and shapes, so that `set_weights(other.get_weights())` works both ways.
    `from_config` takes Keras's config, and `keras_config` goes back.

    Args:
        num_heads: int.
        key_dim: int. Width of a head's queries and keys; None shares the
            width of `query` out among the heads.
        value_dim: optional int. Width of a head's values; None takes
            `key_dim`.
        dropout: float. Part of the weights that training drops.
        use_bias: bool.
        output_shape: optional int or tuple of ints that take the place of the
            last axis of `query`; None takes its width.
        attention_axes: optional int or tuple of ints. Axes of the inputs that
            are attended over; None takes all between batch and features.
        sliding_window: optional int. A query sees only keys less than this
            many positions away.
        flash_attention: optional bool. True is `blockwise=True`: the same
            online softmax.
        kernel_initializer: initializer of the projections, as matrices.
        bias_initializer: initializer of the biases.
        kernel_regularizer, bias_regularizer, activity_regularizer: optional
            regularizers of the kernels, the biases and what each projection
            gives.
        kernel_constraint, bias_constraint: optional constraints.
        use_gate: bool. Whether the heads' outputs are multiplied by the
            logistic function of one more projection of `query`.
        seed: optional int. Of the dropout.
        num_key_value_heads: optional int, a divisor of `num_heads`. Heads of
            keys and values, each of which serves a group of query heads; None
            gives every head its own, 1 is multi-query attention.
        output_dim: optional int. Another name of `output_shape`.
        rotary: bool. Whether queries and keys are rotated by their positions.
        attention_window: optional int. Another name of `sliding_window`.
        blockwise: bool. Whether keys are processed block by block with an
            online softmax (FlashAttention): memory then grows with the length,
            not its square.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        query: `(batch_size, queries, query_width)`, or with more axes between.
        value: optional `(batch_size, keys, value_width)`; None takes `query`.
        key: optional `(batch_size, keys, key_width)`; None takes `value`.
        query_mask, value_mask, key_mask: optional booleans, one per position
            of each input, False where one does not count; None takes the mask
            that the tensor carries, such as that of
            `keras.layers.Embedding(..., mask_zero=True)`. The output carries
            that of `query`.
        attention_mask: optional booleans that broadcast to `(batch_size,
            queries, keys)` or `(batch_size, num_heads, queries, keys)`, True
            where a query may see a key.
        return_attention_scores: bool.
        training: bool.
        use_causal_mask: bool. Whether query i sees only keys up to i.
        padding_mask: optional `(batch_size, keys)` booleans, True where a key
            counts, in place of the masks that `value` and `key` carry.

    Returns:
        `(batch_size, queries, output_dim)`, zeros and the bias for queries that
        may see no key; with `return_attention_scores` also float32 weights
        `(batch_size, num_heads, queries, keys)`.

    Raises:
        ValueError: if heads do not divide, shapes do not fit, or what is asked
            for needs the weights that `blockwise` never holds.

    Example:

    ```python
    x = np.random.normal(size=(2, 6, 8)).astype("float32")
    layer = layers.MultiHeadAttention(num_heads=2, key_dim=4)
    y, scores = layer(x, x, return_attention_scores=True)
    theirs = keras.layers.MultiHeadAttention.from_config(layer.keras_config())
    theirs.build(x.shape, x.shape)
    theirs.set_weights(layer.get_weights())
    ```

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), 3.2
        - [Ainslie et al., 2023](https://arxiv.org/abs/2305.13245), grouped
        - [Qiu et al., 2025](https://arxiv.org/abs/2505.06708), `use_gate`
    """

    def __init__(
        self,
        num_heads,
        key_dim=None,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=None,
        sliding_window=None,
        flash_attention=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_gate=False,
        seed=None,
        *,
        num_key_value_heads=None,
        output_dim=None,
        rotary=False,
        attention_window=None,
        blockwise=False,
        **kwargs,
    ):
        num_heads = check_counts(num_heads=num_heads)
        given = {
            "key_dim": key_dim,
            "value_dim": value_dim,
            "sliding_window": sliding_window,
            "num_key_value_heads": num_key_value_heads,
            "output_dim": output_dim,
            "attention_window": attention_window,
        }
        sizes = {
            name: as_int(value, name, minimum=1, optional=True)
            for name, value in given.items()
        }
        if num_heads % (sizes["num_key_value_heads"] or 1):
            raise ValueError(
                "`num_key_value_heads` must divide `num_heads`. Received: "
                f"num_heads={num_heads}, "
                f"num_key_value_heads={num_key_value_heads}"
            )
        _check_one_name("output_shape", output_shape, "output_dim", output_dim)
        _check_one_name(
            "sliding_window",
            sliding_window,
            "attention_window",
            attention_window,
        )
        blockwise = check_flags(blockwise=blockwise)
        super().__init__(
            window=sizes["sliding_window"] or sizes["attention_window"],
            rotary=rotary,
            dropout=dropout,
            seed=seed,
            use_gate=use_gate,
            online_softmax=bool(blockwise or flash_attention),
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            projection_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.num_heads = num_heads
        for name, value in sizes.items():
            setattr(self, name, value)
        # A public `output_shape` would be taken for that of a Keras model.
        self._output_shape = _as_output_shape(output_shape)
        if isinstance(attention_axes, int):
            attention_axes = (attention_axes,)
        self.attention_axes = attention_axes and tuple(attention_axes)
        self.flash_attention = flash_attention
        self.blockwise = blockwise
        self.supports_masking = True

    def build(self, query_shape, value_shape=None, key_shape=None):
        value_shape = value_shape or query_shape
        _check_same_positions(value_shape, key_shape)
        width, value_width = query_shape[-1], value_shape[-1]
        key_width = key_shape[-1] if key_shape else value_width
        if self.key_dim is None and width % self.num_heads:
            raise ValueError(
                f"{self.num_heads} heads cannot share a width of {width}: it "
                "must be a multiple of `num_heads`. Choose another, or say "
                "`key_dim`."
            )
        heads = self.num_heads
        shared_heads = self.num_key_value_heads or heads
        key_dim = self.key_dim or width // heads
        value_dim = self.value_dim or key_dim
        self.add_projection("query", (width,), (heads, key_dim))
        self.add_projection("key", (key_width,), (shared_heads, key_dim))
        if self.use_gate:
            self.add_projection("gate", (width,), (heads, value_dim))
        self.add_projection("value", (value_width,), (shared_heads, value_dim))
        self.add_projection("output", (heads, value_dim), self._outputs(width))
        self.built = True

    def call(
        self,
        query,
        value=None,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=False,
        use_causal_mask=False,
        padding_mask=None,
    ):
        use_causal_mask, return_attention_scores = check_flags(
            use_causal_mask=use_causal_mask,
            return_attention_scores=return_attention_scores,
        )
        is_self = key is None and (value is None or value is query)
        value = query if value is None else value
        _check_same_positions(value.shape, None if key is None else key.shape)
        check_same_rows(query, value, value if key is None else key)
        axes = as_attention_axes(self.attention_axes, len(query.shape))
        shape = scores_shape(
            ops.shape(query), ops.shape(value), self.num_heads, axes
        )
        if query_mask is None:
            query_mask = implicit_mask(query)
        masks = Masks(
            mask_of_positions(query_mask, query, axes, "query_mask"),
            mask_of_keys(value, key, value_mask, key_mask, padding_mask, axes),
            mask_of_weights(attention_mask, shape, len(axes)),
        )
        # (B, ..., F) to (B, T, F)
        x = fold_axes(query, axes)
        if is_self:
            x = finite_padding(x, both(masks.query, masks.key))
            queries, *keys_values = self._project_all(x)
        else:
            x = finite_padding(x, masks.query)
            queries = self._query_heads(x)
            keys_values = self.project(
                *(
                    finite_padding(fold_axes(part, axes), masks.key)
                    for part in (value, key)
                    if part is not None
                )
            )
        x, scores = self.attend_heads(
            x,
            queries,
            keys_values,
            masks,
            use_causal_mask=use_causal_mask,
            return_attention_scores=return_attention_scores,
            training=training,
        )
        positions = ops.shape(query)[:-1]
        outputs = self._outputs(query.shape[-1])
        x = unfold_axes(x, axes, positions)
        if len(outputs) > 1:
            x = ops.reshape(x, (*positions, *outputs))
        set_implicit_mask(x, query_mask)
        if return_attention_scores:
            is_folded = len(query.shape) > 3
            return x, ops.reshape(scores, shape) if is_folded else scores
        return x

    def compute_output_shape(
        self, query_shape, value_shape=None, key_shape=None
    ):
        _check_same_positions(value_shape or query_shape, key_shape)
        return (*query_shape[:-1], *self._outputs(query_shape[-1]))

    def compute_output_spec(
        self,
        query,
        value=None,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=False,
        use_causal_mask=False,
        padding_mask=None,
    ):
        self.check_weights_exist(attention_mask, return_attention_scores)
        value = query if value is None else value
        axes = as_attention_axes(self.attention_axes, len(query.shape))
        shape = self.compute_output_shape(
            query.shape, value.shape, None if key is None else key.shape
        )
        weights = scores_shape(query.shape, value.shape, self.num_heads, axes)
        mask_of_positions(query_mask, query, axes, "query_mask")
        mask_of_keys(value, key, value_mask, key_mask, padding_mask, axes)
        mask_of_weights(attention_mask, weights, len(axes))
        x = keras.KerasTensor(shape, self.compute_dtype)
        set_implicit_mask(x, query_mask)
        if return_attention_scores:
            return x, keras.KerasTensor(weights, "float32")
        return x

    def get_config(self):
        regularizer = keras.regularizers.serialize(self.projection_regularizer)
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_shape": self._output_shape,
            "attention_axes": self.attention_axes,
            "sliding_window": self.sliding_window,
            "flash_attention": self.flash_attention,
            "activity_regularizer": regularizer,
            "num_key_value_heads": self.num_key_value_heads,
            "output_dim": self.output_dim,
            "attention_window": self.attention_window,
            "blockwise": self.blockwise,
        }

    def keras_config(self):
        """Config of an equal `keras.layers.MultiHeadAttention`.

        Returns:
            dict for `keras.layers.MultiHeadAttention.from_config`; the weights
            go over by `set_weights(layer.get_weights())`.

        Raises:
            ValueError: if that layer has no equal: with `rotary`, with
                `num_key_value_heads`, or without `key_dim`.
        """
        config = self.get_config()
        own = [config.pop(name) for name in ("rotary", "num_key_value_heads")]
        if any(own) or self.key_dim is None:
            raise ValueError(
                "`keras.layers.MultiHeadAttention` has no `rotary`, no "
                "`num_key_value_heads`, and needs a `key_dim`. Received: "
                f"rotary={self.rotary}, num_key_value_heads="
                f"{self.num_key_value_heads}, key_dim={self.key_dim}"
            )
        del config["blockwise"], config["flash_attention"]
        output_dim = config.pop("output_dim")
        config["output_shape"] = self._output_shape or output_dim
        window = config.pop("attention_window")
        config["sliding_window"] = self.sliding_window or window
        return config

    def _outputs(self, width):
        """Axes of the outputs that take the place of the last of `query`."""
        return self._output_shape or (self.output_dim or width,)


def _as_output_shape(output_shape):
    if output_shape is None:
        return None
    is_one = not isinstance(output_shape, (tuple, list))
    sizes = (output_shape,) if is_one else tuple(output_shape)
    try:
        return as_counts(sizes, "output_shape")
    except ValueError as error:
        raise ValueError(
            "Invalid `output_shape`: it must be a positive int or a tuple of "
            f"them. Received: output_shape={output_shape!r}"
        ) from error


def _check_one_name(name, value, other, other_value):
    if value is not None and other_value is not None:
        raise ValueError(
            f"`{other}` is another name of `{name}`: give one of them. "
            f"Received: {name}={value}, {other}={other_value}"
        )


def _check_same_positions(value_shape, key_shape):
    """Refuses keys that do not belong to the values one by one."""
    if key_shape is None:
        return
    value_shape, key_shape = tuple(value_shape), tuple(key_shape)
    same = len(value_shape) == len(key_shape) and all(
        None in (a, b) or a == b
        for a, b in zip(value_shape[1:-1], key_shape[1:-1], strict=True)
    )
    if not same:
        raise ValueError(
            "All dimensions of `value` and `key`, except the last one, must be "
            f"equal. Received: value_shape={value_shape}, "
            f"key_shape={key_shape}"
        )
