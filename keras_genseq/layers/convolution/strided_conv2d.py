import keras

from keras_genseq.layers.convolution.strided_convolution import (
    StridedConvolution,
)
from keras_genseq.ops.patches import strided_conv


@keras.saving.register_keras_serializable(package="keras_genseq")
class StridedConv2D(StridedConvolution, keras.layers.Conv2D):
    """2D convolution that shrinks its maps, fast on a CPU, too.

    A drop-in for `keras.layers.Conv2D`: the same weights, arguments, defaults
    and results. On a GPU or a TPU it is that layer. On a CPU, XLA turns the
    gradients of strided convolutions into loops over single numbers, and
    TensorFlow's kernels are slow for maps of few pixels: there this layer,
    or its gradients alone, are products of matrices.

    Args:
        *args: passed to `keras.layers.Conv2D`.
        implementation: `"conv"` (TensorFlow's own kernels), `"patches"` (one
            product) or `"auto"`: the faster one where it is traced, patches
            on a CPU, for outputs of up to 16 pixels and under XLA. A graph
            without gradients, such as an exported one, holds a plain
            convolution.
        **kwargs: passed to `keras.layers.Conv2D`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of shape `(batch_size, new_height, new_width, filters)`.

    Raises:
        ValueError: if `implementation` is not listed here, or is `"patches"`
            for inputs or arguments that it cannot serve.
    """

    def convolution_op(self, inputs, kernel):
        size, strides = inputs.shape[1:3], self.strides
        fits = (
            self.groups == 1
            and None not in size
            and not any(n % s for n, s in zip(size, strides, strict=True))
        )
        small_size = [n and n // s for n, s in zip(size, strides, strict=True)]
        if self._uses_patches(small_size, fits):
            return strided_conv(inputs, kernel, strides)
        return super().convolution_op(inputs, kernel)
