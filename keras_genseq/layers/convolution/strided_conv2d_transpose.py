import keras

from keras_genseq.layers.convolution.strided_convolution import (
    StridedConvolution,
)
from keras_genseq.ops.patches import strided_conv_transpose


@keras.saving.register_keras_serializable(package="keras_genseq")
class StridedConv2DTranspose(StridedConvolution, keras.layers.Conv2DTranspose):
    """Transposed 2D convolution that enlarges its maps, fast on a CPU, too.

    A drop-in for `keras.layers.Conv2DTranspose`: the same weights, arguments,
    defaults and results. It is to that layer what `StridedConv2D` is to
    `keras.layers.Conv2D`.

    Args:
        *args: passed to `keras.layers.Conv2DTranspose`.
        implementation: `"conv"` (TensorFlow's own kernels), `"patches"` (one
            product) or `"auto"`: the faster one where it is traced, patches
            on a CPU, for inputs of up to 16 pixels and under XLA. A graph
            without gradients, such as an exported one, holds a plain
            convolution.
        **kwargs: passed to `keras.layers.Conv2DTranspose`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of shape `(batch_size, new_height, new_width, filters)`.

    Raises:
        ValueError: if `implementation` is not listed here, or is `"patches"`
            for inputs or arguments that it cannot serve.
    """

    def call(self, inputs):
        fits = self.output_padding is None
        if not self._uses_patches(inputs.shape[1:3], fits):
            return super().call(inputs)
        outputs = strided_conv_transpose(inputs, self.kernel, self.strides)
        if self.use_bias:
            outputs = outputs + self.bias
        if self.activation is not None:
            outputs = self.activation(outputs)
        return outputs
