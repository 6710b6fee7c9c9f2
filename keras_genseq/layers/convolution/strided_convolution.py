"""Strided convolutions, and their choice of how they are computed."""

import keras
from keras import ops

from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.patches import prefers_patches
from keras_genseq.ops.patches import strided_conv
from keras_genseq.ops.patches import strided_conv_transpose

_IMPLEMENTATIONS = ("auto", "conv", "patches")


class StridedConvolution:
    """Lets a convolutional layer of Keras be computed as a product of patches.

    A subclass names this class first and Keras's layer second.

    Args:
        filters, kernel_size, strides, *args: passed to the layer of Keras.
        implementation: `"conv"` (TensorFlow's own kernels), `"patches"` (one
            product of matrices) or `"auto"` (the one that is faster where it
            is traced: patches on a CPU, for maps of up to 16 pixels and under
            XLA).
        **kwargs: passed to the layer of Keras.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        *args,
        implementation="auto",
        **kwargs,
    ):
        if implementation not in _IMPLEMENTATIONS:
            raise ValueError(
                f"`implementation` must be one of {_IMPLEMENTATIONS}. "
                f"Received: implementation={implementation!r}"
            )
        sizes = for_keras(
            {"filters": filters, "kernel_size": kernel_size, "strides": strides}
        )
        super().__init__(*sizes.values(), *args, **for_keras(kwargs))
        self.implementation = implementation

    def get_config(self):
        return {**super().get_config(), "implementation": self.implementation}

    def _uses_patches(self, small_size, fits):
        """Whether this call goes by patches.

        Args:
            small_size: (height, width) of the smaller of the two maps; None
                where unknown.
            fits: bool. Whether inputs and arguments allow for it, all that is
                not checked here.
        """
        fits = (
            fits
            and None not in small_size
            and self.padding == "same"
            and self.data_format == "channels_last"
            and self.dilation_rate == (1, 1)
            and all(
                size >= stride
                for size, stride in zip(
                    self.kernel_size, self.strides, strict=True
                )
            )
        )
        if self.implementation == "patches" and not fits:
            raise ValueError(
                'implementation="patches" needs channels last, padding="same", '
                "no dilation, groups or output padding, kernels no smaller "
                "than their strides, and sides that are known and that they "
                f"divide. Received: {self.get_config()}. Leave "
                '`implementation` at "auto".'
            )
        if self.implementation != "auto":
            return self.implementation == "patches"
        return (
            fits
            and max(self.strides) > 1
            and prefers_patches(small_size[0] * small_size[1])
        )


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
        inputs = ops.cast(inputs, self.compute_dtype)
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
        inputs = ops.cast(inputs, self.compute_dtype)
        fits = self.output_padding is None
        if not self._uses_patches(inputs.shape[1:3], fits):
            return super().call(inputs)
        outputs = strided_conv_transpose(inputs, self.kernel, self.strides)
        if self.use_bias:
            outputs = outputs + self.bias
        if self.activation is not None:
            outputs = self.activation(outputs)
        return outputs
