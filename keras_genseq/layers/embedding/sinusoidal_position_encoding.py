import keras
from keras import ops

from keras_genseq.ops.positions import positions_from
from keras_genseq.ops.values import check_numbers
from keras_genseq.ops.values import refuse_ragged


@keras.saving.register_keras_serializable(package="keras_genseq")
class SinusoidalPositionEncoding(keras.layers.Layer):
    """Adds waves to embedded tokens that tell their positions apart.

    PE[pos, 2i] = sin(pos / w^(2i/d)), PE[pos, 2i+1] = cos(pos / w^(2i/d))

    with the longest wavelength 2 pi w. The encoding of a position k steps on is
    a rotation of it, the same one everywhere.

    Args:
        max_wavelength: float. The w above.
        **kwargs: passed to `keras.layers.Layer`.

    Call arguments:
        x: `(..., time, hidden_dim)`.
        start: int or integer scalar tensor. Position of the first step.
        padded: bool. As for `PositionEmbedding`; waves have no last position.

    Returns:
        Tensor like `x`.

    References:
        - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), 3.5
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

    def call(self, x, start=0, padded=False):
        refuse_ragged(x=x)
        if len(x.shape) < 2:
            raise ValueError(
                "Embedded tokens have a shape (..., time, hidden_dim). "
                f"Received: shape={tuple(x.shape)}"
            )
        x = ops.cast(x, self.compute_dtype)
        positions = positions_from(start, ops.shape(x)[-2])
        added = ops.cast(self.encode(positions, x.shape[-1]), x.dtype)
        # Of equal rank: with one row, Grappler mistakes the shapes for equal.
        leading = (1,) * (len(x.shape) - 2)
        return x + ops.reshape(added, (*leading, *ops.shape(added)))

    def encode(self, positions, hidden_dim):
        """`(time, hidden_dim)` float32 encodings of `(time,)` positions."""
        columns = ops.arange(hidden_dim, dtype="int32")
        # Columns 2i and 2i + 1 share a wavelength.
        exponents = ops.cast(columns // 2 * 2, "float32") / hidden_dim
        angles = ops.cast(positions, "float32")[:, None]
        angles = angles * self.max_wavelength**-exponents
        is_even = columns % 2 == 0
        return ops.where(is_even, ops.sin(angles), ops.cos(angles))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "max_wavelength": self.max_wavelength}
