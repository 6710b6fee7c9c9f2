import keras


@keras.saving.register_keras_serializable(package="keras_genseq")
class InstanceNormalization(keras.layers.GroupNormalization):
    """Gives every channel of every image mean 0 and variance 1.

    It is `keras.layers.GroupNormalization` with a channel in each group, under
    its own name and with the defaults of the papers. There are no moving
    statistics: an image is treated alike in training and afterwards, alone and
    in any batch.

    Args:
        epsilon: float. Added to the variance.
        center: bool. Whether each channel learns an offset.
        scale: bool. Whether each channel learns a factor.
        **kwargs: passed to `keras.layers.GroupNormalization`, without `groups`.

    Call arguments:
        inputs: `(batch_size, height, width, channels)`.

    Returns:
        Tensor of the shape of `inputs`.

    References:
        - [Ulyanov et al., 2016](https://arxiv.org/abs/1607.08022)
    """

    def __init__(self, epsilon=1e-5, center=False, scale=False, **kwargs):
        super().__init__(
            groups=-1, epsilon=epsilon, center=center, scale=scale, **kwargs
        )

    def get_config(self):
        config = super().get_config()
        del config["groups"]
        return config
