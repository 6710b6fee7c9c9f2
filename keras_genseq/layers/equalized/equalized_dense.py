import keras
from keras import ops

from keras_genseq.layers.equalized.equalized_rate import GAIN
from keras_genseq.layers.equalized.equalized_rate import scaled
from keras_genseq.layers.equalized.equalized_rate import unit_normal
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.values import check_numbers


@keras.saving.register_keras_serializable(package="keras_genseq")
class EqualizedDense(keras.layers.Dense):
    """Dense layer whose weights all learn at one rate, whatever its width.

    Its kernel begins with deviation 1 and is multiplied by
    `gain / sqrt(fan_in)` in every call. Optimizers such as Adam move a weight
    by the learning rate, whatever the size of its gradients: so that all
    kernels change by the same share of their range.

    Args:
        units: int. Width of the output.
        gain: float. The square root of 2 keeps the variance of what ReLU
            halves; 1 is for a last layer.
        **kwargs: passed to `keras.layers.Dense`.

    Call arguments:
        inputs: `(..., input_dim)`.

    Returns:
        Tensor of shape `(..., units)`.

    References:
        - [Karras et al., 2018](https://arxiv.org/abs/1710.10196), section 4.1
    """

    def __init__(self, units, *, gain=GAIN, **kwargs):
        units, gain = check_counts(units=units), check_numbers(gain=gain)
        kwargs.setdefault("kernel_initializer", unit_normal())
        super().__init__(units, **for_keras(kwargs))
        self.gain = gain

    def call(self, inputs):
        kernel = ops.convert_to_tensor(self.kernel)
        x = ops.matmul(inputs, scaled(kernel, self.gain))
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}
