"""What strided convolutions share: the choice of how they are computed."""

from keras_genseq.ops.patches import prefers_patches

_IMPLEMENTATIONS = ("auto", "conv", "patches")


class StridedConvolution:
    """Lets a convolutional layer of Keras be computed as a product of patches.

    A subclass names this class first and Keras's layer second.

    Args:
        *args: passed to the layer of Keras.
        implementation: `"conv"` (TensorFlow's own kernels), `"patches"` (one
            product of matrices) or `"auto"` (the one that is faster where it
            is traced: patches on a CPU, for maps of up to 16 pixels and under
            XLA).
        **kwargs: passed to the layer of Keras.
    """

    def __init__(self, *args, implementation="auto", **kwargs):
        if implementation not in _IMPLEMENTATIONS:
            raise ValueError(
                f"`implementation` must be one of {_IMPLEMENTATIONS}. "
                f"Received: implementation={implementation!r}"
            )
        super().__init__(*args, **kwargs)
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
