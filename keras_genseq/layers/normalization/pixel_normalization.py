import keras
from keras import ops

from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class PixelNormalization(keras.layers.Layer):
    """Gives the channels of every pixel a mean square of 1.

        x / sqrt(mean(x^2) + epsilon)

    Of vectors, it is the whole vector. Nothing is learned, and no pixel
    depends on another one.

    Args:
        epsilon: float. Added to the mean square.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch_size, ..., channels)`.

    Returns:
        Tensor of the shape of `inputs`.

    References:
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196), section 4.2
    """

    def __init__(self, epsilon=1e-8, **kwargs):
        epsilon = check_numbers(epsilon=epsilon)
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.supports_masking = True

    def call(self, inputs):
        # Squares of float16 overflow, and lose an epsilon as small as this.
        x = ops.cast(inputs, "float32")
        squares = ops.mean(ops.square(x), axis=-1, keepdims=True)
        x = x * ops.rsqrt(squares + self.epsilon)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
