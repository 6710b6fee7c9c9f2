"""A conditioning map of masked layers, known whole."""

import keras


def context_conv(context_filters, filters, dtype):
    """The unmasked 1 x 1 convolution of a map, without a bias of its own.

    Args:
        context_filters: int, or None. Channels of the map, if there is one.
        filters: int. Channels to which it is added.
        dtype: dtype policy.

    Returns:
        `keras.layers.Conv2D`, or None without a map.
    """
    if context_filters is None:
        return None
    return keras.layers.Conv2D(
        filters,
        1,
        use_bias=False,
        dtype=dtype,
        name="context_conv",
        data_format="channels_last",
    )
