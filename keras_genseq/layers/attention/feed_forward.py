import keras

from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.values import as_rate
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class FeedForward(keras.layers.Layer):
    """Two dense layers, applied to every position alike (Eq. 2 of the paper).

    activation(x W1 + b1) W2 + b2

    Args:
        intermediate_dim: int. Width between the two; the output is as wide as
            the input.
        activation: activation between the two.
        use_bias: bool.
        dropout: float. Part of the activations that training drops.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(..., hidden_dim)`.
        training: bool.

    Returns:
        Tensor like `x`.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), 3.3
    """

    def __init__(
        self,
        intermediate_dim,
        *,
        activation="relu",
        use_bias=True,
        dropout=0.0,
        **kwargs,
    ):
        intermediate_dim = check_counts(intermediate_dim=intermediate_dim)
        use_bias = check_flags(use_bias=use_bias)
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.dropout = dropout
        self.supports_masking = True

        self.inner = keras.layers.Dense(
            intermediate_dim,
            activation=self.activation,
            use_bias=use_bias,
            dtype=self.dtype_policy,
        )
        self.drop = keras.layers.Dropout(
            as_rate(dropout), dtype=self.dtype_policy
        )

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        self.outer = keras.layers.Dense(
            hidden_dim, use_bias=self.use_bias, dtype=self.dtype_policy
        )
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], self.intermediate_dim))
        self.built = True

    def call(self, x, training=False):
        x = self.drop(self.inner(x), training=training)
        return self.outer(x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "dropout": self.dropout,
        }
