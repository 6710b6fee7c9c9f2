import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_genseq")
class ClassToken(keras.layers.Layer):
    """Puts one learned vector before the tokens of every example.

    What attention gathers in its place stands for the whole.

    Args:
        initializer: initializer of the vector.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(batch_size, time, hidden_dim)`. A Keras mask goes on: the new token
            counts.

    Returns:
        `(batch_size, 1 + time, hidden_dim)`.

    References:
        - [Dosovitskiy et al., 2021](https://arxiv.org/abs/2010.11929), Eq. 1
    """

    def __init__(self, *, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, input_shape):
        self.token = self.add_weight(
            name="token",
            shape=(input_shape[-1],),
            initializer=self.initializer,
        )
        self.built = True

    def call(self, x):
        x = ops.cast(x, self.compute_dtype)
        token = ops.cast(self.token, x.dtype)[None, None, :]
        tokens = ops.repeat(token, ops.shape(x)[0], axis=0)
        return ops.concatenate([tokens, x], axis=1)

    def compute_mask(self, x, mask=None):
        if mask is None:
            return None
        return ops.pad(
            ops.cast(mask, "bool"), [[0, 0], [1, 0]], constant_values=True
        )

    def compute_output_shape(self, input_shape):
        batch_size, time, hidden_dim = input_shape
        return (batch_size, None if time is None else time + 1, hidden_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "initializer": keras.initializers.serialize(self.initializer),
        }
