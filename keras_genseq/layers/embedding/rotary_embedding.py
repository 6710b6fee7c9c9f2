import keras
from keras import ops

from keras_genseq.ops.positions import positions_from
from keras_genseq.ops.values import check_numbers
from keras_genseq.ops.values import refuse_ragged


@keras.saving.register_keras_serializable(package="keras_genseq")
class RotaryEmbedding(keras.layers.Layer):
    """Turns queries and keys by angles that grow with their positions.

    Dimensions i and i + dim/2 are a plane, turned by pos / w^(2i/dim): products
    of a query and a key then depend on the distance between them alone.

    Args:
        max_wavelength: float. The w above.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(..., time, dim)`, with an even `dim`.
        start: int or integer scalar tensor. Position of the first step.

    Returns:
        Tensor like `x`.

    Raises:
        ValueError: if `dim` is odd.

    References:
        - [Su et al., 2021](https://arxiv.org/abs/2104.09864)
    """

    def __init__(self, *, max_wavelength=10000.0, **kwargs):
        # Powers of less would not be wavelengths that grow.
        max_wavelength = check_numbers(
            minimum=1.0, max_wavelength=max_wavelength
        )
        super().__init__(**kwargs)
        self.max_wavelength = max_wavelength
        self.supports_masking = True
        self.built = True

    def call(self, x, start=0):
        refuse_ragged(x=x)
        dim = x.shape[-1]
        if dim % 2:
            raise ValueError(
                "Rotary embeddings turn pairs of dimensions: the last axis "
                f"must be even. Received: shape={tuple(x.shape)}"
            )
        x = ops.cast(x, self.compute_dtype)
        exponents = ops.arange(dim // 2, dtype="float32") * (2.0 / dim)
        positions = ops.cast(positions_from(start, ops.shape(x)[-2]), "float32")
        angles = positions[:, None] * self.max_wavelength**-exponents
        cos, sin = (ops.cast(f(angles), x.dtype) for f in (ops.cos, ops.sin))
        a, b = ops.split(x, 2, axis=-1)
        return ops.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "max_wavelength": self.max_wavelength}
