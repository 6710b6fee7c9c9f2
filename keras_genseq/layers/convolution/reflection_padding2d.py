import keras
from keras import ops

from keras_genseq.ops.empty_batches import answers_no_rows
from keras_genseq.ops.layer_arguments import for_keras


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
        super().__init__(
            **for_keras({"padding": padding}), data_format=data_format, **kwargs
        )
        if min(min(pair) for pair in self.padding) < 0:
            raise ValueError(
                "`padding` must be at least 0; `keras.layers.Cropping2D` "
                f"takes away. Received: padding={padding}"
            )

    @answers_no_rows
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
