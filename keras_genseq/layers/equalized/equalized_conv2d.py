import keras
from keras import ops

from keras_genseq.layers.equalized.equalized_rate import GAIN
from keras_genseq.layers.equalized.equalized_rate import scaled
from keras_genseq.layers.equalized.equalized_rate import unit_normal
from keras_genseq.ops.empty_batches import answers_no_rows
from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class EqualizedConv2D(keras.layers.Conv2D):
    """2D convolution whose weights all learn at one rate: `EqualizedDense`.

    Args:
        filters: int. Channels of the output.
        kernel_size: int, or pair of ints.
        gain: float. As for `EqualizedDense`; the fan-in is that of a pixel.
        padding: as for `keras.layers.Conv2D`.
        **kwargs: passed to `keras.layers.Conv2D`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of shape `(batch_size, new_height, new_width, filters)`.

    References:
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196), section 4.1
    """

    def __init__(
        self, filters, kernel_size, *, gain=GAIN, padding="same", **kwargs
    ):
        gain = check_numbers(gain=gain)
        kwargs.setdefault("kernel_initializer", unit_normal())
        sizes = {"filters": filters, "kernel_size": kernel_size}
        super().__init__(**for_keras({**sizes, "padding": padding, **kwargs}))
        self.gain = gain

    @answers_no_rows
    def convolution_op(self, inputs, kernel):
        inputs = ops.cast(inputs, self.compute_dtype)
        return super().convolution_op(inputs, scaled(kernel, self.gain))

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}
