import keras
from keras import ops

from keras_genseq.ops.values import check_flags
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class InstanceNormalization(keras.layers.Layer):
    """Gives every channel of every image mean 0 and variance 1.

    There are no moving statistics: an image is treated alike in training and
    afterwards, alone and in any batch. It computes what
    `keras.layers.GroupNormalization` does with a channel in each group, in
    fewer operations, which are traced in less time.

    Args:
        epsilon: float. Added to the variance.
        center: bool. Whether each channel learns an offset.
        scale: bool. Whether each channel learns a factor.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of the shape of `inputs`.

    References:
        - [Ulyanov et al., 2016](https://arxiv.org/abs/1607.08022)
    """

    def __init__(self, epsilon=1e-5, center=False, scale=False, **kwargs):
        epsilon = check_numbers(epsilon=epsilon)
        center, scale = check_flags(center=center, scale=scale)
        super().__init__(**kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale

    def build(self, input_shape):
        self.gamma = self.beta = None
        shape = (input_shape[-1],)
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer="ones",
                autocast=False,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer="zeros",
                autocast=False,
            )

    def call(self, inputs):
        # Squares of float16 overflow.
        x = ops.cast(inputs, "float32")
        x = x - ops.mean(x, axis=(1, 2), keepdims=True)
        variance = ops.mean(ops.square(x), axis=(1, 2), keepdims=True)
        x = x * ops.rsqrt(variance + self.epsilon)
        if self.scale:
            x = x * ops.cast(self.gamma, "float32")
        if self.center:
            x = x + ops.cast(self.beta, "float32")
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
        }
