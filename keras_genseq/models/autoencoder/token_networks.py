"""The residual encoder and decoder of a discrete autoencoder's tokens."""

import keras
from keras import ops

from keras_genseq.layers import StridedConv2D
from keras_genseq.layers import StridedConv2DTranspose

BLOCKS_PER_GROUP = 2


def make_token_encoder(
    image_shape, num_tokens, *, filters, strided=False, dtype=None
):
    """A network from images to the logits of their tokens.

    One group of residual blocks per entry of `filters`; between two groups,
    the larger values of 2 x 2 pixels.

    Args:
        image_shape: tuple of ints, (height, width, channels).
        num_tokens: int. Size of the codebook.
        filters: sequence of ints. Channels of each group; the stem, a 7 x 7
            convolution, has those of the first.
        strided: bool. Whether convolutions with strides halve the grid instead.
        dtype: dtype policy; the logits are float32 under every one.

    Returns:
        `keras.Model` from `(batch_size, height, width, channels)` to
        `(batch_size, rows, columns, num_tokens)`.
    """
    x = inputs = keras.Input(image_shape, dtype="float32", name="x")
    x = _convolution(filters[0], 7, dtype)(x)
    for i, width in enumerate(filters):
        if i and strided:
            x = _resampling(StridedConv2D, width, dtype)(x)
        elif i:
            x = _largest_of_four(x)
        x = _group(x, width, (3, 3, 3, 1), _gain(filters), dtype)
    x = keras.layers.ReLU(dtype=dtype)(x)
    x = _convolution(num_tokens, 1, "float32", name="outputs")(x)
    return keras.Model(inputs, x, name="encoder")


def make_token_decoder(
    tokens_shape,
    embedding_dim,
    num_outputs,
    *,
    filters,
    strided=False,
    dtype=None,
):
    """A network from embedded tokens to images: the groups in reverse.

    Args:
        tokens_shape: tuple of ints, (rows, columns).
        embedding_dim: int. Channels of an embedded token.
        num_outputs: int. Channels of the result.
        filters: as for `make_token_encoder`; the last comes first. Between two
            groups every pixel becomes 2 x 2.
        strided: bool. Whether transposed convolutions double the grid instead.
        dtype: dtype policy.

    Returns:
        `keras.Model` from `(batch_size, rows, columns, embedding_dim)` to
        `(batch_size, height, width, num_outputs)`.
    """
    shape = (*tokens_shape, embedding_dim)
    x = inputs = keras.Input(shape, dtype="float32", name="z")
    for i, width in enumerate(reversed(filters)):
        if i and strided:
            x = _resampling(StridedConv2DTranspose, width, dtype)(x)
        elif i:
            x = keras.layers.UpSampling2D(
                2, dtype=dtype, data_format="channels_last"
            )(x)
        x = _group(x, width, (1, 3, 3, 3), _gain(filters), dtype)
    x = keras.layers.ReLU(dtype=dtype)(x)
    x = _convolution(num_outputs, 1, dtype, name="outputs")(x)
    return keras.Model(inputs, x, name="decoder")


def _group(x, width, kernel_sizes, gain, dtype):
    for _ in range(BLOCKS_PER_GROUP):
        shortcut = x
        if x.shape[-1] != width:
            shortcut = _convolution(width, 1, dtype)(x)
        *hidden, last = kernel_sizes
        for size in hidden:
            x = keras.layers.ReLU(dtype=dtype)(x)
            x = _convolution(width // 4, size, dtype)(x)
        x = keras.layers.ReLU(dtype=dtype)(x)
        x = _convolution(width, last, dtype)(x)
        x = keras.layers.Rescaling(gain, dtype=dtype)(x)
        x = keras.layers.Add(dtype=dtype)([shortcut, x])
    return x


def _largest_of_four(x):
    """Max-pooling of 2 x 2 pixels.

    XLA has no deterministic gradient of TensorFlow's own pooling.
    """
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height // 2, 2, width // 2, 2, channels))
    return ops.max(x, axis=(2, 4))


def _gain(filters):
    """The paper's gain of a residual branch, small enough for a deep stack."""
    return (len(filters) * BLOCKS_PER_GROUP) ** -2


def _resampling(layer, filters, dtype):
    return layer(
        filters,
        4,
        strides=2,
        padding="same",
        kernel_initializer=_initializer(),
        data_format="channels_last",
        dtype=dtype,
    )


def _initializer():
    """Normal, with the deviation 1 / sqrt(fan_in), not cut off."""
    return keras.initializers.VarianceScaling(distribution="untruncated_normal")


def _convolution(filters, kernel_size, dtype, name=None):
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        padding="same",
        kernel_initializer=_initializer(),
        dtype=dtype,
        name=name,
        data_format="channels_last",
    )
