import keras
from keras import ops

from keras_genseq.ops.empty_batches import answers_no_rows
from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class WeightStandardizedConv2D(keras.layers.Conv2D):
    """2D convolution whose kernels have mean 0 and variance 1 in each filter.

    With group normalization it takes the place of batch normalization in
    residual networks, and no example depends on the others of its batch.

    Args:
        filters: int. Channels of the output.
        kernel_size: int, or pair of ints.
        epsilon: float. Added to the variance.
        **kwargs: passed to `keras.layers.Conv2D`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of shape `(batch_size, new_height, new_width, filters)`.

    References:
        - [Qiao et al., 2019](https://arxiv.org/abs/1903.10520)
    """

    def __init__(self, filters, kernel_size, *, epsilon=1e-5, **kwargs):
        epsilon = check_numbers(epsilon=epsilon)
        sizes = {"filters": filters, "kernel_size": kernel_size}
        super().__init__(**for_keras({**sizes, **kwargs}))
        self.epsilon = epsilon

    @answers_no_rows
    def convolution_op(self, inputs, kernel):
        kernel = ops.cast(kernel, "float32")
        mean = ops.mean(kernel, axis=(0, 1, 2), keepdims=True)
        variance = ops.var(kernel, axis=(0, 1, 2), keepdims=True)
        kernel = (kernel - mean) / ops.sqrt(variance + self.epsilon)
        inputs = ops.cast(inputs, self.compute_dtype)
        return super().convolution_op(inputs, ops.cast(kernel, inputs.dtype))

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
