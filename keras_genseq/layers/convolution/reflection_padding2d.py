import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_genseq")
class ReflectionPadding2D(keras.layers.ZeroPadding2D):
    """Pads images with what they show, mirrored at their edges.

    Behind it, a convolution meets no black border, whose trace generators of
    images carry into their pictures.

    Args:
        padding: int, pair of ints, or pair of pairs: as for
            `keras.layers.ZeroPadding2D`. The pixels on the edge themselves are
            not repeated, so that it must be smaller than the image's sides.
        data_format: as for `keras.layers.ZeroPadding2D`.
        **kwargs: passed to `keras.layers.ZeroPadding2D`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of shape `(batch_size, new_height, new_width, channels)`.

    Raises:
        ValueError: if a side is known and not larger than its padding.
    """

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(padding, data_format, **kwargs)

    def call(self, inputs):
        pads = [(0, 0), *self.padding, (0, 0)]
        if self.data_format == "channels_first":
            pads = [(0, 0), (0, 0), *self.padding]
        for size, pad in zip(inputs.shape, pads, strict=True):
            if size is not None and max(pad) and size <= max(pad):
                raise ValueError(
                    "A reflection needs sides larger than their padding. "
                    f"Received: shape={tuple(inputs.shape)}, "
                    f"padding={self.padding}. Give larger images."
                )
        return ops.pad(inputs, pads, mode="reflect")
