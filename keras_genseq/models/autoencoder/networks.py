"""Encoders and decoders of images: dense or convolutional Keras models."""

import math

import keras

from keras_genseq.layers import StridedConv2D
from keras_genseq.layers import StridedConv2DTranspose
from keras_genseq.ops.values import as_rate


def make_encoder(
    image_shape,
    num_outputs,
    *,
    hidden_units,
    filters=(),
    activation,
    dropout=0.0,
    batch_normalization=False,
    num_classes=None,
    dtype=None,
):
    """A network from images to vectors.

    Args:
        image_shape: tuple of ints, (height, width, channels).
        num_outputs: int. Length of a vector.
        hidden_units: sequence of ints. Widths of dense layers.
        filters: sequence of ints. Channels of convolutions before them, each
            of which halves height and width.
        activation: of all layers but the last.
        dropout: float. Share of the units of the dense layers of
            `hidden_units` that training leaves out.
        batch_normalization: bool. Whether these layers are normalized by their
            batch, before the activation.
        num_classes: int, or None. The network takes one-hot classes beside
            the images, which join the first dense layer.
        dtype: dtype policy.

    Returns:
        `keras.Model` of `x`, or of `[x, one_hot]`.

    Raises:
        ValueError: if height or width cannot be halved that often.
    """
    _check_halving(image_shape, filters)
    x = inputs = keras.Input(image_shape, dtype="float32", name="x")
    for size in filters:
        x = StridedConv2D(
            size,
            4,
            strides=2,
            padding="same",
            activation=activation,
            dtype=dtype,
            data_format="channels_last",
        )(x)
    x = keras.layers.Flatten(dtype=dtype, data_format="channels_last")(x)
    x, inputs = _with_classes(x, inputs, num_classes, dtype)
    x = _dense(x, hidden_units, activation, dtype, dropout, batch_normalization)
    x = keras.layers.Dense(num_outputs, dtype=dtype, name="outputs")(x)
    return keras.Model(inputs, x, name="encoder")


def make_decoder(
    latent_dim,
    output_shape,
    *,
    hidden_units,
    filters=(),
    activation,
    dropout=0.0,
    num_classes=None,
    dtype=None,
):
    """A network from codes to images: the encoder's layers in reverse.

    Args:
        latent_dim: int.
        output_shape: tuple of ints, (height, width, channels).
        hidden_units: as for `make_encoder`; the last comes first.
        filters: as for `make_encoder`; the last comes first.
        activation: as for `make_encoder`.
        dropout: as for `make_encoder`.
        num_classes: as for `make_encoder`; classes join the code.
        dtype: as for `make_encoder`.

    Returns:
        `keras.Model` of `z`, or of `[z, one_hot]`.

    Raises:
        ValueError: as for `make_encoder`.
    """
    _check_halving(output_shape, filters)
    height, width, channels = output_shape
    x = inputs = keras.Input((latent_dim,), dtype="float32", name="z")
    x, inputs = _with_classes(x, inputs, num_classes, dtype)
    x = _dense(x, hidden_units[::-1], activation, dtype, dropout)
    if not filters:
        x = keras.layers.Dense(
            math.prod(output_shape), dtype=dtype, name="outputs"
        )(x)
        x = keras.layers.Reshape(output_shape, dtype=dtype)(x)
        return keras.Model(inputs, x, name="decoder")
    shrunk = 2 ** len(filters)
    shape = (height // shrunk, width // shrunk, filters[-1])
    x = _dense(x, [math.prod(shape)], activation, dtype)
    x = keras.layers.Reshape(shape, dtype=dtype)(x)
    for size in filters[-2::-1]:
        x = _transposed(size, activation, dtype)(x)
    x = _transposed(channels, None, dtype, name="outputs")(x)
    return keras.Model(inputs, x, name="decoder")


def make_critic(num_inputs, *, units, activation, dtype=None):
    """A network from vectors to one number each.

    Args:
        num_inputs: int. Length of a vector.
        units: sequence of ints. Widths of its hidden layers.
        activation: of the hidden layers.
        dtype: dtype policy.

    Returns:
        `keras.Model`.
    """
    inputs = keras.Input((num_inputs,), dtype="float32")
    x = _dense(inputs, units, activation, dtype)
    x = keras.layers.Dense(1, dtype=dtype, name="outputs")(x)
    return keras.Model(inputs, x)


def _dense(x, units, activation, dtype, dropout=0.0, batch_normalization=False):
    for size in units:
        if batch_normalization:
            # Its shifts take the place of biases.
            x = keras.layers.Dense(size, use_bias=False, dtype=dtype)(x)
            x = keras.layers.BatchNormalization(dtype=dtype)(x)
            x = keras.layers.Activation(activation, dtype=dtype)(x)
        else:
            x = keras.layers.Dense(size, activation=activation, dtype=dtype)(x)
        if dropout:
            x = keras.layers.Dropout(as_rate(dropout), dtype=dtype)(x)
    return x


def _transposed(filters, activation, dtype, name=None):
    return StridedConv2DTranspose(
        filters,
        4,
        strides=2,
        padding="same",
        activation=activation,
        dtype=dtype,
        name=name,
        data_format="channels_last",
    )


def _with_classes(x, inputs, num_classes, dtype):
    if num_classes is None:
        return x, inputs
    one_hot = keras.Input((num_classes,), dtype="float32", name="one_hot")
    x = keras.layers.Concatenate(dtype=dtype)([x, one_hot])
    return x, [inputs, one_hot]


def _check_halving(image_shape, filters):
    divisor = 2 ** len(filters)
    if image_shape[0] % divisor or image_shape[1] % divisor:
        raise ValueError(
            f"{len(filters)} convolutions halve height and width to a "
            f"{divisor}th: both must be multiples of {divisor}. Give fewer "
            "`filters`, or pad the images. Received: "
            f"image_shape={tuple(image_shape)}"
        )
