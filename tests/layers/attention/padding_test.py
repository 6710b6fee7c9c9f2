"""NaN and infinity at padded positions stay where they are."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_genseq import layers
from keras_genseq.ops.attention import finite_padding

X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)


def of_itself(layer, x):
    return tf.where(MASK[..., None], layer(x, padding_mask=MASK), 0.0)


def of_source(layer, x):
    if isinstance(layer, layers.TransformerDecoderBlock):
        return layer(tf.constant(X), x, encoded_padding_mask=MASK)
    return layer(tf.constant(X), x, padding_mask=MASK)


def of_target(layer, x):
    return of_itself(lambda x, **kw: layer(x, tf.constant(X), **kw), x)


def attention(**kwargs):
    return layers.MultiHeadAttention(2, 4, **kwargs)


def encoder(**kwargs):
    return layers.TransformerEncoderBlock(2, 16, dropout=0.0, **kwargs)


def decoder(**kwargs):
    return layers.TransformerDecoderBlock(2, 16, dropout=0.0, **kwargs)


@pytest.mark.parametrize("fill", [np.nan, np.inf])
@pytest.mark.parametrize(
    "make, call, options",
    [
        (attention, of_itself, {}),
        (attention, of_itself, {"blockwise": True}),
        (attention, of_source, {"use_gate": True}),
        (encoder, of_itself, {"norm_first": True, "rotary": True}),
        (encoder, of_itself, {"blockwise": True}),
        (decoder, of_target, {}),
        (decoder, of_source, {}),
    ],
)
def test_padding_reaches_no_output_and_no_gradient(make, call, options, fill):
    layer = make(**options)
    spoiled = np.where(MASK[..., None], X, fill).astype("float32")
    found = []
    for values in (X, spoiled):
        x = tf.constant(values)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(layer, x)
            loss = tf.reduce_sum(y**2)
        found.append([y, *tape.gradient(loss, [x, *layer.trainable_variables])])
    for with_finite, with_spoiled in zip(*found, strict=True):
        np.testing.assert_allclose(with_spoiled, with_finite, atol=1e-5)


def test_masks_that_inputs_carry_and_further_axes():
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 6)).astype("float32")
    mask = np.ones((2, 3, 4), bool)
    mask[0, 1:] = mask[1, :, 3] = False
    layer = layers.MultiHeadAttention(2, 3, attention_axes=(1, 2))
    spoiled = np.where(mask[..., None], x, np.nan).astype("float32")
    y, z = (
        layer(v, v, query_mask=mask, value_mask=mask).numpy()
        for v in (x, spoiled)
    )
    np.testing.assert_allclose(z[mask], y[mask], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_finite_values_stay_what_they_are(dtype):
    x = keras.ops.cast(X, dtype)
    largest = x.dtype.max
    x = tf.where(MASK[..., None], x, tf.constant(largest, x.dtype))
    assert bool(tf.reduce_all(finite_padding(x, MASK) == x))
    assert finite_padding(x, None) is x


def test_what_is_no_padding_is_not_hidden():
    x = np.full_like(X, np.nan)
    found = np.isnan(finite_padding(tf.constant(x), MASK).numpy())
    np.testing.assert_array_equal(found, np.repeat(MASK[..., None], 8, 2))
