import keras
import numpy as np
from keras import ops

from keras_genseq.ops.checks import as_int
from keras_genseq.ops.checks import check_counts
from keras_genseq.ops.layer_arguments import for_keras
from keras_genseq.ops.masks import connections
from keras_genseq.ops.values import check_flags


@keras.saving.register_keras_serializable(package="keras_genseq")
class MaskedDense(keras.layers.Dense):
    """Dense layer of units with degrees: each listens to lower ones alone.

    A unit of degree m may depend on the first m dimensions of the input, in
    some ordering; a kernel multiplied by the mask of the degrees sees to it.
    Stacked, these layers make an autoregressive network.

    Args:
        units: int. Units of the output.
        input_degrees: sequence of ints, a degree for each input.
        output_degrees: sequence of `units` ints.
        strict: bool. Whether an input of the output's own degree is hidden, as
            the last layer needs it.
        **kwargs: passed to `keras.layers.Dense`.

    Call arguments:
        inputs: `(batch_size, input_dim)`.
        degrees: pair of integer tensors, `(input_dim,)` and `(units,)`, in
            place of the constructor's: a network that is trained under several
            masks passes those of the moment.

    Returns:
        Tensor of shape `(batch_size, units)`.

    Raises:
        ValueError: if there are no degrees, or too few or too many.

    References:
        - [Germain et al., 2015](https://arxiv.org/abs/1502.03509)
    """

    def __init__(
        self,
        units,
        *,
        input_degrees=None,
        output_degrees=None,
        strict=False,
        **kwargs,
    ):
        units = check_counts(units=units)
        if (input_degrees is None) != (output_degrees is None):
            raise ValueError(
                "`input_degrees` and `output_degrees` come together: pass "
                "both, or neither and `degrees` in the call."
            )
        strict = check_flags(strict=strict)
        super().__init__(units, **for_keras(kwargs))
        self.input_degrees = _as_list("input_degrees", input_degrees)
        self.output_degrees = _as_list("output_degrees", output_degrees)
        self.strict = strict
        _check_length("output_degrees", self.output_degrees, units)

    def build(self, input_shape):
        _check_length("input_degrees", self.input_degrees, input_shape[-1])
        super().build(input_shape)

    def call(self, inputs, degrees=None):
        if degrees is None:
            if self.input_degrees is None:
                raise ValueError(
                    "A `MaskedDense` without degrees of its own needs "
                    "`degrees=` in the call."
                )
            degrees = (
                np.array(self.input_degrees, "int32"),
                np.array(self.output_degrees, "int32"),
            )
        mask = connections(*degrees, strict=self.strict)
        kernel = ops.convert_to_tensor(self.kernel)
        x = ops.matmul(inputs, kernel * ops.cast(mask, kernel.dtype))
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)

    def get_config(self):
        return {
            **super().get_config(),
            "input_degrees": self.input_degrees,
            "output_degrees": self.output_degrees,
            "strict": self.strict,
        }


def _as_list(name, degrees):
    if degrees is None:
        return None
    return [as_int(degree, name) for degree in degrees]


def _check_length(name, degrees, expected):
    if degrees is not None and len(degrees) != expected:
        raise ValueError(
            f"`{name}` must have one degree for each of {expected} units. "
            f"Received: {len(degrees)}"
        )
